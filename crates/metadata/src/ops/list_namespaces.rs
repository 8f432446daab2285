//! Listing namespaces.

use super::list_projects::PathList;
use crate::select::condition;
use crate::tables::namespaces::{self, Namespace};
use crate::{Listed, Metadata, Result};

impl Metadata {
    /// Namespaces; `FilterInvalid`.
    pub async fn list_namespaces(&self, list: PathList) -> Result<Listed<Namespace>> {
        self.pool
            .read(move |db| {
                let PathList { filter, order, descending, page } = list;
                let filter = filter.map(|filter| condition(filter, &namespaces::field)).transpose()?;
                Ok(page.of(namespaces::list(db, filter, &order.of_namespaces(descending), page.after.as_ref(), page.limit())?))
            })
            .await
    }
}
