//! Tokens, by the digest of their text.

use consign_types::{Digest, Slug, Timestamp};
use diesel::prelude::*;

use crate::connection::{Db, each};
use crate::error::Result;
use crate::schema::tokens;

/// Whom the token with this digest stands for.
pub(crate) fn find(db: &mut Db, digest: Digest) -> Result<Option<Slug>> {
    Ok(tokens::table.filter(tokens::digest.eq(digest)).select(tokens::name).first(db).optional()?)
}

/// Adds a token; `false` if one of this name is there.
pub(crate) fn insert(db: &mut Db, name: &Slug, digest: Digest, now: Timestamp) -> Result<bool> {
    let values = (tokens::name.eq(name), tokens::digest.eq(digest), tokens::created_at.eq(now));
    let inserted = each!(db, connection => diesel::insert_into(tokens::table)
        .values(values)
        .on_conflict_do_nothing()
        .execute(connection))?;
    Ok(inserted == 1)
}

/// Gives a token another text.
pub(crate) fn update(db: &mut Db, name: &Slug, digest: Digest) -> Result<()> {
    diesel::update(tokens::table.filter(tokens::name.eq(name))).set(tokens::digest.eq(digest)).execute(db)?;
    Ok(())
}
