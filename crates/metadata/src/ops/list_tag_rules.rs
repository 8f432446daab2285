//! Listing the rules over tags.

use consign_types::resource::ProjectRef;

use super::project;
use crate::tables::tag_rules::{self, TagRule};
use crate::{Listed, Metadata, Page, Result};

impl Metadata {
    /// Rules of a project, by id.
    pub async fn list_tag_rules(&self, name: ProjectRef, page: Page<i64>) -> Result<Listed<TagRule>> {
        self.pool
            .read(move |db| {
                let project = project(db, &name)?.id;
                Ok(page.of(tag_rules::list(db, project, page.after.unwrap_or_default(), page.limit())?))
            })
            .await
    }
}
