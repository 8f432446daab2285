//! A page of namespaces.

use crate::tables::namespaces::{self, Namespace};
use crate::{Metadata, Result};

/// Which page.
#[derive(Clone, Debug)]
pub struct ListNamespaces {
    /// The id of the last namespace of the page before; 0 for the first page.
    pub after: i64,
    /// How many at most.
    pub limit: i64,
}

impl Metadata {
    /// Namespaces in the order in which they were made.
    pub async fn list_namespaces(&self, page: ListNamespaces) -> Result<Vec<Namespace>> {
        self.pool.read(move |db| namespaces::list(db, page.after, page.limit)).await
    }
}
