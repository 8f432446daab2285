//! Idempotency records: what a request with a request id has done.

use consign_types::text::RequestId;
use consign_types::{Digest, Slug, Timestamp};
use diesel::prelude::*;

use crate::batch::{Batch, push};
use crate::connection::{Db, each};
use crate::error::Result;
use crate::schema::idempotency_records as records;

/// Whose request it is, and which.
#[derive(Clone, Copy)]
pub(crate) struct Key<'a> {
    pub(crate) principal: &'a Slug,
    pub(crate) method: &'static str,
    pub(crate) request_id: &'a RequestId,
}

/// Claims a request id for a request that is answered so, as far as that is known; `false` if it is claimed already. A concurrent claim is waited for.
pub(crate) fn insert(db: &mut Db, key: Key<'_>, fingerprint: Digest, answer: &[u8], now: Timestamp) -> Result<bool> {
    let values = (
        records::principal.eq(key.principal),
        records::method.eq(key.method),
        records::request_id.eq(key.request_id),
        records::fingerprint.eq(fingerprint),
        records::answer.eq(answer),
        records::created_at.eq(now),
    );
    let inserted = each!(db, connection => diesel::insert_into(records::table)
        .values(values)
        .on_conflict_do_nothing()
        .execute(connection))?;
    Ok(inserted == 1)
}

/// The fingerprint of a claimed request id, and the answer.
pub(crate) fn find(db: &mut Db, key: Key<'_>) -> Result<Option<(Digest, Vec<u8>)>> {
    let query = records::table.find((key.principal, key.method, key.request_id));
    Ok(query.select((records::fingerprint, records::answer)).first(db).optional()?)
}

/// Claims a request id and notes the answer in one. A concurrent claim is waited for, and breaks the primary key.
pub(crate) fn insert_answered(batch: &mut Batch<'_>, key: Key<'_>, fingerprint: Digest, answer: Vec<u8>, now: Timestamp) {
    let values = (
        records::principal.eq(key.principal.clone()),
        records::method.eq(key.method),
        records::request_id.eq(key.request_id.clone()),
        records::fingerprint.eq(fingerprint),
        records::answer.eq(answer),
        records::created_at.eq(now),
    );
    push!(batch, fixed diesel::insert_into(records::table).values(values));
}

/// Notes the answer.
pub(crate) fn update(batch: &mut Batch<'_>, key: Key<'_>, answer: Vec<u8>) {
    let Key { principal, method, request_id } = key;
    let (principal, request_id) = (principal.clone(), request_id.clone());
    push!(batch, diesel::update(records::table.find((principal, method, request_id))).set(records::answer.eq(answer)));
}

/// Forgets a request.
pub(crate) fn remove(batch: &mut Batch<'_>, key: Key<'_>) {
    let Key { principal, method, request_id } = key;
    let (principal, request_id) = (principal.clone(), request_id.clone());
    push!(batch, diesel::delete(records::table.find((principal, method, request_id))));
}

/// When the oldest requests from before `time` were made, at most `limit` of them, oldest first.
pub(crate) fn list_ages(db: &mut Db, time: Timestamp, limit: i64) -> Result<Vec<Timestamp>> {
    let query = records::table.filter(records::created_at.lt(time)).order(records::created_at).limit(limit);
    Ok(query.select(records::created_at).load(db)?)
}

/// Forgets requests up to `time`. Returns how many.
pub(crate) fn remove_until(db: &mut Db, time: Timestamp) -> Result<usize> {
    Ok(diesel::delete(records::table.filter(records::created_at.le(time))).execute(db)?)
}
