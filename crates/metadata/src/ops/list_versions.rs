//! A page of versions.

use consign_types::resource::PackagesRef;

use super::project;
use crate::tables::packages;
use crate::tables::versions::{self, Selection, Version};
use crate::{Listed, Metadata, Page, Result};

/// Which versions.
#[derive(Clone, Debug)]
pub struct ListVersions {
    /// The package, or all packages of a project.
    pub parent: PackagesRef,
    /// Whether hidden versions are listed too.
    pub show_hidden: bool,
    /// Which page of them, by their ids.
    pub page: Page<i64>,
}

impl Metadata {
    /// Visible versions in the order in which they were made; `ProjectNotFound` if the project is missing.
    pub async fn list_versions(&self, ListVersions { parent, show_hidden, page }: ListVersions) -> Result<Listed<Version>> {
        self.pool
            .read(move |db| {
                let project = project(db, &parent.project)?.id;
                let package = match &parent.package {
                    Some(name) => match packages::find(db, project, name)? {
                        Some(package) => Some(package),
                        None => return Ok(page.of(Vec::new())),
                    },
                    None => None,
                };
                let selection = Selection { project, package, show_hidden };
                Ok(page.of(versions::list(db, &selection, page.after, page.limit())?))
            })
            .await
    }
}
