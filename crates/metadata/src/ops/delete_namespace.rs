//! Removing an empty namespace for good.

use consign_types::Timestamp;
use consign_types::resource::NamespaceRef;
use consign_types::text::{Etag, RequestId};

use super::change::{INSTANCE, call, note};
use super::idempotency::{Fingerprint, once};
use super::{etag_of, namespace};
use crate::connection::Db;
use crate::tables::members::{self, Home};
use crate::tables::{namespaces, settings, tokens};
use crate::{Error, Metadata, Principal, Result};

/// A namespace to be removed.
#[derive(Clone, Debug)]
pub struct DeleteNamespace {
    /// Who removes it.
    pub principal: Principal,
    /// The namespace.
    pub name: NamespaceRef,
    /// Its etag as last read.
    pub etag: Option<Etag>,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Removes an empty namespace for good. `NamespaceNotFound`, `NamespaceNotEmpty`, `EtagMismatch`.
    pub async fn delete_namespace(&self, request: DeleteNamespace) -> Result<()> {
        let now = self.now();
        self.pool.write(move |db| delete_namespace(db, &request, now)).await
    }
}

fn delete_namespace(db: &mut Db, request: &DeleteNamespace, now: Timestamp) -> Result<()> {
    let fingerprint = Fingerprint::new().shown(&(&request.name, &request.etag)).finish();
    let call = call(&request.principal, "DeleteNamespace", &request.name, request.request_id.as_ref(), fingerprint, now);
    once(db, &call, |db| {
        let namespace = namespace(db, &request.name)?;
        etag_of(request.etag.as_ref(), &namespace.etag(), &request.name)?;
        if namespaces::is_used(db, namespace.id)? {
            return Err(Error::NamespaceNotEmpty(request.name.clone()));
        }
        settings::remove(db, settings::Scope::Namespace(namespace.id))?;
        members::remove_of(db, Home::Namespace(namespace.id))?;
        tokens::remove_of_namespace(db, namespace.id)?;
        namespaces::remove(db, namespace.id)?;
        note(db, &call, INSTANCE, &namespace)
    })
}
