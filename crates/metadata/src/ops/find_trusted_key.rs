//! Finding and listing trusted keys.

use consign_types::attestation::KeyName;
use consign_types::resource::{ProjectRef, TrustedKeyRef};

use super::project;
use crate::connection::Db;
use crate::promotion_error::PromotionError;
use crate::tables::trusted_keys::{self, TrustedKey};
use crate::{Listed, Metadata, Page, Result};

impl Metadata {
    /// The trusted key of this name. `TrustedKeyNotFound`.
    pub async fn find_trusted_key(&self, name: TrustedKeyRef) -> Result<TrustedKey> {
        self.pool
            .read(move |db| {
                let project = project(db, &name.project)?.id;
                trusted_key(db, project, &name)
            })
            .await
    }

    /// Trusted keys of a project, by name.
    pub async fn list_trusted_keys(&self, name: ProjectRef, page: Page<KeyName>) -> Result<Listed<TrustedKey>> {
        self.pool
            .read(move |db| {
                let project = project(db, &name)?.id;
                Ok(page.of(trusted_keys::list(db, project, page.after.as_ref(), page.limit())?))
            })
            .await
    }
}

/// The trusted key of this name in a project.
pub(super) fn trusted_key(db: &mut Db, project: i64, name: &TrustedKeyRef) -> Result<TrustedKey> {
    trusted_keys::find(db, project, &name.key)?.ok_or_else(|| PromotionError::TrustedKeyNotFound(name.clone()).into())
}
