//! Answering a repeated request as it was answered the first time.

use consign_types::{Digest, Timestamp};
use sha2::{Digest as _, Sha256};

use crate::connection::Db;
use crate::error::{Error, Result};
use crate::tables::idempotency_records as records;

/// What makes two requests the same: a digest over every field, each with its length before it.
pub(crate) struct Fingerprint(Sha256);

impl Fingerprint {
    pub(crate) fn new() -> Self {
        Self(Sha256::new())
    }

    pub(crate) fn field(mut self, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
        self
    }

    pub(crate) fn finish(self) -> Digest {
        Digest::from_bytes(self.0.finalize().into())
    }
}

/// A request id that this transaction holds; `None` for a request without one.
pub(crate) struct Claim<'a>(Option<records::Key<'a>>);

/// What comes of claiming a request id.
pub(crate) enum Claimed<'a> {
    /// The request is new: do it, then [`Claim::settle`].
    New(Claim<'a>),
    /// It was done: these rows are what its answer showed.
    Done(Vec<i64>),
}

/// Claims a request id, if there is one. A concurrent request with the same id is waited for.
pub(crate) fn claim<'a>(
    db: &mut Db,
    principal: &'a str,
    method: &'a str,
    request_id: Option<&'a str>,
    fingerprint: Digest,
    now: Timestamp,
) -> Result<Claimed<'a>> {
    let Some(request_id) = request_id else {
        return Ok(Claimed::New(Claim(None)));
    };
    let key = (principal, method, request_id);
    if records::insert(db, key, fingerprint, now)? {
        return Ok(Claimed::New(Claim(Some(key))));
    }
    match records::find(db, key)? {
        Some((known, rows)) if known == fingerprint => Ok(Claimed::Done(to_ids(&rows))),
        _ => Err(Error::RequestIdReused(request_id.to_owned())),
    }
}

impl Claim<'_> {
    /// Notes what the answer shows, for the next time.
    pub(crate) fn settle(self, db: &mut Db, rows: impl IntoIterator<Item = i64>) -> Result<()> {
        match self.0 {
            Some(key) => records::update(db, key, rows.into_iter().flat_map(i64::to_be_bytes).collect()),
            None => Ok(()),
        }
    }
}

fn to_ids(rows: &[u8]) -> Vec<i64> {
    rows.chunks_exact(8).map(|id| i64::from_be_bytes(id.try_into().expect("chunks have 8 bytes"))).collect()
}
