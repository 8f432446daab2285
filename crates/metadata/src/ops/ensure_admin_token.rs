//! The administrator's token and namespace, made at the first start.

use consign_types::access::{Role, Scope, ScopeNames};
use consign_types::resource::UserRef;
use consign_types::token::TokenKind;
use consign_types::{Digest, NamespacePath, Slug, Timestamp, Username};

use super::change::call;
use super::create_token::note_token;
use crate::connection::Db;
use crate::tables::members::{self, Home, Member};
use crate::tables::namespaces::{self, NewNamespace};
use crate::tables::tokens::{self, Owner, Token};
use crate::tables::users::{self, NewUser, User};
use crate::{Error, Metadata, Principal, Result};

/// The name of the first administrator, as in GitLab.
const ADMIN: &str = "root";

impl Metadata {
    /// Makes sure that there is an administrator with the token `given`; without one, `fresh` becomes the token if there is no
    /// administrator yet. Returns whether `fresh` was taken. Whoever gives a token is let in: an administrator who was disabled, or is none
    /// any more, is one again.
    pub async fn ensure_admin_token(&self, given: Option<&str>, fresh: &str) -> Result<bool> {
        let given = given.map(|token| Digest::of(token.as_bytes()));
        let fresh = Digest::of(fresh.as_bytes());
        let now = self.now();
        let taken = self.pool.write(move |db| ensure(db, given, fresh, now)).await?;
        self.principals.invalidate_all();
        Ok(taken)
    }
}

fn ensure(db: &mut Db, given: Option<Digest>, fresh: Digest, now: Timestamp) -> Result<bool> {
    let mut admin = admin(db, now)?;
    let first = tokens::find_first(db, admin.id)?;
    if let Some(given) = given
        && let Some((other, _)) = tokens::find_by_digest(db, given)?
        && first.as_ref().is_none_or(|first| first.id != other.id)
    {
        return Err(Error::ArgumentInvalid { field: "admin_token", rule: "is the secret of another token".to_owned() });
    }
    let is_let_in = admin.is_admin && !admin.is_disabled;
    if given.is_some() && !is_let_in {
        (admin.is_admin, admin.is_disabled, admin.revision) = (true, false, admin.revision + 1);
        users::update(db, &admin)?;
    }
    let Some(mut first) = first else {
        let mut first = token(&admin, now);
        first.id = tokens::insert(db, &first, given.unwrap_or(fresh), true)?;
        note_admin(db, &admin, &first, now)?;
        return Ok(given.is_none());
    };
    // One that was revoked, or that ended, would lock the administrator out, if there is no other.
    let is_locked_out = !first.is_active(now) && !tokens::has_admin(db, now)?;
    let Some(secret) = given.or(is_locked_out.then_some(fresh)) else { return Ok(false) };
    let is_current = tokens::find_by_digest(db, secret)?.is_some_and(|(_, replaced)| replaced.is_none());
    if is_let_in && is_current && first.is_active(now) && first.expires_at.is_none() {
        return Ok(false);
    }
    (first.revoked_at, first.expires_at, first.revision) = (None, None, first.revision + 1);
    tokens::update(db, &first)?;
    tokens::replace(db, first.id, secret, None)?;
    note_admin(db, &admin, &first, now)?;
    Ok(given.is_none())
}

/// Notes that whoever runs the service let the administrator in.
fn note_admin(db: &mut Db, admin: &User, token: &Token, now: Timestamp) -> Result<()> {
    let principal = Principal::operator(ADMIN.parse().expect("the administrator's name is a slug"));
    let name = UserRef::Id(admin.id);
    note_token(db, &call(&principal, "EnsureAdminToken", &name, None, Digest::of(b""), now), token)
}

/// The first administrator, with a namespace: made if there is none.
fn admin(db: &mut Db, now: Timestamp) -> Result<User> {
    let username: Username = ADMIN.parse().expect("the administrator's name is a user name");
    if let Some(user) = users::find(db, &UserRef::Name(username.clone()))? {
        return Ok(user);
    }
    let display_name = "Administrator".parse().expect("a word is a display name");
    let path = NamespacePath::of_user(&username);
    let new = NewNamespace { parent_id: None, path: &path, display_name: &display_name, created_at: now };
    let namespace = namespaces::insert(db, &new)?;
    let new = NewUser {
        username: &username,
        display_name: &display_name,
        email: None,
        is_admin: true,
        is_disabled: false,
        revision: 1,
        created_at: now,
        updated_at: now,
    };
    // Another process that starts at the same time may be faster.
    let Some(user) = users::insert(db, &new)? else {
        return users::find(db, &UserRef::Name(username))?.ok_or_else(Error::raced);
    };
    if let Some(namespace) = namespace {
        members::insert(db, Home::Namespace(namespace.id), &Member::new(user.id, (Role::Owner, None), now))?;
    }
    Ok(user)
}

fn token(admin: &User, now: Timestamp) -> Token {
    let creator: Slug = ADMIN.parse().expect("the administrator's name is a slug");
    Token {
        id: 0,
        owner: Owner::User(admin.id),
        kind: TokenKind::Personal,
        display_name: admin.display_name.clone(),
        description: "".parse().expect("a description may be empty"),
        username: None,
        role: Role::Guest,
        scopes: Scope::ALL.into(),
        scope_names: ScopeNames::default(),
        packages: Vec::new(),
        stages: Vec::new(),
        claims: std::collections::BTreeMap::new(),
        expires_at: None,
        creator,
        created_at: now,
        last_used_at: None,
        revoked_at: None,
        revision: 1,
    }
}
