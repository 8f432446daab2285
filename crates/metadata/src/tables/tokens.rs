//! Tokens, by the digests of their secrets.

use consign_types::token::TokenKind;
use consign_types::{Digest, Timestamp};
use diesel::prelude::*;

use super::token_row::{COLUMNS, from_row, to_row};
pub use super::token_row::{Owner, Token};
use crate::connection::{Db, each};
use crate::error::Result;
use crate::schema::{tokens, users};

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
