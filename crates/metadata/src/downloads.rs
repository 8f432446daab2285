//! Downloads that were prepared, counted in memory until they are written: a read writes nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use consign_types::Timestamp;

use crate::connection::Db;
use crate::ops::lock;
use crate::tables::file_row::File;
use crate::tables::{files, versions};
use crate::{Metadata, Result};

/// How many files are counted before the oldest count must be written first. What comes beyond is not counted.
const MAX_FILES: usize = 100_000;

/// How many files one transaction writes.
const AT_ONCE: usize = 500;

/// Downloads of one file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Count {
    pub(crate) project: i64,
    pub(crate) version: i64,
    pub(crate) downloads: i64,
    pub(crate) last: Timestamp,
}

/// Downloads that are not written yet. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally(Arc<Mutex<HashMap<i64, Count>>>);

impl Tally {
    /// Counts one download.
    pub(crate) fn count(&self, file: &File, now: Timestamp) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= MAX_FILES && !counts.contains_key(&file.id) {
            return;
        }
        let count = counts.entry(file.id).or_insert(Count { project: file.project_id, version: file.version_id, downloads: 0, last: now });
        count.downloads += 1;
        count.last = count.last.max(now);
    }

    fn take(&self) -> HashMap<i64, Count> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn put_back(&self, of: HashMap<i64, Count>) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (file, count) in of {
            let kept = counts.entry(file).or_insert(Count { downloads: 0, ..count });
            kept.downloads += count.downloads;
            kept.last = kept.last.max(count.last);
        }
    }
}

impl Metadata {
    /// Writes the downloads that were prepared since the last time, project by project. A service that is killed loses those of the
    /// last moments.
    pub async fn write_downloads(&self) -> Result<()> {
        let mut of_projects: HashMap<i64, HashMap<i64, Count>> = HashMap::new();
        for (file, count) in self.downloads.take() {
            of_projects.entry(count.project).or_default().insert(file, count);
        }
        let mut result = Ok(());
        for (project, mut counts) in of_projects {
            while !counts.is_empty() {
                // A part at a time, so that publishers wait for a moment at most.
                let files: Vec<i64> = counts.keys().copied().take(AT_ONCE).collect();
                let part: HashMap<i64, Count> = files.iter().filter_map(|file| counts.remove_entry(file)).collect();
                let written = part.clone();
                if let Err(error) = self.pool.write(move |db| write(db, project, &written)).await {
                    self.downloads.put_back(part);
                    result = Err(error);
                }
            }
        }
        result
    }
}

fn write(db: &mut Db, project: i64, counts: &HashMap<i64, Count>) -> Result<()> {
    // Versions are written whole by those who change them, so they must not be at it.
    if lock(db, project)?.is_none() {
        return Ok(());
    }
    let mut of_versions: HashMap<i64, Count> = HashMap::new();
    for (file, count) in counts {
        files::add_downloads(db, *file, count.downloads, count.last)?;
        let total = of_versions.entry(count.version).or_insert(Count { downloads: 0, ..*count });
        total.downloads += count.downloads;
        total.last = total.last.max(count.last);
    }
    for (version, count) in of_versions {
        versions::add_downloads(db, version, count.downloads, count.last)?;
    }
    Ok(())
}
