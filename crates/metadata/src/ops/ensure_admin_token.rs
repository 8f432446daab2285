//! The administrator's token and namespace, made at the first start.

use consign_types::{Digest, NamespacePath};

use crate::tables::{namespaces, tokens};
use crate::{Metadata, Result};

/// The name of the administrator, and of the namespace that projects without another one go to.
pub(crate) const ADMIN: &str = "root";

/// The administrator's namespace.
pub(crate) fn admin_namespace() -> NamespacePath {
    ADMIN.parse().expect("the administrator's name is a path part")
}

impl Metadata {
    /// Makes sure that there is an administrator with the token `given`; without one, `fresh` becomes the token if there is no
    /// administrator yet. Returns whether `fresh` was taken.
    pub async fn ensure_admin_token(&self, given: Option<&str>, fresh: &str) -> Result<bool> {
        let given = given.map(|token| Digest::of(token.as_bytes()));
        let fresh = Digest::of(fresh.as_bytes());
        let now = self.now();
        self.pool
            .write(move |db| {
                namespaces::insert(db, &admin_namespace(), "Administrator", now)?;
                let added = tokens::insert(db, ADMIN, given.unwrap_or(fresh), now)?;
                if let Some(given) = given {
                    tokens::update(db, ADMIN, given)?;
                }
                Ok(added && given.is_none())
            })
            .await
    }
}
