//! Searching the published versions of a project, or of all.

use super::list_versions::{VersionList, list};
use super::within::{Within, extent};
use crate::tables::version_row::Version;
use crate::tables::versions::Selection;
use crate::{Listed, Metadata, Result};

/// Which versions of a project or of all.
#[derive(Clone, Debug)]
pub struct SearchVersions {
    /// Where to look.
    pub within: Within,
    /// Which of them, how ordered, and which page.
    pub list: VersionList,
}

impl Metadata {
    /// Published versions of a project, or of all. `ProjectNotFound`, `FilterInvalid`.
    pub async fn search_versions(&self, request: SearchVersions) -> Result<Listed<Version>> {
        self.pool
            .read(move |db| {
                let extent = extent(db, request.within)?;
                list(db, request.list, Selection { extent, ..Selection::default() })
            })
            .await
    }
}
