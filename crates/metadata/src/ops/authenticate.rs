//! Who a token stands for.

use std::sync::Arc;
use std::time::Duration;

use consign_types::access::{Grant, Identity, Membership, Place, Role, Scope};
use consign_types::resource::{NamespaceRef, ProjectRef, TokenParent, UserRef, bot_id};
use consign_types::token::{TokenKind, is_possible};
use consign_types::{Digest, NamespacePath, Slug, Timestamp};
use moka::sync::Cache;

use super::admit::site;
use crate::connection::Db;
use crate::tables::projects::Project;
use crate::tables::tokens::{self, Owner, Token};
use crate::tables::{members, namespaces, projects, replaced_secrets, users};
use crate::{Error, Metadata, Result};

/// How long it is remembered whom a token stands for, and who may read a project. What was given is seen at once, since whoever is
/// refused is looked up again; what was taken away counts for so much longer, at most.
pub(super) const REMEMBERED: Duration = Duration::from_secs(2);

/// For how many of them.
pub(super) const MAX_REMEMBERED: u64 = 10_000;

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
    /// The user, if it is one.
    pub user: Option<i64>,
    /// The token that it came with; 0 for none.
    pub token: i64,
    /// The kind of that token.
    pub kind: Option<TokenKind>,
    /// Whether it came with a secret that was replaced already.
    pub is_old: bool,
    /// Until when the token counts.
    pub expires_at: Option<Timestamp>,
    /// What it may do.
    pub grant: Grant,
    /// The role in what the call is about, once that was judged. Before that, the least.
    pub role: Role,
    /// The digest of the token, by which it is looked up again.
    pub(super) digest: Option<Digest>,
}

impl Principal {
    /// Whoever comes without a token.
    pub fn anonymous() -> Self {
        Self::without_token(slug("anonymous".to_owned()), Grant::anonymous(), Role::Guest)
    }

    /// Whoever runs the service and may do everything, under this name.
    pub fn operator(name: Slug) -> Self {
        Self::without_token(name, Grant::everything(), Role::Admin)
    }

    fn without_token(name: Slug, grant: Grant, role: Role) -> Self {
        Self { name, user: None, token: 0, kind: None, is_old: false, expires_at: None, grant, role, digest: None }
    }

    /// The same with another role: its role in what a call is about.
    #[must_use]
    pub fn acting_as(self, role: Role) -> Self {
        Self { role, ..self }
    }

    /// The same, where guests of a project read it or don't.
    pub(super) fn among(mut self, guests_read: bool) -> Self {
        self.grant.guests_read = guests_read;
        self
    }

    /// The role in a project, which protects nothing for this.
    pub fn role_in(&self, project: &Project) -> Option<Role> {
        self.grant.role_in(&site(project, Arc::default()))
    }

    /// The role in what is its own: its account, or the place that its token is for.
    pub fn own_role(&self) -> Role {
        match &self.grant.identity {
            Identity::Anonymous => Role::Guest,
            Identity::Bound(membership) | Identity::Deploy(membership) => membership.role,
            Identity::User(_) => Role::Owner,
            Identity::Admin(_) => Role::Admin,
        }
    }

    /// Who makes what it makes: its name, and the user. Tokens of projects and namespaces act for a user of their own; machines that only
    /// fetch and publish, and jobs, are nobody.
    pub(super) fn maker(&self) -> (&Slug, Option<i64>) {
        let is_bot = matches!(self.kind, Some(TokenKind::Project | TokenKind::Namespace));
        (&self.name, self.user.or(is_bot.then(|| bot_id(self.token))))
    }

    /// The roles that it was given in a project itself, and in the namespaces around it.
    pub fn given_in(&self, project: &Project) -> (Option<Role>, Option<Role>) {
        self.grant.given_in(&site(project, Arc::default()))
    }

    /// Whether it came without a token.
    pub fn is_anonymous(&self) -> bool {
        self.grant.identity == Identity::Anonymous
    }

    /// Whether its token belongs to this owner.
    pub fn is_owner(&self, parent: &TokenParent) -> bool {
        match (parent, &self.grant.identity) {
            (TokenParent::User(UserRef::Id(id)), _) => self.user == Some(*id),
            (TokenParent::User(UserRef::Name(name)), _) => self.user.is_some() && name.as_str().eq_ignore_ascii_case(self.name.as_str()),
            (TokenParent::Project(name), Identity::Bound(Membership { place, .. }) | Identity::Deploy(Membership { place, .. })) => {
                matches!((place, name), (Place::Project { id, .. }, ProjectRef::Id(given)) if given == id)
                    || matches!((place, name), (Place::Project { path, .. }, ProjectRef::Path(given)) if given == path)
            }
            (TokenParent::Namespace(name), Identity::Bound(Membership { place, .. }) | Identity::Deploy(Membership { place, .. })) => {
                matches!((place, name), (Place::Namespace { id, .. }, NamespaceRef::Id(given)) if given == id)
                    || matches!((place, name), (Place::Namespace { path, .. }, NamespaceRef::Path(given)) if given == path)
            }
            _ => false,
        }
    }

