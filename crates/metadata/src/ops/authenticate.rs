//! Who a token stands for.

use std::time::Duration;

use consign_types::access::{Bound, Grant};
use consign_types::resource::{NamespaceRef, ProjectRef};
use consign_types::token::{TokenKind, is_possible};
use consign_types::{Digest, NamespacePath, Slug, Timestamp};
use moka::sync::Cache;

use crate::connection::Db;
use crate::tables::projects;
use crate::tables::tokens::{self, Owner, Token};
use crate::{Error, Metadata, Result};

/// How long it is remembered whom a token stands for.
const REMEMBERED: Duration = Duration::from_secs(2);

/// For how many tokens.
const MAX_REMEMBERED: u64 = 10_000;

/// How exactly it is noted when a token was used.
const USED_SECONDS: i64 = 60;

/// Whom tokens stand for, by the digests of their texts.
pub(crate) type Principals = Cache<Digest, Principal>;

pub(crate) fn remember() -> Principals {
    Cache::builder().time_to_live(REMEMBERED).max_capacity(MAX_REMEMBERED).build()
}

/// Who makes a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The name that rows and logs carry; unique.
    pub name: Slug,
    /// The token that it came with.
    pub token: i64,
    /// Whether it came with a secret that was replaced already.
    pub is_old: bool,
    /// Until when the token counts.
    pub expires_at: Option<Timestamp>,
    /// What it may do.
    pub grant: Grant,
}

impl Principal {
    /// The principal's own namespace, which has its name.
    pub(crate) fn namespace(&self) -> Result<NamespaceRef> {
        let path = NamespacePath::top(&self.name);
        path.map(NamespaceRef::Path).map_err(|error| Error::ArgumentInvalid { field: "parent", rule: error.to_string() })
    }
}

impl Metadata {
    /// Finds whom a token stands for.
    ///
    /// The token is looked up by its digest, so no comparison depends on how much of a secret was guessed. An answer is remembered for a
    /// moment: a token that was taken away is good for two seconds longer, at most.
    pub async fn authenticate(&self, token: &str) -> Result<Principal> {
        if !is_possible(token) {
            return Err(Error::TokenInvalid);
        }
        let digest = Digest::of(token.as_bytes());
        if let Some(principal) = self.principals.get(&digest) {
            return Ok(principal);
        }
        let now = self.now();
        let (principal, used) = self.pool.read(move |db| find(db, digest, now)).await?;
        self.principals.insert(digest, principal.clone());
        if used.is_none_or(|used| used.plus_seconds(USED_SECONDS) <= now) {
            self.note_use(principal.token, now);
        }
        Ok(principal)
    }

    /// Notes that a token was used. Nobody waits for it, and nothing depends on it.
    fn note_use(&self, token: i64, now: Timestamp) {
        let pool = self.pool.clone();
        tokio::spawn(async move {
            if let Err(error) = pool.write(move |db| tokens::touch(db, token, now)).await {
                tracing::debug!(error = &error as &dyn std::error::Error, "cannot note that a token was used");
            }
        });
    }
}

/// Whom the token stands for, and when it was last used.
fn find(db: &mut Db, digest: Digest, now: Timestamp) -> Result<(Principal, Option<Timestamp>)> {
    let (token, until) = tokens::find_by_digest(db, digest)?.ok_or(Error::TokenInvalid)?;
    if token.revoked_at.is_some() || until.is_some_and(|until| until <= now) {
        return Err(Error::TokenInvalid);
    }
    if !token.is_active(now) {
        return Err(Error::TokenExpired);
    }
    let bound = match &token.owner {
        Owner::User(_) => None,
        // A project that is deleted takes its tokens with it.
        Owner::Project(project) => {
            let project = projects::find(db, &ProjectRef::Id(*project))?.ok_or(Error::TokenInvalid)?;
            Some(Bound { project: project.id, path: project.path })
        }
    };
    let principal = Principal {
        name: name(&token),
        token: token.id,
        is_old: until.is_some(),
        expires_at: token.expires_at,
        grant: grant(&token, bound),
    };
    Ok((principal, token.last_used_at))
}

/// What a token allows.
pub(super) fn grant(token: &Token, bound: Option<Bound>) -> Grant {
    Grant { role: token.role, scopes: token.scopes.clone(), bound, packages: token.packages.clone() }
}

/// The name by which a token acts: that of its user; that of no user for a project's, in the form that GitLab gives to such.
fn name(token: &Token) -> Slug {
    match (&token.owner, token.kind) {
        (Owner::User(user), _) => user.clone(),
        (Owner::Project(project), TokenKind::Deploy) => slug(format!("project_{project}_deploy_{}", token.id)),
        (Owner::Project(project), _) => slug(format!("project_{project}_bot_{}", token.id)),
    }
}

fn slug(text: String) -> Slug {
    text.parse().expect("words and numbers are a slug")
}
