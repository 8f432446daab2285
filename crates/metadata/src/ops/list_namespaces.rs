//! Listing namespaces.

use consign_types::access::Reach;

use super::list_projects::PathList;
use crate::select::condition;
use crate::tables::namespaces::{self, Namespace, Selection};
use crate::{Listed, Metadata, Result};

impl Metadata {
    /// Namespaces that the caller may know of; `FilterInvalid`.
    pub async fn list_namespaces(&self, reach: Reach, list: PathList) -> Result<Listed<Namespace>> {
        self.pool
            .read(move |db| {
                let PathList { filter, order, descending, page } = list;
                let selection = || -> Result<Selection<'_>> {
                    let filter = filter.clone().map(|filter| condition(filter, &namespaces::field)).transpose()?;
                    Ok(Selection { reach: &reach, filter })
                };
                let total = if page.count { Some(namespaces::count(db, selection()?)?) } else { None };
                let rows = namespaces::list(db, selection()?, &order.of_namespaces(descending), page.after.as_ref(), page.slice())?;
                Ok(Listed { total, ..page.of(rows) })
            })
            .await
    }
}
