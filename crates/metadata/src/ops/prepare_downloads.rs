//! The right to read files.

use std::collections::HashMap;

use consign_types::resource::{FileRef, VersionRef};
use consign_types::ticket::DownloadTicket;
use consign_types::{FilePath, Timestamp};

use super::{check_paths, readable_version};
use crate::connection::Db;
use crate::tables::blobs;
use crate::tables::files::{self, File};
use crate::{Error, Listed, Metadata, Page, Result};

/// How long a ticket can be used to start a transfer.
const TICKET_SECONDS: i64 = 5 * 60;

/// Files to be read.
#[derive(Clone, Debug)]
pub struct PrepareDownloads {
    /// Their version.
    pub version: VersionRef,
    /// Which of its files.
    pub files: Wanted,
}

/// Which files of a version.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// Those that it serves at these paths: all of them, or the request fails.
    Paths(Vec<FilePath>),
    /// All that it serves, page by page, by path.
    All(Page<FilePath>),
}

/// A file that may be read.
#[derive(Clone, Debug)]
pub struct DownloadPlan {
    /// The file.
    pub file: File,
    /// The right to read its bytes.
    pub ticket: DownloadTicket,
}

impl Metadata {
    /// Gives the right to read files, in the order asked for. `VersionNotFound` if they can't be read, `FileNotFound` if the
    /// version serves nothing at a path.
    pub async fn prepare_downloads(&self, request: PrepareDownloads) -> Result<Listed<DownloadPlan>> {
        let expires = self.now().plus_seconds(TICKET_SECONDS);
        self.pool
            .read(move |db| {
                let version = readable_version(db, &request.version)?;
                let found = match request.files {
                    Wanted::Paths(paths) => served_at(db, request.version, version.id, paths)?,
                    Wanted::All(page) => page.of(files::list_served(db, version.id, page.after.as_ref(), page.limit())?),
                };
                Ok(found.map(|(file, generation)| plan(file, generation, expires)))
            })
            .await
    }
}

fn plan(file: File, generation: i64, expires: Timestamp) -> DownloadPlan {
    let ticket = DownloadTicket { project: file.project_id, digest: file.digest, generation, size: file.size_bytes, expires };
    DownloadPlan { file, ticket }
}

/// The files at these paths, each with the copy of its bytes.
fn served_at(db: &mut Db, name: VersionRef, version: i64, paths: Vec<FilePath>) -> Result<Listed<(File, i64)>> {
    check_paths("paths", &paths)?;
    let rows = files::list_served_at(db, version, &paths.iter().collect::<Vec<_>>())?;
    let digests: Vec<_> = rows.iter().map(|file| file.digest).collect();
    let copies: HashMap<_, _> = blobs::list(db, &digests)?.into_iter().map(|copy| (copy.digest, copy.generation)).collect();
    let mut found: HashMap<FilePath, File> = rows.into_iter().map(|file| (file.path.clone(), file)).collect();
    let file = |path: FilePath| match found.remove(&path) {
        Some(file) => {
            let generation = copies[&file.digest];
            Ok((file, generation))
        }
        None => Err(Error::FileNotFound(FileRef { version: name.clone(), path })),
    };
    Ok(Listed { items: paths.into_iter().map(file).collect::<Result<_>>()?, more: false })
}
