//! Making a namespace.

use consign_types::NamespacePath;
use consign_types::resource::NamespaceRef;

use super::request_id::{self, Claimed, Fingerprint};
use crate::tables::namespaces::{self, Namespace};
use crate::{Error, Metadata, Principal, Result};

/// A namespace to be made.
#[derive(Clone, Debug)]
pub struct CreateNamespace {
    /// Who makes it.
    pub principal: Principal,
    /// Its full path. The namespace around it must be there.
    pub path: NamespacePath,
    /// What people call it; the path where it is empty.
    pub display_name: String,
    /// Makes a repeated request safe.
    pub request_id: Option<String>,
}

impl Metadata {
    /// Makes a namespace.
    pub async fn create_namespace(&self, new: CreateNamespace) -> Result<Namespace> {
        let now = self.now();
        self.pool
            .write(move |db| {
                let fingerprint = Fingerprint::new().field(new.path.as_str()).field(&new.display_name).finish();
                let request_id = new.request_id.as_deref();
                let claim = match request_id::claim(db, &new.principal.name, "CreateNamespace", request_id, fingerprint, now)? {
                    Claimed::Done(_) => {
                        return namespaces::find(db, &NamespaceRef::Path(new.path.clone()));
                    }
                    Claimed::New(claim) => claim,
                };
                if let Some(parent) = new.path.parent() {
                    namespaces::find(db, &NamespaceRef::Path(parent))?;
                }
                let display_name = if new.display_name.is_empty() { new.path.as_str() } else { &new.display_name };
                let namespace = namespaces::insert(db, &new.path, display_name, now)?;
                let namespace = namespace.ok_or_else(|| Error::NameTaken(new.path.to_string()))?;
                claim.settle(db, [namespace.id])?;
                Ok(namespace)
            })
            .await
    }
}
