//! Tokens, by the digests of their secrets.

use std::collections::{BTreeMap, BTreeSet};

use consign_types::access::{Role, Scope};
use consign_types::pattern::NamePattern;
use consign_types::resource::{NamespaceRef, ProjectRef, TokenParent, TokenRef, UserRef};
use consign_types::text::DisplayName;
use consign_types::token::TokenKind;
use consign_types::{Digest, Slug, Timestamp};
use diesel::prelude::*;

use crate::connection::{Db, each};
use crate::error::{Error, Result};
use crate::page::Slice;
use crate::schema::{tokens, users};

/// A token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its id, never reused.
    pub id: i64,
    /// To whom it belongs.
    pub owner: Owner,
    /// Whom it acts for.
    pub kind: TokenKind,
    /// Its name for people.
    pub display_name: DisplayName,
    /// The role that it acts with.
    pub role: Role,
    /// What it may be used for.
    pub scopes: BTreeSet<Scope>,
    /// The packages that it may touch; none stands for all.
    pub packages: Vec<NamePattern>,
    /// The stages that it may promote to and approve for; none stands for all.
    pub stages: Vec<NamePattern>,
    /// What was said of the CI job that it was made for.
    pub claims: BTreeMap<String, String>,
    /// Until when it counts.
    pub expires_at: Option<Timestamp>,
    /// Who made it.
    pub creator: Slug,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// Counts its changes.
    pub revision: i64,
}

/// To whom a token belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A project, by its id.
    Project(i64),
    /// A namespace, by its id.
    Namespace(i64),
    /// A user, by its id.
    User(i64),
}

impl Token {
    /// Differs after every change.
    pub fn etag(&self) -> String {
        format!("{:x}-{:x}", self.id, self.revision)
    }

    /// Its name.
    pub fn name(&self) -> TokenRef {
        let parent = match &self.owner {
            Owner::Project(id) => TokenParent::Project(ProjectRef::Id(*id)),
            Owner::Namespace(id) => TokenParent::Namespace(NamespaceRef::Id(*id)),
            Owner::User(id) => TokenParent::User(UserRef::Id(*id)),
        };
        TokenRef { parent, token: self.id }
    }

    /// Whether it counts at a time.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| end > now)
    }
}

/// A token as columns, without its id and secret.
#[derive(Clone, Debug, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = tokens, treat_none_as_null = true)]
struct Row {
    kind: TokenKind,
    project_id: Option<i64>,
    namespace_id: Option<i64>,
    user_id: Option<i64>,
    display_name: DisplayName,
    role: Role,
    scopes: String,
    package_globs: String,
    stage_globs: String,
    claims: String,
    expires_at: Option<Timestamp>,
    creator: Slug,
    created_at: Timestamp,
    last_used_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    revision: i64,
}

type Columns = (
    tokens::id,
    (
        tokens::kind,
        tokens::project_id,
        tokens::namespace_id,
        tokens::user_id,
        tokens::display_name,
        tokens::role,
        tokens::scopes,
        tokens::package_globs,
        tokens::stage_globs,
        tokens::claims,
        tokens::expires_at,
        tokens::creator,
        tokens::created_at,
        tokens::last_used_at,
        tokens::revoked_at,
        tokens::revision,
    ),
);

const COLUMNS: Columns = (
    tokens::id,
    (
        tokens::kind,
        tokens::project_id,
        tokens::namespace_id,
        tokens::user_id,
        tokens::display_name,
        tokens::role,
        tokens::scopes,
        tokens::package_globs,
        tokens::stage_globs,
        tokens::claims,
        tokens::expires_at,
        tokens::creator,
        tokens::created_at,
        tokens::last_used_at,
        tokens::revoked_at,
        tokens::revision,
    ),
);

fn to_row(token: &Token) -> Row {
    let (project_id, namespace_id, user_id) = match token.owner {
        Owner::Project(id) => (Some(id), None, None),
        Owner::Namespace(id) => (None, Some(id), None),
        Owner::User(id) => (None, None, Some(id)),
    };
    Row {
        kind: token.kind,
        project_id,
        namespace_id,
        user_id,
        display_name: token.display_name.clone(),
        role: token.role,
        scopes: scopes(&token.scopes),
        package_globs: globs(&token.packages),
        stage_globs: globs(&token.stages),
        claims: serde_json::to_string(&token.claims).expect("a map of texts is JSON"),
        expires_at: token.expires_at,
        creator: token.creator.clone(),
        created_at: token.created_at,
        last_used_at: token.last_used_at,
        revoked_at: token.revoked_at,
        revision: token.revision,
    }
}

