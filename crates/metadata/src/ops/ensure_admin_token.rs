//! The administrator's token and namespace, made at the first start.

use consign_types::access::{Role, Scope};
use consign_types::token::TokenKind;
use consign_types::{Digest, NamespacePath, Slug};

use crate::tables::namespaces::{self, NewNamespace};
use crate::tables::tokens::{self, Owner, Token};
use crate::{Error, Metadata, Result};

/// The name of the administrator, as in GitLab.
pub(super) const ADMIN: &str = "root";

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
                if let Some(given) = given
                    && let Some((other, _)) = tokens::find_by_digest(db, given)?
                    && tokens::find_first(db, &admin)?.is_none_or(|first| first.id != other.id)
                {
                    return Err(Error::ArgumentInvalid { field: "admin_token", rule: "is the secret of another token".to_owned() });
                }
                if let Some(mut first) = tokens::find_first(db, &admin)? {
                    // One that was revoked, or that ended, would lock the administrator out.
                    let Some(secret) = given.or((!first.is_active(now)).then_some(fresh)) else { return Ok(false) };
                    (first.revoked_at, first.expires_at, first.revision) = (None, None, first.revision + 1);
                    tokens::update(db, &first)?;
                    tokens::replace(db, first.id, secret, None)?;
                    return Ok(given.is_none());
                }
                let first = Token {
                    id: 0,
                    owner: Owner::User(admin.clone()),
                    kind: TokenKind::Personal,
                    display_name,
                    role: Role::Admin,
                    scopes: Scope::ALL.into(),
                    packages: Vec::new(),
                    expires_at: None,
                    creator: admin,
                    created_at: now,
                    last_used_at: None,
                    revoked_at: None,
                    revision: 1,
                };
                tokens::insert(db, &first, given.unwrap_or(fresh), true)?;
                Ok(given.is_none())
            })
            .await?;
        self.principals.invalidate_all();
        Ok(taken)
    }
}
