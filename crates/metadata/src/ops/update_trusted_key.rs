//! Changing a trusted key.

use consign_types::Timestamp;
use consign_types::promotion::PredicateType;
use consign_types::resource::TrustedKeyRef;
use consign_types::text::{Description, Etag, RequestId};

use super::change::{Begun, begin, call};
use super::create_trusted_key::check_types;
use super::etag_of;
use super::find_trusted_key::trusted_key;
use super::pending::fingerprint;
use crate::connection::Db;
use crate::tables::promotions;
use crate::tables::trusted_keys::{self, TrustedKey};
use crate::{Metadata, Principal, Result};

/// A trusted key to be changed.
#[derive(Clone, Debug)]
pub struct UpdateTrustedKey {
    /// Who changes it.
    pub principal: Principal,
    /// The key.
    pub name: TrustedKeyRef,
    /// Its etag as last read.
    pub etag: Option<Etag>,
    /// What it is to be.
    pub change: TrustedKeyChange,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

/// What is changed of a trusted key; `None` stays.
#[derive(Clone, Debug, Default)]
pub struct TrustedKeyChange {
    /// The predicate types that it counts for; none stands for all.
    pub predicate_types: Option<Vec<PredicateType>>,
    /// Until when it counts; `Some(None)` for ever.
    pub expires_at: Option<Option<Timestamp>>,
    /// Why it is there.
    pub description: Option<Description>,
}

impl Metadata {
    /// Changes what a key counts for, and until when; has promotions that wait judged again. `TrustedKeyNotFound`, `EtagMismatch`.
    pub async fn update_trusted_key(&self, request: UpdateTrustedKey) -> Result<TrustedKey> {
        let now = self.now();
        self.pool.write(move |db| update(db, &request, now)).await
    }
}

fn update(db: &mut Db, request: &UpdateTrustedKey, now: Timestamp) -> Result<TrustedKey> {
    let UpdateTrustedKey { principal, name, etag, change: wanted, request_id } = request;
    let call = call(principal, "UpdateTrustedKey", name, request_id.as_ref(), fingerprint(&(name, etag, wanted)), now);
    let change = match begin(db, &name.project, &call)? {
        Begun::Done(answer) => return answer.read(),
        Begun::New(change) => change,
    };
    let mut key = trusted_key(db, change.project.id, name)?;
    etag_of(etag.as_ref(), &key.etag(), name)?;
    let TrustedKeyChange { predicate_types, expires_at, description } = wanted.clone();
    key.predicate_types = predicate_types.unwrap_or(key.predicate_types);
    check_types(&key.predicate_types)?;
    key.expires_at = expires_at.unwrap_or(key.expires_at);
    key.description = description.unwrap_or(key.description);
    (key.revision, key.updated_at) = (key.revision + 1, now);
    trusted_keys::update(db, &key)?;
    let mut batch = change.batch(db, &key, Vec::new());
    promotions::hasten(&mut batch, change.project.id, &[], now);
    batch.send(db)?;
    Ok(key)
}
