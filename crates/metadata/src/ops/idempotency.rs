//! Answering a repeated request as it was answered the first time.

use consign_types::text::RequestId;
use consign_types::{Digest, Slug, Timestamp};
use sha2::{Digest as _, Sha256};

use crate::connection::Db;
use crate::error::{Error, Result};
use crate::tables::idempotency_records::{self as records, Key};

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

    /// A field that may be missing, which is not the same as empty.
    pub(crate) fn optional(self, bytes: Option<impl AsRef<[u8]>>) -> Self {
        match bytes {
            Some(bytes) => self.field([1]).field(bytes),
            None => self.field([0]),
        }
    }

    pub(crate) fn finish(self) -> Digest {
        Digest::from_bytes(self.0.finalize().into())
    }
}

/// A request that may come again.
pub(crate) struct Call<'a> {
    pub(crate) principal: &'a Slug,
    pub(crate) method: &'static str,
    pub(crate) request_id: Option<&'a RequestId>,
    pub(crate) fingerprint: Digest,
    pub(crate) now: Timestamp,
}

/// Does `work` once for each request id: the same request again gets `replay` of the rows that the first answer showed, which
/// `work` returns beside it. A concurrent one with the same id is waited for. Without an id, `work` is done each time.
///
/// This comes first in an operation: a request that was done is answered, whatever has become forbidden since.
pub(crate) fn once<T>(
    db: &mut Db,
    call: &Call<'_>,
    replay: impl FnOnce(&mut Db, &[i64]) -> Result<T>,
    work: impl FnOnce(&mut Db) -> Result<(T, Vec<i64>)>,
) -> Result<T> {
    let Some(request_id) = call.request_id else {
        return work(db).map(|(answer, _)| answer);
    };
    let key = Key { principal: call.principal, method: call.method, request_id };
    if !records::insert(db, key, call.fingerprint, call.now)? {
        return match records::find(db, key)? {
            Some((fingerprint, rows)) if fingerprint == call.fingerprint => replay(db, &to_ids(&rows)),
            _ => Err(Error::RequestIdReused(request_id.clone())),
        };
    }
    let (answer, ids) = work(db)?;
    records::update(db, key, ids.into_iter().flat_map(i64::to_be_bytes).collect())?;
    Ok(answer)
}

fn to_ids(rows: &[u8]) -> Vec<i64> {
    rows.chunks_exact(8).map(|id| i64::from_be_bytes(id.try_into().expect("chunks have 8 bytes"))).collect()
}
