//! Reading a package.

use consign_types::VersionName;
use consign_types::resource::PackageRef;

use serde::{Deserialize, Serialize};

use super::{package, project};
use crate::connection::Db;
use crate::tables::packages::{self, Package};
use crate::{Metadata, Result};

/// A package, and the highest version that `latest` takes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PackageView {
    /// The package.
    pub package: Package,
    /// The version; `None` where there is none to take.
    pub latest: Option<VersionName>,
}

impl Metadata {
    /// A package, or `PackageNotFound`.
    pub async fn find_package(&self, name: PackageRef) -> Result<PackageView> {
        self.pool
            .read(move |db| {
                let project = project(db, &name.project)?.id;
                let package = package(db, project, &name)?;
                view(db, package)
            })
            .await
    }
}

pub(super) fn view(db: &mut Db, package: Package) -> Result<PackageView> {
    let latest = packages::list_latest(db, &[package.id])?.pop().and_then(|(_, latest)| latest);
    Ok(PackageView { package, latest })
}
