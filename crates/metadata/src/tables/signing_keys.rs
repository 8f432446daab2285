//! Public keys by which the instance has signed.

use consign_types::Timestamp;
use diesel::prelude::*;

use crate::connection::{Db, each};
use crate::error::Result;
use crate::schema::signing_keys as keys;

/// All of them.
pub(crate) fn list(db: &mut Db) -> Result<Vec<String>> {
    Ok(keys::table.order((keys::created_at, keys::public_key)).select(keys::public_key).load(db)?)
}

/// Notes a key, which may be noted already.
pub(crate) fn insert(db: &mut Db, key: &str, now: Timestamp) -> Result<()> {
    let values = (keys::public_key.eq(key), keys::created_at.eq(now));
    each!(db, connection => diesel::insert_into(keys::table).values(values).on_conflict_do_nothing().execute(connection))?;
    Ok(())
}
