//! One namespace.

use consign_types::resource::NamespaceRef;

use crate::tables::namespaces::{self, Namespace};
use crate::{Metadata, Result};

impl Metadata {
    /// The namespace of this name.
    pub async fn find_namespace(&self, name: NamespaceRef) -> Result<Namespace> {
        self.pool.read(move |db| namespaces::find(db, &name)).await
    }
}
