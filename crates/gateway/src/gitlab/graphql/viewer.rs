//! Who asks, and what is spoken to.

use async_graphql::{ID, SimpleObject};
use consign_proto::metadata::User;

use super::super::entity::username;
use super::super::user::{GITLAB_VERSION, revision};
use super::scalar::global;

/// Whoever is signed in.
#[derive(Debug, SimpleObject)]
pub(super) struct CurrentUser {
    id: ID,
    username: String,
    name: String,
}

impl From<User> for CurrentUser {
    fn from(user: User) -> Self {
        Self { id: global("User", user.id).into(), username: username(&user.username), name: user.display_name }
    }
}

/// The version of GitLab whose API this is.
#[derive(Debug, SimpleObject)]
pub(super) struct Metadata {
    version: &'static str,
    revision: String,
}

impl Metadata {
    /// Of this service.
    pub(super) fn here() -> Self {
        Self { version: GITLAB_VERSION, revision: revision() }
    }
}
