//! ID tokens that were changed already.

use consign_types::{Digest, Timestamp};
use diesel::prelude::*;

use crate::connection::{Db, each};
use crate::error::Result;
use crate::schema::used_id_tokens as used;

/// Notes that an ID token was used; `false` if it was already. A concurrent use is waited for.
pub(crate) fn insert(db: &mut Db, digest: Digest, expires: Timestamp) -> Result<bool> {
    let values = (used::digest.eq(digest), used::expires_at.eq(expires));
    let inserted = each!(db, connection => diesel::insert_into(used::table).values(values).on_conflict_do_nothing().execute(connection))?;
    Ok(inserted == 1)
}

/// Forgets those whose time is over, a bounded number of them: their age alone refuses them.
pub(crate) fn remove_expired(db: &mut Db, now: Timestamp, limit: i64) -> Result<usize> {
    let over = used::table.filter(used::expires_at.le(now)).order(used::expires_at).limit(limit);
    let digests: Vec<Digest> = over.select(used::digest).load(db)?;
    Ok(diesel::delete(used::table.filter(used::digest.eq_any(digests))).execute(db)?)
}
