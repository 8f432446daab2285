//! The right to read files.

use std::collections::HashMap;

use consign_types::resource::{FileRef, VersionRef};
use consign_types::ticket::DownloadTicket;
use consign_types::{Digest, FilePath, Timestamp};

use super::{check_paths, readable_version};
use crate::connection::Db;
use crate::tables::blobs;
use crate::tables::file_row::File;
use crate::tables::files;
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
    /// Whether they are for one directory: all of a version, from the first on.
    pub as_directory: bool,
    /// Whether the downloads count.
    pub is_counted: bool,
}

/// Which files of a version.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// Those that it serves at these paths, and its rows of these digests, served or not: all of them, or the request fails.
    Some {
        /// The paths.
        paths: Vec<FilePath>,
        /// The digests.
        digests: Vec<Digest>,
    },
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
    /// Gives the right to read files, in the order asked for, and counts the downloads. `VersionNotFound` and `VersionQuarantined` if
    /// they can't be read, `FileNotFound` and `DigestNotFound` if the version has nothing like that, `PathsClash` if no directory can
    /// have them.
    pub async fn prepare_downloads(&self, request: PrepareDownloads) -> Result<Listed<DownloadPlan>> {
        let now = self.now();
        let expires = now.plus_seconds(TICKET_SECONDS);
        let (is_counted, directories) = (request.is_counted, self.directories.clone());
        let found = self
            .pool
            .read(move |db| {
                let version = readable_version(db, &request.version)?;
                match request.files {
                    Wanted::Some { paths, digests } => some(db, request.version, version.id, paths, &digests),
                    Wanted::All(page) => {
                        if request.as_directory && page.after.is_none() {
                            directories.check(db, &version)?;
                        }
                        Ok(page.of(files::list_served_copies(db, version.id, page.after.as_ref(), page.limit())?))
                    }
                }
            })
            .await?;
        if is_counted {
            found.items.iter().for_each(|(file, _)| self.downloads.count(file, now));
        }
        Ok(found.map(|(file, generation)| plan(file, generation, expires)))
    }
}

fn plan(file: File, generation: i64, expires: Timestamp) -> DownloadPlan {
    let ticket = DownloadTicket { project: file.project_id, digest: file.digest, generation, size: file.size_bytes, expires };
    DownloadPlan { file, ticket }
}

/// The files at these paths and of these digests, each with the copy of its bytes.
fn some(db: &mut Db, name: VersionRef, version: i64, paths: Vec<FilePath>, digests: &[Digest]) -> Result<Listed<(File, i64)>> {
    check_paths("paths", &paths)?;
    let served = files::list_served_at(db, version, &paths.iter().collect::<Vec<_>>())?;
    let mut served: HashMap<FilePath, File> = served.into_iter().map(|file| (file.path.clone(), file)).collect();
    let mut of_digest: HashMap<Digest, File> = HashMap::new();
    if !digests.is_empty() {
        of_digest.extend(files::list_by_digest(db, version, digests)?.into_iter().map(|file| (file.digest, file)));
    }
    let at = |path: FilePath| served.remove(&path).ok_or_else(|| Error::FileNotFound(FileRef { version: name.clone(), path }));
    let mut found = paths.into_iter().map(at).collect::<Result<Vec<File>>>()?;
    for digest in digests {
        let file = of_digest.get(digest).ok_or_else(|| Error::DigestNotFound { version: name.clone(), digest: *digest })?;
        found.push(file.clone());
    }
    let all: Vec<Digest> = found.iter().map(|file| file.digest).collect();
    let copies: HashMap<_, _> = blobs::list(db, &all)?.into_iter().map(|copy| (copy.digest, copy.generation)).collect();
    let items = found.into_iter().map(|file| {
        let generation = copies[&file.digest];
        (file, generation)
    });
    Ok(Listed { items: items.collect(), more: false, total: None })
}
