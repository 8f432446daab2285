//! Counting anew what all projects hold.

use crate::connection::Db;
use crate::tables::sums;
use crate::{Metadata, Result};

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
    /// Counts the rows of all projects anew, and answers where the counters differ: nowhere, if all is well.
    pub async fn recount(&self) -> Result<Vec<Discrepancy>> {
        self.pool.read(recount).await
    }
}

/// See [`Metadata::recount`].
pub(crate) fn recount(db: &mut Db) -> Result<Vec<Discrepancy>> {
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
