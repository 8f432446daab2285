//! The administrator's token and namespace, made at the first start.

use consign_types::{Digest, NamespacePath, Slug};

use crate::tables::namespaces::{self, NewNamespace};
use crate::tables::tokens;
use crate::{Metadata, Result};

/// The name of the administrator, as in GitLab.
const ADMIN: &str = "root";

impl Metadata {
    /// Makes sure that there is an administrator with the token `given`; without one, `fresh` becomes the token if there is no
    /// administrator yet. Returns whether `fresh` was taken.
    pub async fn ensure_admin_token(&self, given: Option<&str>, fresh: &str) -> Result<bool> {
        let given = given.map(|token| Digest::of(token.as_bytes()));
        let fresh = Digest::of(fresh.as_bytes());
        let now = self.now();
        let taken = self
            .pool
            .write(move |db| {
                let admin: Slug = ADMIN.parse().expect("the administrator's name is a slug");
                let path = NamespacePath::top(&admin).expect("the administrator's name is a namespace");
                let display_name = "Administrator".parse().expect("a word is a display name");
                namespaces::insert(db, &NewNamespace { parent_id: None, path: &path, display_name: &display_name, created_at: now })?;
                let added = tokens::insert(db, &admin, given.unwrap_or(fresh), now)?;
                if let Some(given) = given {
                    tokens::update(db, &admin, given)?;
                }
                Ok(added && given.is_none())
            })
            .await?;
        self.principals.invalidate_all();
        Ok(taken)
    }
}
