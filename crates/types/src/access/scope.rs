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

#[cfg(test)]
mod tests {
    use super::*;

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
