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

    /// The same, for what a later release has added to a request: where it is not set, the request is what it was, and one that came to a
    /// process of the release before is answered by one of this.
    pub(crate) fn added(self, is_set: bool, value: &impl std::fmt::Debug) -> Self {
        if is_set { self.shown(value) } else { self }
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

#[cfg(test)]
mod tests {
    use consign_types::label::Labels;
    use consign_types::receipt::Receipt;
    use consign_types::resource::{NamespaceRef, ScopeRef};
    use consign_types::settings::SettingsChange;

    use super::super::delete_namespace::{self, DeleteNamespace};
    use super::super::deletion::Force;
    use super::super::publish_version::{self, PublishFile, PublishMode, PublishVersion};
    use super::super::update_settings::{self, UpdateSettings};
    use super::*;

    fn publishing(keep_identical: bool) -> Digest {
        let receipt =
            Receipt { upload: 1, project: 1, digest: Digest::of(b"x"), size: 1, generation: 1, expires: Timestamp::from_micros(0) };
        publish_version::fingerprint(&PublishVersion {
            principal: Principal::anonymous(),
            version: "projects/1/packages/tool/versions/1.0".parse().unwrap(),
            files: vec![PublishFile { path: "a".parse().unwrap(), receipt, media_type: "".parse().unwrap() }],
            mode: PublishMode::KeepOpen,
            hidden: None,
            tags: Vec::new(),
            labels: Labels::default(),
            keep_identical,
            expected_content: None,
            request_id: None,
            validate_only: false,
        })
    }

    fn deleting(force: Force) -> Digest {
        let (principal, name) = (Principal::anonymous(), NamespaceRef::Id(7));
        delete_namespace::fingerprint(&DeleteNamespace { principal, name, etag: None, force, request_id: None })
    }

    fn setting(change: SettingsChange) -> Digest {
        let (principal, scope) = (Principal::anonymous(), ScopeRef::Instance);
        let change = SettingsChange { max_file_bytes: Some(Some(5)), ..change };
        update_settings::fingerprint(&UpdateSettings { principal, scope, etag: None, change, request_id: None, validate_only: false })
    }

    /// A request that came to a process of the release before, and comes again to one of this, is the same.
    #[test]
    fn what_a_release_adds_changes_no_request_that_does_not_use_it() {
        let keeping = || SettingsChange { keep_revisions: Some(None), ..SettingsChange::default() };
        for (fingerprint, pinned) in [
            (publishing(false), "19cf89895e4417bab33ac6749cb42a964637b657d5b30736de774163652a94a6"),
            (publishing(true), "15269392cb7e064f5f61e4a349d078510cee263ed4d92e2a0368ef63667427a3"),
            (deleting(Force::No), "dfa6ea63e0f27f6918eae963c5050e15947ec2ec25436bd8239f849dc620e452"),
            (deleting(Force::Yes), "fbab007635488830741bb5b9857f6df49e8c5288a89f6606b35c1b1e43078966"),
            (setting(SettingsChange::default()), "6001d7d39a5411afc8892776ea02b814d4b2c629b9f477146e90ef4cfbdd9e6c"),
            (setting(keeping()), "0ef296ccdf1f62146e24da26d3356cc0a1590b350bef27f082c5a7032ddadc30"),
        ] {
            assert_eq!(fingerprint.to_string(), pinned);
        }
    }
}
