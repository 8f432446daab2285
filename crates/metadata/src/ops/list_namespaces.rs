//! Listing namespaces.

use consign_types::access::Reach;

use super::list_projects::PathList;
use crate::select::condition;
use crate::tables::namespaces::{self, Namespace};
use crate::{Listed, Metadata, Result};

impl Metadata {
    /// Namespaces that the caller may know of; `FilterInvalid`.
    pub async fn list_namespaces(&self, reach: Reach, list: PathList) -> Result<Listed<Namespace>> {
        self.pool
            .read(move |db| {
                let PathList { filter, order, descending, page } = list;
                let filter = filter.map(|filter| condition(filter, &namespaces::field)).transpose()?;
                Ok(page.of(namespaces::list(db, &reach, filter, &order.of_namespaces(descending), page.after.as_ref(), page.slice())?))
            })
            .await
    }
}
