//! What a scope holds, in sum: as counted, and as recomputed.

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

/// A project whose counters differ from what its rows say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discrepancy {
    /// The project.
    pub project: i64,
    /// Which counter.
    pub counter: &'static str,
    /// What is counted.
    pub counted: i64,
    /// What the rows say.
    pub actual: i64,
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
                let top_packages = packages::list_largest(db, Some(&[project.id]), top)?;
                Ok(usage(ScopeRef::Project(ProjectRef::Id(project.id)), counters, quota_bytes, top_packages))
            })
            .await
    }

    /// Counts the rows of all projects anew, and answers where the counters differ: nowhere, if all is well.
    pub async fn recount(&self) -> Result<Vec<Discrepancy>> {
        self.pool.read(recount).await
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
    let projects = sums::projects_in(db, namespace.as_ref())?;
    let mut counters = sums::counters_of(db, &projects)?;
    counters.stored_bytes = sums::stored_of(db, &projects)?;
    let top_packages = packages::list_largest(db, Some(&projects), top)?;
    Ok(usage(scope, counters, None, top_packages))
}

fn usage(scope: ScopeRef, counters: Counters, quota_bytes: Option<i64>, top_packages: Vec<Package>) -> Usage {
    let Counters { file_count, logical_bytes, stored_bytes, reserved_bytes, .. } = counters;
    Usage { scope, file_count, logical_bytes, stored_bytes, reserved_bytes, quota_bytes, top_packages }
}

fn recount(db: &mut Db) -> Result<Vec<Discrepancy>> {
    let mut found = Vec::new();
    let mut after = 0;
    while let Some(counted) = sums::next(db, after)? {
        after = counted.project_id;
        let actual = sums::recounted(db, counted.project_id)?;
        let pairs = [
            ("file_count", counted.file_count, actual.file_count),
            ("logical_bytes", counted.logical_bytes, actual.logical_bytes),
            ("stored_bytes", counted.stored_bytes, actual.stored_bytes),
            ("reserved_bytes", counted.reserved_bytes, actual.reserved_bytes),
        ];
        let differ = pairs.into_iter().filter(|(_, counted, actual)| counted != actual);
        let project = counted.project_id;
        found.extend(differ.map(|(counter, counted, actual)| Discrepancy { project, counter, counted, actual }));
        let wrong = sums::wrong_versions(db, project)?;
        found.extend(wrong.into_iter().map(|(counter, counted, actual)| Discrepancy { project, counter, counted, actual }));
    }
    Ok(found)
}
