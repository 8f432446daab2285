//! A page of namespaces.

use consign_types::NamespacePath;

use crate::tables::namespaces::{self, Namespace};
use crate::{Listed, Metadata, Page, Result};

impl Metadata {
    /// Namespaces in the order of their paths.
    pub async fn list_namespaces(&self, page: Page<NamespacePath>) -> Result<Listed<Namespace>> {
        self.pool.read(move |db| Ok(page.of(namespaces::list(db, page.after.as_ref(), page.limit())?))).await
    }
}
