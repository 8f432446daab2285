//! Arguments that several commands take.

use clap::{Args, ValueEnum};
use consign_proto::metadata as wire;
use consign_types::ProjectPath;
use consign_types::resource::ProjectRef;

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

/// What a member may do; each may do all that the ones before may.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Role {
    Guest,
    Reporter,
    Developer,
    Maintainer,
    Owner,
}

impl From<Role> for wire::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Guest => Self::Guest,
            Role::Reporter => Self::Reporter,
            Role::Developer => Self::Developer,
            Role::Maintainer => Self::Maintainer,
            Role::Owner => Self::Owner,
        }
    }
}

/// What a token may be used for, within its role.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Scope {
    Read,
    Publish,
    Delete,
    Promote,
    Approve,
    Attest,
    Admin,
}

impl From<Scope> for wire::Scope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Read => Self::Read,
            Scope::Publish => Self::Publish,
            Scope::Delete => Self::Delete,
            Scope::Promote => Self::Promote,
            Scope::Approve => Self::Approve,
            Scope::Attest => Self::Attest,
            Scope::Admin => Self::Admin,
        }
    }
}

/// A project by its id, or else by its path.
pub(super) fn project(text: &str) -> Result<ProjectRef, String> {
    if let Ok(id) = text.parse() {
        return Ok(ProjectRef::Id(id));
    }
    text.parse::<ProjectPath>().map(ProjectRef::Path).map_err(|error| error.to_string())
}
