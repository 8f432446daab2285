//! What callers may do: roles, the scopes of tokens, and the one rule that judges a call.
//!
//! Every method says in [`methods`] what it needs. What a caller may do is the meeting of its role in the place that the call is about, the
//! scopes of its token, and the packages that the token is for: [`Grant::judge`].

use crate::word::word_enum;

mod grant;
pub mod methods;
mod scope;
#[cfg(test)]
mod tests;

pub use grant::{Grant, Identity, Membership, Place, Reach, Site, Target};
pub use scope::{SCOPE_WORDS, Scope, ScopeNames, scopes_named};

word_enum! {
    /// What a member may do in a namespace or project; each role may do all that the ones before it may.
    Role {
        /// Sees that the project is there.
        Guest = "guest",
        /// The same: GitLab knows one who also plans, for which there is nothing here.
        Planner = "planner",
        /// Reads and downloads everything.
        Reporter = "reporter",
        /// Publishes versions, and moves tags that are not protected.
        Developer = "developer",
        /// Deletes, and sets rules.
        Maintainer = "maintainer",
        /// Changes settings, members and visibility, and deletes the project.
        Owner = "owner",
        /// Everything in the instance.
        Admin = "admin",
    }
}

impl Role {
    /// All of them, rising.
    pub const ALL: [Self; 7] = [Self::Guest, Self::Planner, Self::Reporter, Self::Developer, Self::Maintainer, Self::Owner, Self::Admin];
}

/// What a method needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// The least role.
    pub role: Role,
    /// The scope.
    pub scope: Scope,
}

impl Need {
    /// Whether somebody without a token may have what it takes, given that something is public.
    pub fn is_for_everybody(self) -> bool {
        self.role <= Role::Reporter && self.scope == Scope::Read
    }
}

/// Why a call is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// The caller may not know that it is there.
    Unknown,
    /// It takes this role.
    Role(Role),
    /// It takes a token with this scope.
    Scope(Scope),
    /// The token is for other packages.
    Package,
    /// The token is for other stages.
    Stage,
    /// A rule keeps the package for this role.
    Protected(Role),
}