/// What was written is read back; a row that is no token is a fault.
fn from_row((id, row): (i64, Row)) -> Result<Token> {
    let fault = || Error::Row("tokens");
    let of_place = row.project_id.map(Owner::Project).or(row.namespace_id.map(Owner::Namespace));
    let owner = of_place.or(row.user_id.map(Owner::User)).ok_or_else(fault)?;
    Ok(Token {
        id,
        owner,
        kind: row.kind,
        display_name: row.display_name,
        role: row.role,
        scopes: read_scopes(&row.scopes).ok_or_else(fault)?,
        packages: read_globs(&row.package_globs).ok_or_else(fault)?,
        stages: read_globs(&row.stage_globs).ok_or_else(fault)?,
        claims: serde_json::from_str(&row.claims).map_err(|_| fault())?,
        expires_at: row.expires_at,
        creator: row.creator,
        created_at: row.created_at,
        last_used_at: row.last_used_at,
        revoked_at: row.revoked_at,
        revision: row.revision,
    })
}

/// Scopes as a column has them: words with blanks between them.
pub(super) fn scopes(scopes: &BTreeSet<Scope>) -> String {
    scopes.iter().map(Scope::as_str).collect::<Vec<_>>().join(" ")
}

pub(super) fn read_scopes(text: &str) -> Option<BTreeSet<Scope>> {
    text.split_ascii_whitespace().map(|word| word.parse().ok()).collect()
}

/// Patterns as a column has them: a list in JSON.
pub(super) fn globs(patterns: &[NamePattern]) -> String {
    let globs: Vec<&str> = patterns.iter().map(NamePattern::text).collect();
    serde_json::to_string(&globs).expect("a list of texts is JSON")
}

pub(super) fn read_globs(text: &str) -> Option<Vec<NamePattern>> {
    let globs: Vec<String> = serde_json::from_str(text).ok()?;
    globs.iter().map(|glob| NamePattern::glob(glob).ok()).collect()
}

/// The token with this secret, or with this old one, and then until when that counts.
pub(crate) fn find_by_digest(db: &mut Db, digest: Digest) -> Result<Option<(Token, Option<Timestamp>)>> {
    let new = tokens::table.filter(tokens::digest.eq(digest)).select(COLUMNS).first(db).optional()?;
    if let Some(row) = new {
        return Ok(Some((from_row(row)?, None)));
    }
    let old = tokens::table.filter(tokens::old_digest.eq(digest)).select((COLUMNS, tokens::old_expires_at)).first(db).optional()?;
    old.map(|(row, until)| Ok((from_row(row)?, until))).transpose()
}

/// Adds a token, whose id does not matter. Returns the one that it got.
pub(crate) fn insert(db: &mut Db, token: &Token, digest: Digest, is_first: bool) -> Result<i64> {
    let values = (to_row(token), tokens::digest.eq(digest), tokens::is_first.eq(is_first));
    Ok(each!(db, connection => diesel::insert_into(tokens::table).values(values).returning(tokens::id).get_result(connection))?)
}

/// A token.
pub(crate) fn find(db: &mut Db, id: i64) -> Result<Option<Token>> {
    tokens::table.find(id).select(COLUMNS).first(db).optional()?.map(from_row).transpose()
}

/// A token, which nobody else changes until the transaction ends.
pub(crate) fn find_locked(db: &mut Db, id: i64) -> Result<Option<Token>> {
    let query = tokens::table.find(id).select(COLUMNS);
    let row = match db {
        Db::Postgres(connection) => query.for_no_key_update().first(connection).optional()?,
        // There is one writer.
        Db::Sqlite(connection) => query.first(connection).optional()?,
    };
    row.map(from_row).transpose()
}

/// The token of an administrator that the service made itself.
pub(crate) fn find_first(db: &mut Db, user: i64) -> Result<Option<Token>> {
    let query = tokens::table.filter(tokens::user_id.eq(user)).filter(tokens::is_first.eq(true));
    query.select(COLUMNS).first(db).optional()?.map(from_row).transpose()
}

