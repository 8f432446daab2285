//! Reading a namespace.

use consign_types::resource::NamespaceRef;

use super::namespace;
use crate::tables::namespaces::Namespace;
use crate::{Metadata, Result};

impl Metadata {
    /// The namespace of this name, or `NamespaceNotFound`.
    pub async fn find_namespace(&self, name: NamespaceRef) -> Result<Namespace> {
        self.pool.read(move |db| namespace(db, &name)).await
    }
}
