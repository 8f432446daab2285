//! Trusting a key no longer.

use consign_types::Timestamp;
use consign_types::resource::TrustedKeyRef;
use consign_types::text::{Etag, RequestId};

use super::change::{Begun, begin, call};
use super::etag_of;
use super::find_trusted_key::trusted_key;
use super::pending::fingerprint;
use crate::connection::Db;
use crate::tables::{promotions, trusted_keys};
use crate::{Metadata, Principal, Result};

/// A trusted key to be removed.
#[derive(Clone, Debug)]
pub struct DeleteTrustedKey {
    /// Who removes it.
    pub principal: Principal,
    /// The key.
    pub name: TrustedKeyRef,
    /// Its etag as last read.
    pub etag: Option<Etag>,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Removes a trusted key for good, and has promotions that wait judged again. What was applied stays. `TrustedKeyNotFound`,
    /// `EtagMismatch`.
    pub async fn delete_trusted_key(&self, request: DeleteTrustedKey) -> Result<()> {
        let now = self.now();
        self.pool.write(move |db| delete(db, &request, now)).await
    }
}

fn delete(db: &mut Db, request: &DeleteTrustedKey, now: Timestamp) -> Result<()> {
    let DeleteTrustedKey { principal, name, etag, request_id } = request;
    let call = call(principal, "DeleteTrustedKey", name, request_id.as_ref(), fingerprint(&(name, etag)), now);
    let Begun::New(change) = begin(db, &name.project, &call)? else {
        return Ok(());
    };
    let key = trusted_key(db, change.project.id, name)?;
    etag_of(etag.as_ref(), &key.etag(), name)?;
    trusted_keys::remove(db, key.id)?;
    let mut batch = change.batch(db, &(), Vec::new());
    promotions::hasten(&mut batch, change.project.id, &[], now);
    batch.send(db)
}
