//! A page of versions.

use consign_types::resource::PackageRef;

use crate::tables::projects;
use crate::tables::versions::{self, VersionRow};
use crate::{Metadata, Result};

/// Which page.
#[derive(Clone, Debug)]
pub struct ListVersions {
    /// The package, or all packages of a project.
    pub parent: PackageRef,
    /// Whether hidden versions are listed too.
    pub show_hidden: bool,
    /// The id of the last version of the page before; 0 for the first page.
    pub after: i64,
    /// How many at most.
    pub limit: i64,
}

impl Metadata {
    /// Visible versions in the order in which they were made.
    pub async fn list_versions(&self, page: ListVersions) -> Result<Vec<VersionRow>> {
        self.pool
            .read(move |db| {
                let project = projects::find(db, &page.parent.project)?;
                versions::list(db, project.id, page.parent.package.as_ref(), page.show_hidden, page.after, page.limit)
            })
            .await
    }
}
