//! A page of projects.

use consign_types::ProjectPath;
use consign_types::resource::NamespaceRef;

use super::namespace;
use crate::tables::projects::{self, Project};
use crate::{Listed, Metadata, Page, Result};

/// Which projects.
#[derive(Clone, Debug)]
pub struct ListProjects {
    /// The namespace whose projects are listed, with those of the namespaces below it; `None` for all.
    pub namespace: Option<NamespaceRef>,
    /// Which page of them.
    pub page: Page<ProjectPath>,
}

impl Metadata {
    /// Projects in the order of their paths; `NamespaceNotFound` if the namespace is missing.
    pub async fn list_projects(&self, ListProjects { namespace: name, page }: ListProjects) -> Result<Listed<Project>> {
        self.pool
            .read(move |db| {
                let namespace = name.map(|name| namespace(db, &name)).transpose()?.map(|namespace| namespace.path);
                Ok(page.of(projects::list(db, namespace.as_ref(), page.after.as_ref(), page.limit())?))
            })
            .await
    }
}
