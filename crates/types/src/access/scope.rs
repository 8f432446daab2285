//! What tokens may be used for.

use std::collections::BTreeSet;

use crate::word::word_enum;

word_enum! {
    /// What a token may be used for, within the role that it acts with.
    Scope {
        /// Reads and downloads.
        Read = "read",
        /// Publishes versions, uploads bytes, moves tags.
        Publish = "publish",
        /// Deletes and undeletes packages, versions, files and tags; yanks and quarantines.
        Delete = "delete",
        /// Asks for promotions, rolls back, holds stages, reports deployments.
        Promote = "promote",
        /// Reviews promotions and reports gates.
        Approve = "approve",
        /// Adds attestations, and uploads their bytes.
        Attest = "attest",
        /// Changes settings, rules, stages, policies, members, subscriptions and tokens; reads the audit.
        Admin = "admin",
        /// Makes and moves tags, and publishes nothing.
        TagMove = "tag:move",
        /// Reads and verifies the audit, and changes nothing.
        AuditRead = "audit:read",
        /// Uploads bytes that others publish.
        Upload = "upload",
    }
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Read,
        Self::Publish,
        Self::Delete,
        Self::Promote,
        Self::Approve,
        Self::Attest,
        Self::Admin,
        Self::TagMove,
        Self::AuditRead,
        Self::Upload,
    ];

    /// Whether a token with this scope may do what takes the other one: a wide scope includes the finer ones of its own.
    pub fn includes(self, other: Self) -> bool {
        let is_part = matches!(
            (self, other),
            (Self::Publish, Self::TagMove | Self::Upload) | (Self::Attest, Self::Upload) | (Self::Admin, Self::AuditRead)
        );
        self == other || is_part
    }

    /// Whether it is for acting on stages, so that a token may have it for some of them alone.
    pub fn is_for_stages(self) -> bool {
        matches!(self, Self::Promote | Self::Approve)
    }

    /// Whether one of these includes it.
    pub fn is_within(self, scopes: &BTreeSet<Self>) -> bool {
        scopes.iter().any(|scope| scope.includes(self))
    }
}

/// The words by which people name scopes: each scope's own, and those of GitLab, which stand for several.
pub const SCOPE_WORDS: [&str; 14] = [
    "read",
    "publish",
    "delete",
    "promote",
    "approve",
    "attest",
    "admin",
    "tag:move",
    "audit:read",
    "upload",
    "api",
    "read_api",
    "read_package_registry",
    "write_package_registry",
];

/// The scopes that a word of [`SCOPE_WORDS`] stands for.
pub fn scopes_named(word: &str) -> Option<BTreeSet<Scope>> {
    Some(match word {
        "api" => Scope::ALL.into(),
        "read_api" | "read_package_registry" => [Scope::Read].into(),
        "write_package_registry" => [Scope::Read, Scope::Publish].into(),
        word => [word.parse().ok()?].into(),
    })
}

/// The words by which scopes were asked for: as they were, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScopeNames(Vec<&'static str>);

impl ScopeNames {
    /// Reads words, all of which must be among [`SCOPE_WORDS`].
    pub fn read<'a>(words: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut names = Vec::new();
        for word in words {
            let name = *SCOPE_WORDS.iter().find(|name| **name == word)?;
            if !names.contains(&name) {
                names.push(name);
            }
        }
        Some(Self(names))
    }

    /// The words for scopes for which nobody has used any: GitLab's where there is one, else our own.
    pub fn of(scopes: &BTreeSet<Scope>, is_deploy: bool) -> Self {
        if scopes.len() == Scope::ALL.len() {
            return Self(vec!["api"]);
        }
        let word = |scope: &Scope| match scope {
            Scope::Read if is_deploy => "read_package_registry",
            // That word stands for reading too.
            Scope::Publish if is_deploy && scopes.contains(&Scope::Read) => "write_package_registry",
            Scope::Read if scopes.len() == 1 => "read_api",
            scope => scope.as_str(),
        };
        Self(scopes.iter().map(word).collect())
    }

    /// What they stand for together.
    pub fn scopes(&self) -> BTreeSet<Scope> {
        self.0.iter().filter_map(|word| scopes_named(word)).flatten().collect()
    }

    /// The words.
    pub fn words(&self) -> &[&'static str] {
        &self.0
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_kept_as_they_were_asked_for() {
        for (asked, kept, scopes) in [
            (&["write_package_registry"][..], Some(&["write_package_registry"][..]), &[Scope::Read, Scope::Publish][..]),
            (&["read_package_registry", "read", "read"], Some(&["read_package_registry", "read"]), &[Scope::Read]),
            (&["api", "read_api"], Some(&["api", "read_api"]), &Scope::ALL),
            (&[], Some(&[]), &[]),
            (&["read", "write_repository"], None, &[]),
        ] {
            let names = ScopeNames::read(asked.iter().copied());
            assert_eq!(names.as_ref().map(ScopeNames::words), kept, "{asked:?}");
            assert_eq!(names.unwrap_or_default().scopes(), scopes.iter().copied().collect(), "{asked:?}");
        }
    }

    #[test]
    fn scopes_that_nobody_named_have_the_words_that_mean_them() {
        for (scopes, is_deploy, words) in [
            (&Scope::ALL[..], false, &["api"][..]),
            (&[Scope::Read], false, &["read_api"]),
            (&[Scope::Read], true, &["read_package_registry"]),
            (&[Scope::Read, Scope::Publish], true, &["read_package_registry", "write_package_registry"]),
            (&[Scope::Publish], true, &["publish"]),
            (&[Scope::Read, Scope::Publish], false, &["read", "publish"]),
        ] {
            let scopes: BTreeSet<Scope> = scopes.iter().copied().collect();
            let names = ScopeNames::of(&scopes, is_deploy);
            assert_eq!((names.words(), names.scopes()), (words, scopes));
        }
    }

    #[test]
    fn every_word_names_scopes_and_every_scope_has_its_word() {
        assert!(SCOPE_WORDS.iter().all(|word| scopes_named(word).is_some_and(|scopes| !scopes.is_empty())));
        assert!(Scope::ALL.iter().all(|scope| SCOPE_WORDS.contains(&scope.as_str())));
        assert_eq!(scopes_named("write_package_registry"), Some([Scope::Read, Scope::Publish].into()));
        assert_eq!(scopes_named("write_repository"), None);
    }

    #[test]
    fn wide_scopes_include_the_finer_ones_and_not_the_other_way_round() {
        for (scope, included) in [
            (Scope::Publish, Scope::TagMove),
            (Scope::Publish, Scope::Upload),
            (Scope::Attest, Scope::Upload),
            (Scope::Admin, Scope::AuditRead),
        ] {
            assert!(included.is_within(&[scope].into()) && !scope.is_within(&[included].into()));
        }
        let pairs = Scope::ALL.iter().flat_map(|one| Scope::ALL.map(|other| one.includes(other)));
        assert_eq!(pairs.filter(|includes| *includes).count(), Scope::ALL.len() + 4);
    }
}
