//! A page of projects.

use consign_types::resource::NamespaceRef;

use crate::tables::namespaces;
use crate::tables::projects::{self, Project};
use crate::{Metadata, Result};

/// Which page.
#[derive(Clone, Debug)]
pub struct ListProjects {
    /// The namespace whose projects are listed; `None` for all.
    pub namespace: Option<NamespaceRef>,
    /// The id of the last project of the page before; 0 for the first page.
    pub after: i64,
    /// How many at most.
    pub limit: i64,
}

impl Metadata {
    /// Projects in the order in which they were made.
    pub async fn list_projects(&self, page: ListProjects) -> Result<Vec<Project>> {
        self.pool
            .read(move |db| {
                let namespace = page.namespace.map(|name| namespaces::find(db, &name)).transpose()?.map(|namespace| namespace.id);
                projects::list(db, namespace, page.after, page.limit)
            })
            .await
    }
}
