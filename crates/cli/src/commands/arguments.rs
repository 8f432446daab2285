//! Arguments that several commands take.

use std::collections::BTreeSet;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use consign_proto::access::scope_numbers;
use consign_types::access::{Role, SCOPE_WORDS, Scope, scopes_named};
use consign_types::name::ParseNameError;
use consign_types::resource::{ProjectRef, VersionRef};
use consign_types::{PackageName, ProjectPath, VersionName};

/// The longest life that `--days` gives anything.
const MAX_DAYS: i64 = 3650;

/// Days from now.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Life {
    /// Days for which it counts [default: until it is ended]
    #[arg(long, value_parser = clap::value_parser!(i64).range(1..=MAX_DAYS))]
    days: Option<i64>,
}

impl Life {
    /// Its end.
    #[expect(clippy::disallowed_methods, reason = "days are counted from the caller's own time")]
    pub(super) fn end(self) -> Option<prost_types::Timestamp> {
        self.days.map(|days| {
            let end = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days);
            prost_types::Timestamp { seconds: end.as_second(), nanos: 0 }
        })
    }
}

/// The names of the roles that are given to members and tokens.
const ROLES: [&str; 6] = ["guest", "planner", "reporter", "developer", "maintainer", "owner"];

/// Reads a role.
pub(super) fn role() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(ROLES).try_map(|word| word.parse::<Role>())
}

/// What a word says that a token may be used for.
#[derive(Clone, Debug)]
pub(super) struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// All that the words said, as a message has them.
    pub(super) fn numbers(words: &[Self]) -> Vec<i32> {
        let scopes: BTreeSet<&Scope> = words.iter().flat_map(|word| &word.0).collect();
        scope_numbers(scopes)
    }
}

/// Reads scopes: ours, and those of GitLab.
pub(super) fn scopes() -> impl TypedValueParser<Value = Scopes> {
    PossibleValuesParser::new(SCOPE_WORDS).try_map(|word| scopes_named(&word).map(Scopes).ok_or("no such scope"))
}

/// A project by its id, or else by its path.
pub(super) fn project(text: &str) -> Result<ProjectRef, String> {
    if let Ok(id) = text.parse() {
        return Ok(ProjectRef::Id(id));
    }
    text.parse::<ProjectPath>().map(ProjectRef::Path).map_err(|error| error.to_string())
}

/// A version of a package of the project that a command names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PackageVersion {
    package: PackageName,
    version: VersionName,
}

impl PackageVersion {
    /// Its name in a project.
    pub(super) fn within(&self, project: &ProjectRef) -> VersionRef {
        VersionRef { project: project.clone(), package: self.package.clone(), version: self.version.clone() }
    }
}

/// A package and a version, with `@` between them.
pub(super) fn package_version(text: &str) -> Result<PackageVersion, String> {
    let (package, version) = text.split_once('@').ok_or("must look like `tool@1.0`")?;
    let package = package.parse().map_err(|error: ParseNameError| error.to_string())?;
    Ok(PackageVersion { package, version: version.parse().map_err(|error: ParseNameError| error.to_string())? })
}