/// Tokens behind an id; those that do not count at a time are left out, unless none is given.
pub(crate) fn list(db: &mut Db, owner: &Owner, active_at: Option<Timestamp>, after: i64, slice: Slice) -> Result<Vec<Token>> {
    let mut query =
        tokens::table.select(COLUMNS).filter(tokens::id.gt(after)).order(tokens::id).limit(slice.limit).offset(slice.offset).into_boxed();
    query = match owner {
        Owner::Project(id) => query.filter(tokens::project_id.eq(*id)),
        Owner::Namespace(id) => query.filter(tokens::namespace_id.eq(*id)),
        Owner::User(id) => query.filter(tokens::user_id.eq(*id)),
    };
    if let Some(now) = active_at {
        query = query.filter(tokens::revoked_at.is_null()).filter(tokens::expires_at.is_null().or(tokens::expires_at.gt(now)));
    }
    query.load(db)?.into_iter().map(from_row).collect()
}

/// Whether some administrator who can sign in has a token that counts at a time.
pub(crate) fn has_admin(db: &mut Db, now: Timestamp) -> Result<bool> {
    let admins = users::table.filter(users::is_admin.eq(true)).filter(users::is_disabled.eq(false)).select(users::id.nullable());
    let active = tokens::table.filter(tokens::user_id.eq_any(admins)).filter(tokens::revoked_at.is_null());
    let active = active.filter(tokens::expires_at.is_null().or(tokens::expires_at.gt(now).assume_not_null()));
    Ok(active.select(tokens::id).first::<i64>(db).optional()?.is_some())
}

/// How many tokens that count at a time somebody has made for an owner. Those of CI jobs come and go by themselves.
pub(crate) fn count_made(db: &mut Db, owner: &Owner, now: Timestamp) -> Result<i64> {
    let mut query = tokens::table.filter(tokens::kind.ne(TokenKind::Job)).filter(tokens::revoked_at.is_null()).into_boxed();
    query = match owner {
        Owner::Project(id) => query.filter(tokens::project_id.eq(*id)),
        Owner::Namespace(id) => query.filter(tokens::namespace_id.eq(*id)),
        Owner::User(id) => query.filter(tokens::user_id.eq(*id)),
    };
    query = query.filter(tokens::expires_at.is_null().or(tokens::expires_at.gt(now).assume_not_null()));
    Ok(query.count().get_result(db)?)
}

/// Removes tokens of CI jobs whose time was over by then, a bounded number of them.
pub(crate) fn remove_jobs(db: &mut Db, until: Timestamp, limit: i64) -> Result<usize> {
    let over = tokens::table.filter(tokens::kind.eq(TokenKind::Job)).filter(tokens::expires_at.le(until));
    let ids: Vec<i64> = over.order(tokens::expires_at).limit(limit).select(tokens::id).load(db)?;
    Ok(diesel::delete(tokens::table.filter(tokens::id.eq_any(ids))).execute(db)?)
}

/// Writes a token as it is now, but for its secret.
pub(crate) fn update(db: &mut Db, token: &Token) -> Result<()> {
    diesel::update(tokens::table.find(token.id)).set(to_row(token)).execute(db)?;
    Ok(())
}

/// Gives a token another secret. The one before counts until `old_until`.
pub(crate) fn replace(db: &mut Db, id: i64, digest: Digest, old_until: Option<Timestamp>) -> Result<()> {
    let old = match old_until {
        Some(_) => tokens::table.find(id).select(tokens::digest).first::<Digest>(db).optional()?,
        None => None,
    };
    let until = old.and(old_until);
    let values = (tokens::digest.eq(digest), tokens::old_digest.eq(old), tokens::old_expires_at.eq(until));
    diesel::update(tokens::table.find(id)).set(values).execute(db)?;
    Ok(())
}

/// Gives a token another secret in place of its newest. One that was old already stays.
pub(crate) fn replace_latest(db: &mut Db, id: i64, digest: Digest) -> Result<()> {
    diesel::update(tokens::table.find(id)).set(tokens::digest.eq(digest)).execute(db)?;
    Ok(())
}

/// Notes that a token was used.
pub(crate) fn touch(db: &mut Db, id: i64, now: Timestamp) -> Result<()> {
    diesel::update(tokens::table.find(id)).set(tokens::last_used_at.eq(now)).execute(db)?;
    Ok(())
}

/// Removes the tokens of a project that goes.
pub(crate) fn remove_of_project(db: &mut Db, project: i64) -> Result<()> {
    diesel::delete(tokens::table.filter(tokens::project_id.eq(project))).execute(db)?;
    Ok(())
}

/// Removes the tokens of a namespace that goes.
pub(crate) fn remove_of_namespace(db: &mut Db, namespace: i64) -> Result<()> {
    diesel::delete(tokens::table.filter(tokens::namespace_id.eq(namespace))).execute(db)?;
    Ok(())
}
