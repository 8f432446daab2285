//! Idempotency records: what a request with a request id has done.

use consign_types::{Digest, Timestamp};
use diesel::prelude::*;

use crate::connection::{Db, each};
use crate::error::Result;
use crate::schema::idempotency_records as records;

/// Whose request it is: principal, method, request id.
pub(crate) type Key<'a> = (&'a str, &'a str, &'a str);

/// Claims a request id for a request; `false` if it is claimed already. A concurrent claim is waited for.
pub(crate) fn insert(db: &mut Db, key: Key<'_>, fingerprint: Digest, now: Timestamp) -> Result<bool> {
    let values = (
        records::principal.eq(key.0),
        records::method.eq(key.1),
        records::request_id.eq(key.2),
        records::fingerprint.eq(fingerprint),
        records::rows.eq(Vec::new()),
        records::created_at.eq(now),
    );
    let inserted = each!(db, connection => diesel::insert_into(records::table)
        .values(values)
        .on_conflict_do_nothing()
        .execute(connection))?;
    Ok(inserted == 1)
}

/// The fingerprint and the rows of a claimed request id.
pub(crate) fn find(db: &mut Db, key: Key<'_>) -> Result<Option<(Digest, Vec<u8>)>> {
    Ok(records::table.find(key).select((records::fingerprint, records::rows)).first(db).optional()?)
}

/// Notes the rows that the answer showed.
pub(crate) fn update(db: &mut Db, key: Key<'_>, rows: Vec<u8>) -> Result<()> {
    diesel::update(records::table.find(key)).set(records::rows.eq(rows)).execute(db)?;
    Ok(())
}

/// Forgets requests from before `time`. Returns how many.
pub(crate) fn remove_before(db: &mut Db, time: Timestamp) -> Result<usize> {
    Ok(diesel::delete(records::table.filter(records::created_at.lt(time))).execute(db)?)
}
