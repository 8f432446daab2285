//! Reading what a scope holds, in sum.

use consign_types::resource::{ProjectRef, ScopeRef};

use super::{namespace, project};
use crate::connection::Db;
use crate::tables::counters::{self, Counters};
use crate::tables::packages::{self, Package};
use crate::tables::settings::nearest;
use crate::tables::sums;
use crate::{Metadata, Result};

/// What a scope holds.
#[derive(Clone, Debug)]
pub struct Usage {
    /// The scope by its canonical name.
    pub scope: ScopeRef,
    /// File rows that are not deleted, all revisions.
    pub file_count: i64,
    /// The sum of their sizes.
    pub logical_bytes: i64,
    /// The sum of the sizes of the distinct blobs behind all file rows, deleted ones included.
    pub stored_bytes: i64,
    /// What uploads under way may bring.
    pub reserved_bytes: i64,
    /// The quota in force; only of a project.
    pub quota_bytes: Option<i64>,
    /// The packages that hold the most.
    pub top_packages: Vec<Package>,
}

impl Metadata {
    /// What a scope holds. `NamespaceNotFound`, `ProjectNotFound`.
    pub async fn find_usage(&self, scope: ScopeRef, top: usize) -> Result<Usage> {
        let defaults = self.rules.defaults.clone();
        self.pool
            .read(move |db| {
                let top = i64::try_from(top).unwrap_or(i64::MAX);
                let ScopeRef::Project(name) = &scope else {
                    return shared(db, scope, top);
                };
                let project = project(db, name)?;
                let chain = sums::settings_of(db, project.id)?;
                let quota_bytes = nearest(chain.as_deref())?.in_force(&defaults).quota_bytes;
                let counters = counters::get(db, project.id)?;
                let top_packages = packages::list_largest(db, Some(project.id), &sums::bounds(None), top)?;
                Ok(usage(ScopeRef::Project(ProjectRef::Id(project.id)), counters, quota_bytes, top_packages))
            })
            .await
    }
}

/// What a namespace with all below it, or the instance, holds: bytes that several projects share are stored once.
fn shared(db: &mut Db, scope: ScopeRef, top: i64) -> Result<Usage> {
    let (scope, namespace) = match scope {
        ScopeRef::Namespace(name) => {
            let path = namespace(db, &name)?.path;
            (ScopeRef::Namespace(consign_types::resource::NamespaceRef::Path(path.clone())), Some(path))
        }
        scope => (scope, None),
    };
    let counters = sums::counters_of(db, namespace.as_ref())?;
    let top_packages = packages::list_largest(db, None, &sums::bounds(namespace.as_ref()), top)?;
    Ok(usage(scope, counters, None, top_packages))
}

fn usage(scope: ScopeRef, counters: Counters, quota_bytes: Option<i64>, top_packages: Vec<Package>) -> Usage {
    let Counters { file_count, logical_bytes, stored_bytes, reserved_bytes, .. } = counters;
    Usage { scope, file_count, logical_bytes, stored_bytes, reserved_bytes, quota_bytes, top_packages }
}
