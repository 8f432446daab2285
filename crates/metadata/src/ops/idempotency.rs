//! Answering a repeated request as it was answered the first time.

use consign_types::text::RequestId;
use consign_types::{Digest, Slug, Timestamp};
use sha2::{Digest as _, Sha256};

use super::change::done;
use crate::batch::Batch;
use crate::connection::Db;
use crate::error::Result;
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

    /// Anything that shows itself whole, such as a change of many optional values.
    pub(crate) fn shown(self, value: &impl std::fmt::Debug) -> Self {
        self.field(format!("{value:?}"))
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

impl<'a> Call<'a> {
    /// What it is known by, if it has a request id.
    pub(crate) fn key(&self) -> Option<Key<'a>> {
        self.request_id.map(|request_id| Key { principal: self.principal, method: self.method, request_id })
    }
}

/// Does `work` once for each request id, where no project is changed: the same request again gets `replay` of the rows that the first
/// answer showed, which `work` returns beside it. A concurrent one with the same id is waited for. Without an id, `work` is done each
/// time.
///
/// This comes first in an operation: a request that was done is answered, whatever has become forbidden since.
pub(crate) fn once<T>(
    db: &mut Db,
    call: &Call<'_>,
    replay: impl FnOnce(&mut Db, &[i64]) -> Result<T>,
    work: impl FnOnce(&mut Db) -> Result<(T, Vec<i64>)>,
) -> Result<T> {
    let Some(key) = call.key() else {
        return work(db).map(|(answer, _)| answer);
    };
    if !records::insert(db, key, call.fingerprint, &[], call.now)? {
        let ids = done(db, key, call.fingerprint)?;
        return replay(db, &ids);
    }
    let (answer, ids) = work(db)?;
    let mut batch = Batch::new(db);
    records::update(&mut batch, key, ids.into_iter().flat_map(i64::to_be_bytes).collect());
    batch.send(db)?;
    Ok(answer)
}

pub(super) fn to_ids(rows: &[u8]) -> Vec<i64> {
    rows.chunks_exact(8).map(|id| i64::from_be_bytes(id.try_into().expect("chunks have 8 bytes"))).collect()
}
