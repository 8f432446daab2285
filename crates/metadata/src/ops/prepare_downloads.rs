//! The right to read files.

use std::collections::HashMap;

use consign_types::FilePath;
use consign_types::resource::VersionRef;

use super::{check_paths, find_readable};
use crate::tables::blobs;
use crate::tables::files::{self, File};
use crate::{Error, Metadata, Result};

/// Files to be read.
#[derive(Clone, Debug)]
pub struct PrepareDownloads {
    /// Their version.
    pub parent: VersionRef,
    /// Their paths; empty for a page of all that the version serves.
    pub paths: Vec<FilePath>,
    /// The last path of the page before; `None` for the first page.
    pub after: Option<FilePath>,
    /// How many files at most, where no paths are named.
    pub limit: i64,
}

/// A file that may be read.
#[derive(Clone, Debug)]
pub struct DownloadPlan {
    /// The file.
    pub file: File,
    /// Which copy of its bytes to read.
    pub generation: i64,
}

/// The files that may be read, in the order asked for, or by path.
#[derive(Clone, Debug)]
pub struct DownloadPlans {
    /// The project of the version.
    pub project: i64,
    /// The files.
    pub files: Vec<DownloadPlan>,
}

impl Metadata {
    /// Finds the files that a version serves at these paths, and where their bytes are.
    pub async fn prepare_downloads(&self, wanted: PrepareDownloads) -> Result<DownloadPlans> {
        self.pool
            .read(move |db| {
                check_paths(wanted.paths.iter())?;
                let version = find_readable(db, &wanted.parent)?;
                let project = version.project_id;
                if wanted.paths.is_empty() {
                    let rows = files::list_served(db, version.id, wanted.after.as_ref(), wanted.limit)?;
                    let files = rows.into_iter().map(|(file, generation)| DownloadPlan { file, generation }).collect();
                    return Ok(DownloadPlans { project, files });
                }
                let rows = files::find_served(db, version.id, &wanted.paths.iter().collect::<Vec<_>>())?;
                let digests: Vec<_> = rows.iter().map(|file| file.digest).collect();
                let generations: HashMap<_, _> = blobs::find(db, &digests)?.into_iter().collect();
                let mut found: HashMap<FilePath, File> = rows.into_iter().map(|file| (file.path.clone(), file)).collect();
                let plan = |path: FilePath| {
                    let file = found.remove(&path).ok_or_else(|| Error::FileNotFound { version: wanted.parent.clone(), path })?;
                    let generation = generations[&file.digest];
                    Ok(DownloadPlan { file, generation })
                };
                let files = wanted.paths.into_iter().map(plan).collect::<Result<_>>()?;
                Ok(DownloadPlans { project, files })
            })
            .await
    }
}