    /// Whether it may read all that the project has in which its role was judged.
    pub(super) fn reads_everything(&self) -> bool {
        (self.role >= Role::Reporter || self.grant.guests_read)
            && Scope::Read.is_within(&self.grant.scopes)
            && self.grant.packages.is_empty()
    }

    /// The principal's own namespace, which has its name.
    pub fn namespace(&self) -> Result<NamespaceRef> {
        let none = || Error::ArgumentInvalid { field: "parent", rule: "must be set: only users have a namespace of their own".to_owned() };
        let path: Option<NamespacePath> = self.user.and_then(|_| self.name.as_str().parse().ok());
        path.map(NamespaceRef::Path).ok_or_else(none)
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
        self.of_digest(Digest::of(token.as_bytes())).await
    }

    /// The same principal as it is by now, for a call that lasts: `TokenInvalid`, `TokenRevoked`, `TokenExpired` once its token counts no longer.
    pub async fn renew(&self, principal: &Principal) -> Result<Principal> {
        match principal.digest {
            Some(digest) => self.of_digest(digest).await,
            None => Ok(principal.clone()),
        }
    }

    async fn of_digest(&self, digest: Digest) -> Result<Principal> {
        if let Some(principal) = self.principals.get(&digest) {
            return Ok(principal);
        }
        let now = self.now();
        let guests_read = self.rules.guests_read;
        let (principal, used) = self.pool.read(move |db| find(db, digest, now)).await?;
        let principal = principal.among(guests_read);
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
pub(super) fn find(db: &mut Db, digest: Digest, now: Timestamp) -> Result<(Principal, Option<Timestamp>)> {
    let Some((token, until)) = tokens::find_by_digest(db, digest)? else {
        let was_one = replaced_secrets::find(db, digest)?.is_some();
        return Err(if was_one { Error::TokenRevoked } else { Error::TokenInvalid });
    };
    // Whoever has the whole secret is told so.
    if token.revoked_at.is_some() || until.is_some_and(|until| until <= now) {
        return Err(Error::TokenRevoked);
    }
    if !token.is_active(now) {
        return Err(Error::TokenExpired);
    }
    let (name, user, identity) = identify(db, &token, now)?;
    let principal = Principal {
        name,
        user,
        token: token.id,
        kind: Some(token.kind),
        is_old: until.is_some(),
        expires_at: token.expires_at,
        grant: Grant { identity, scopes: token.scopes, packages: token.packages, stages: token.stages, guests_read: false },
        role: Role::Guest,
        digest: Some(digest),
    };
    Ok((principal, token.last_used_at))
}

/// For whom a token acts: the name by which it does, the user, and what that one is.
pub(super) fn identify(db: &mut Db, token: &Token, now: Timestamp) -> Result<(Slug, Option<i64>, Identity)> {
    match token.owner {
        Owner::User(id) => {
            let user = users::find(db, &UserRef::Id(id))?.filter(|user| !user.is_disabled).ok_or(Error::TokenInvalid)?;
            let given = members::list_of_user(db, id, now)?.into();
            let identity = if user.is_admin { Identity::Admin(given) } else { Identity::User(given) };
            Ok((slug(user.username.as_str().to_owned()), Some(id), identity))
        }
        // A project that is deleted takes its tokens with it.
        Owner::Project(id) => {
            let project = projects::find(db, &ProjectRef::Id(id))?.ok_or(Error::TokenInvalid)?;
            let place = Place::Project { id, path: project.path };
            Ok((actor(token)?, None, bound(token, place)))
        }
        Owner::Namespace(id) => {
            let namespace = namespaces::find(db, &NamespaceRef::Id(id))?.ok_or(Error::TokenInvalid)?;
            let place = Place::Namespace { id, path: namespace.path };
            Ok((actor(token)?, None, bound(token, place)))
        }
    }
}

fn bound(token: &Token, place: Place) -> Identity {
    let membership = Membership { place, role: token.role };
    if token.kind == TokenKind::Deploy { Identity::Deploy(membership) } else { Identity::Bound(membership) }
}

/// The name by which a token of no user acts.
pub(super) fn actor(token: &Token) -> Result<Slug> {
    token.actor().ok_or(Error::Row("tokens"))
}

fn slug(text: String) -> Slug {
    text.parse().expect("a user name is a slug")
}
