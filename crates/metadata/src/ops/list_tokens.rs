//! Listing and finding tokens.

use consign_types::resource::{TokenParent, TokenRef};

use super::change::lock;
use super::{namespace, project, user};
use crate::connection::Db;
use crate::tables::tokens::{self, Owner, Token};
use crate::{Error, Listed, Metadata, Page, Result};

impl Metadata {
    /// Tokens of a project, namespace or user, by id; those that count, or all.
    pub async fn list_tokens(&self, parent: TokenParent, all: bool, page: Page<i64>) -> Result<Listed<Token>> {
        let active_at = (!all).then(|| self.now());
        self.pool
            .read(move |db| {
                let owner = owner(db, &parent)?;
                Ok(page.of(tokens::list(db, &owner, active_at, page.after.unwrap_or_default(), page.slice())?))
            })
            .await
    }

    /// A token by its id: that of whoever asks.
    pub async fn find_token(&self, id: i64) -> Result<Token> {
        self.pool.read(move |db| tokens::find(db, id)?.ok_or(Error::TokenInvalid)).await
    }
}

/// To whom they belong.
pub(super) fn owner(db: &mut Db, parent: &TokenParent) -> Result<Owner> {
    Ok(match parent {
        TokenParent::Project(name) => Owner::Project(project(db, name)?.id),
        TokenParent::Namespace(name) => Owner::Namespace(namespace(db, name)?.id),
        TokenParent::User(name) => Owner::User(user(db, name)?.id),
    })
}

/// A token by its name, which nobody else changes until the transaction ends.
pub(super) fn token(db: &mut Db, name: &TokenRef) -> Result<Token> {
    let owner = owner(db, &name.parent)?;
    // Projects are locked before what belongs to them.
    if let Owner::Project(project) = owner {
        lock(db, project)?;
    }
    let found = tokens::find_locked(db, name.token)?.filter(|token| token.owner == owner);
    found.ok_or_else(|| Error::TokenNotFound(name.clone()))
}
