//! What a token is to be used for, in the words of a command line.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use clap::Args;
use consign_proto::access::scope_numbers;
use consign_types::access::{SCOPE_WORDS, Scope, scopes_named};

/// The options by which a token, or a rule that grants tokens, says what it is for.
#[derive(Debug, Args)]
pub(super) struct Purpose {
    /// What it may be used for; may be given several times: `read`, `publish`, `delete`, `promote`, `approve`, `attest`, `admin`,
    /// `tag:move`, `audit:read`, `upload`, or GitLab's `api`, `read_api`, `read_package_registry`, `write_package_registry`. `publish:GLOB` is
    /// `publish` with `--package GLOB`, `promote:GLOB` and `approve:GLOB` are these with `--stage GLOB`.
    #[arg(long = "scope", value_name = "SCOPE", value_parser = word, required = true)]
    words: Vec<Word>,

    /// Pattern of the packages that it may touch, such as `app-*`; may be given several times [default: all]
    #[arg(long = "package", value_name = "GLOB")]
    packages: Vec<String>,

    /// Pattern of the stages that it may promote to and approve for; may be given several times [default: all]
    #[arg(long = "stage", value_name = "GLOB")]
    stages: Vec<String>,
}

/// The same as a message has it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rights {
    pub(super) scopes: Vec<i32>,
    pub(super) package_patterns: Vec<String>,
    pub(super) stage_patterns: Vec<String>,
}

/// A scope as it was given.
#[derive(Clone, Debug)]
struct Word {
    scopes: BTreeSet<Scope>,
    /// What follows its colon.
    glob: Option<String>,
}

fn word(text: &str) -> Result<Word, String> {
    if let Some(scopes) = scopes_named(text) {
        return Ok(Word { scopes, glob: None });
    }
    match text.split_once(':') {
        Some((scope @ ("publish" | "promote" | "approve"), glob)) if !glob.is_empty() => {
            Ok(Word { scopes: scopes_named(scope).unwrap_or_default(), glob: Some(glob.to_owned()) })
        }
        _ => Err(format!("must be one of {}, publish:GLOB, promote:GLOB, approve:GLOB", SCOPE_WORDS.join(", "))),
    }
}

impl Purpose {
    /// What it comes to. A token has one list of packages and one of stages, for all that it does: what would need two is refused, so that
    /// no token may do more than its words say.
    pub(super) fn rights(&self) -> Result<Rights> {
        let scopes: BTreeSet<Scope> = self.words.iter().flat_map(|word| word.scopes.iter().copied()).collect();
        let publishes = self.globs(Scope::Publish)?;
        let [promotes, approves] = [self.globs(Scope::Promote)?, self.globs(Scope::Approve)?];
        let is_one = !scopes.contains(&Scope::Promote) || !scopes.contains(&Scope::Approve) || promotes == approves;
        ensure!(is_one, "`promote` and `approve` of one token reach the same stages: make two tokens");
        let stages: BTreeSet<&str> = promotes.union(&approves).copied().collect();
        Ok(Rights {
            scopes: scope_numbers(&scopes),
            package_patterns: given(&self.packages, &publishes, "publish", "--package")?,
            stage_patterns: given(&self.stages, &stages, "promote` or `approve", "--stage")?,
        })
    }

    /// The globs with which a scope is given.
    fn globs(&self, scope: Scope) -> Result<BTreeSet<&str>> {
        let words = || self.words.iter().filter(|word| word.scopes.contains(&scope));
        let globs: BTreeSet<&str> = words().filter_map(|word| word.glob.as_deref()).collect();
        ensure!(globs.is_empty() || words().all(|word| word.glob.is_some()), "`{scope}` is given with a pattern and without one");
        Ok(globs)
    }
}

/// The patterns that an option gives, or else those of scopes.
fn given(option: &[String], of_scopes: &BTreeSet<&str>, scope: &str, name: &str) -> Result<Vec<String>> {
    ensure!(option.is_empty() || of_scopes.is_empty(), "`{scope}` is given with a pattern, and `{name}` besides");
    let globs = of_scopes.iter().map(|glob| (*glob).to_owned());
    Ok(option.iter().cloned().chain(globs).collect())
}

/// Patterns for people; none stands for all of these.
pub(super) fn patterns(patterns: &[String], nouns: &str) -> String {
    if patterns.is_empty() { format!("all {nouns}") } else { patterns.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Words = &'static [&'static str];

    fn rights(words: &[&str], packages: &[&str], stages: &[&str]) -> Result<Rights> {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let words = words.iter().map(|text| word(text).map_err(anyhow::Error::msg)).collect::<Result<_>>()?;
        Purpose { words, packages: texts(packages), stages: texts(stages) }.rights()
    }

    fn of(scopes: &[Scope], packages: &[&str], stages: &[&str]) -> Rights {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        Rights { scopes: scope_numbers(scopes), package_patterns: texts(packages), stage_patterns: texts(stages) }
    }

    #[test]
    fn a_scope_with_a_pattern_is_the_scope_and_the_pattern() {
        let cases: &[(Words, Words, Words, Rights)] = &[
            (&["read", "tag:move"], &[], &[], of(&[Scope::Read, Scope::TagMove], &[], &[])),
            (&["publish:lib-*", "publish:app"], &[], &[], of(&[Scope::Publish], &["app", "lib-*"], &[])),
            (&["promote:staging", "read"], &[], &[], of(&[Scope::Read, Scope::Promote], &[], &["staging"])),
            (&["promote", "read"], &["app"], &["staging"], of(&[Scope::Read, Scope::Promote], &["app"], &["staging"])),
            (&["promote:qa", "approve:qa"], &[], &[], of(&[Scope::Promote, Scope::Approve], &[], &["qa"])),
            (&["publish", "promote:qa"], &["app"], &[], of(&[Scope::Publish, Scope::Promote], &["app"], &["qa"])),
        ];
        for (words, packages, stages, expected) in cases {
            assert_eq!(&rights(words, packages, stages).unwrap(), expected, "{words:?}");
        }
    }

    #[test]
    fn what_would_give_a_token_more_than_its_words_say_is_refused() {
        let cases: &[(Words, Words, Words, &str)] = &[
            (&["promote:qa", "promote"], &[], &[], "with a pattern and without"),
            (&["api", "publish:app"], &[], &[], "with a pattern and without"),
            (&["promote:qa", "approve:production"], &[], &[], "make two tokens"),
            (&["promote:qa", "approve"], &[], &[], "make two tokens"),
            (&["publish:app"], &["lib"], &[], "`--package` besides"),
            (&["promote:qa"], &[], &["production"], "`--stage` besides"),
            (&["promote:"], &[], &[], "must be one of"),
            (&["delete:app"], &[], &[], "must be one of"),
        ];
        for (words, packages, stages, said) in cases {
            let refusal = rights(words, packages, stages).unwrap_err().to_string();
            assert!(refusal.contains(said), "{words:?}: {refusal}");
        }
    }
}
