//! Answering a repeated request as it was answered the first time.

use consign_types::text::RequestId;
use consign_types::{Digest, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::Principal;
use crate::batch::Batch;
use crate::connection::Db;
use crate::error::{Error, Result};
use crate::tables::counters::Claim;
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
#[derive(Clone)]
pub(crate) struct Call<'a> {
    pub(crate) principal: &'a Principal,
    /// What it is about.
    pub(crate) resource: String,
    pub(crate) method: &'static str,
    pub(crate) request_id: Option<&'a RequestId>,
    pub(crate) fingerprint: Digest,
    pub(crate) now: Timestamp,
}

impl<'a> Call<'a> {
    /// What it is known by, if it has a request id.
    pub(crate) fn key(&self) -> Option<Key<'a>> {
        self.request_id.map(|request_id| Key { principal: &self.principal.name, method: self.method, request_id })
    }

    /// The same, to be claimed for this request.
    pub(crate) fn claim(&self) -> Option<Claim<'a>> {
        self.key().map(|key| Claim { key, fingerprint: self.fingerprint, now: self.now })
    }
}

/// Does `work` once for each request id, where no project is changed: the same request again gets the same answer. A concurrent one with
/// the same id is waited for. Without an id, `work` is done each time.
///
/// This comes first in an operation: a request that was done is answered, whatever has become forbidden since.
pub(crate) fn once<T>(db: &mut Db, call: &Call<'_>, work: impl FnOnce(&mut Db) -> Result<T>) -> Result<T>
where
    T: Serialize + DeserializeOwned,
{
    let Some(key) = call.key() else {
        return work(db);
    };
    if !records::insert(db, key, call.fingerprint, &[], call.now)? {
        return answered(db, key, call.fingerprint)?.read();
    }
    let answer = work(db)?;
    let mut batch = Batch::new(db);
    records::update(&mut batch, key, to_json(&answer));
    batch.send(db)?;
    Ok(answer)
}

/// The answer to a request that was done. It is read for a day, also by a newer release: what that adds to the rows must have defaults.
pub(super) struct Answer(Vec<u8>);

impl Answer {
    /// Reads it.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.0).map_err(|_| Error::Row("idempotency_records"))
    }
}

/// The answer to a request whose id is claimed; `RequestIdReused` if it was claimed for another request.
pub(super) fn answered(db: &mut Db, key: Key<'_>, fingerprint: Digest) -> Result<Answer> {
    match records::find(db, key)? {
        Some((known, answer)) if known == fingerprint => Ok(Answer(answer)),
        _ => Err(Error::RequestIdReused(key.request_id.clone())),
    }
}

/// Whether a request id is claimed, for whichever request.
pub(super) fn is_claimed(db: &mut Db, key: Key<'_>) -> Result<bool> {
    Ok(records::find(db, key)?.is_some())
}

pub(super) fn to_json(answer: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(answer).expect("answers have no keys but texts")
}
