//! Listing protection rules.

use consign_types::resource::ProjectRef;

use super::project;
use crate::tables::protection_rules::{self, ProtectionRule};
use crate::{Listed, Metadata, Page, Result};

impl Metadata {
    /// Rules of a project, by id.
    pub async fn list_protection_rules(&self, name: ProjectRef, page: Page<i64>) -> Result<Listed<ProtectionRule>> {
        self.pool
            .read(move |db| {
                let project = project(db, &name)?.id;
                Ok(page.of(protection_rules::list(db, project, page.after.unwrap_or_default(), page.limit())?))
            })
            .await
    }
}
