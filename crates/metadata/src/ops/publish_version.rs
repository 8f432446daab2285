//! Publishing: the one operation that makes anything visible.

use std::collections::HashMap;

use consign_types::duplicates::{Bytes, DuplicatePolicy, Verdict, judge};
use consign_types::note::Receipt;
use consign_types::resource::{ProjectRef, VersionRef};
use consign_types::{ContentDigest, Digest, FilePath, PackageName, Timestamp, Version};

use super::check_paths;
use super::request_id::{self, Claimed, Fingerprint};
use crate::connection::{Db, Ending};
use crate::tables::files::{self, File, NewFile};
use crate::tables::versions::{self, Change, VersionRow, VersionState};
use crate::tables::{blobs, leases, packages, projects, tombstones};
use crate::{Error, Metadata, Principal, Result};

/// A set of files that is to become visible, all of it or nothing.
#[derive(Clone, Debug)]
pub struct PublishVersion {
    /// Who publishes.
    pub principal: Principal,
    /// The project.
    pub project: ProjectRef,
    /// The package, made if it is new.
    pub package: PackageName,
    /// The version, made if it is new.
    pub version: Version,
    /// The files. Paths that the version serves already are judged by the duplicate rule.
    pub files: Vec<PublishFile>,
    /// Leaves the version open for more files, instead of sealing it.
    pub keep_open: bool,
    /// Hides the version or brings it back; `None` leaves it as it is.
    pub hidden: Option<bool>,
    /// What the version must consist of afterwards.
    pub expected_content: Option<ContentDigest>,
    /// Makes a repeated request safe.
    pub request_id: Option<String>,
    /// Answers as if it were done, and does nothing.
    pub validate_only: bool,
}

/// A file whose bytes are stored.
#[derive(Clone, Debug)]
pub struct PublishFile {
    /// Its path within the version.
    pub path: FilePath,
    /// Proof that its bytes are stored: checked, and still valid.
    pub receipt: Receipt,
    /// What the publisher says that it is; may be empty.
    pub media_type: String,
}

/// What a publish has done.
#[derive(Clone, Debug)]
pub struct Published {
    /// The version as it is now.
    pub version: VersionRow,
    /// The files of the request, in its order.
    pub files: Vec<File>,
    /// Whether it was all there before.
    pub replayed: bool,
}

impl Metadata {
    /// Publishes files into a version, and seals it unless it is to be kept open.
    pub async fn publish_version(&self, request: PublishVersion) -> Result<Published> {
        let now = self.now();
        let duplicates = self.rules.duplicates.clone();
        let ending = if request.validate_only { Ending::Rollback } else { Ending::Commit };
        let published = self.pool.end(ending, move |db| publish(db, &request, &duplicates, now)).await?;
        tracing::trace!(version = published.version.id, "publish committed");
        Ok(published)
    }
}

fn publish(db: &mut Db, request: &PublishVersion, duplicates: &DuplicatePolicy, now: Timestamp) -> Result<Published> {
    check_paths(request.files.iter().map(|file| &file.path))?;
    let request_id = request.request_id.as_deref();
    let claimed = request_id::claim(db, &request.principal.name, "PublishVersion", request_id, fingerprint(request), now)?;
    let claim = match claimed {
        Claimed::Done(ids) => return replay(db, request, &ids),
        Claimed::New(claim) => claim,
    };

    let project = projects::find(db, &request.project)?.id;
    check_receipts(request, project)?;
    let package = ensure_package(db, project, &request.package, now)?;
    let id = versions::ensure_locked(db, (project, package), &request.version, &request.principal.name, now)?;
    let version = versions::get(db, id)?;
    let paths: Vec<&FilePath> = request.files.iter().map(|file| &file.path).collect();
    let served: HashMap<FilePath, File> = files::find_served(db, id, &paths)?.into_iter().map(|file| (file.path.clone(), file)).collect();

    let published = if version.state.is_sealed() {
        repeat_sealed(request, version, served)?
    } else {
        let allowed = duplicates.allows(&request.package, &request.version);
        let new = judge_files(request, &served, allowed)?;
        add(db, request, version, served, &new, now)?
    };
    leases::remove(db, &request.files.iter().map(|file| file.receipt.upload).collect::<Vec<_>>())?;
    claim.settle(db, std::iter::once(published.version.id).chain(published.files.iter().map(|file| file.id)))?;
    tracing::trace!(version = published.version.id, "publish written");
    Ok(published)
}

fn fingerprint(request: &PublishVersion) -> Digest {
    let fingerprint = Fingerprint::new()
        .field(request.project.to_string())
        .field(request.package.as_str())
        .field(request.version.as_str())
        .field(format!("{} {:?} {:?} {}", request.keep_open, request.hidden, request.expected_content, request.validate_only));
    let file = |fingerprint: Fingerprint, file: &PublishFile| {
        let Receipt { digest, size, .. } = &file.receipt;
        fingerprint.field(file.path.as_str()).field(digest.as_bytes()).field(size.to_be_bytes()).field(&file.media_type)
    };
    request.files.iter().fold(fingerprint, file).finish()
}

/// What the first request with this id answered, as those rows are now.
fn replay(db: &mut Db, request: &PublishVersion, ids: &[i64]) -> Result<Published> {
    let (version, ids) = ids.split_first().ok_or_else(|| Error::VersionNotFound(name(request)))?;
    let version = versions::get(db, *version)?;
    let mut rows: HashMap<i64, File> = files::get(db, ids)?.into_iter().map(|file| (file.id, file)).collect();
    let files = ids.iter().filter_map(|id| rows.remove(id)).collect();
    Ok(Published { version, files, replayed: true })
}

fn name(request: &PublishVersion) -> VersionRef {
    VersionRef { project: request.project.clone(), package: request.package.clone(), version: request.version.clone() }
}

fn check_receipts(request: &PublishVersion, project: i64) -> Result<()> {
    match request.files.iter().find(|file| file.receipt.project != project) {
        Some(file) => Err(Error::ReceiptInvalid(file.path.clone())),
        None => Ok(()),
    }
}

fn ensure_package(db: &mut Db, project: i64, name: &PackageName, now: Timestamp) -> Result<i64> {
    if let Some(id) = packages::find(db, project, name)? {
        return Ok(id);
    }
    match packages::insert(db, project, name, now)? {
        Some(id) => Ok(id),
        // A concurrent publisher made it between the two statements.
        None => packages::find(db, project, name)?.ok_or(Error::Query(diesel::result::Error::NotFound)),
    }
}

/// A sealed version takes nothing new. The same files once more are a retry.
fn repeat_sealed(request: &PublishVersion, version: VersionRow, mut served: HashMap<FilePath, File>) -> Result<Published> {
    let Some(existing) = version.content_digest else {
        return Err(Error::VersionSealed(name(request)));
    };
    let given = ContentDigest::of(request.files.iter().map(|file| (&file.path, &file.receipt.digest, file.receipt.size)));
    let is_there = |file: &PublishFile| served.get(&file.path).is_some_and(|served| served.digest == file.receipt.digest);
    if request.keep_open && !request.files.iter().all(is_there) {
        return Err(Error::VersionSealed(name(request)));
    }
    if !request.keep_open && existing != given {
        return Err(Error::VersionContentMismatch { existing, given });
    }
    let files = request.files.iter().filter_map(|file| served.remove(&file.path)).collect();
    Ok(Published { version, files, replayed: true })
}

/// The files that are not there yet.
fn judge_files<'a>(request: &'a PublishVersion, served: &HashMap<FilePath, File>, allowed: bool) -> Result<Vec<&'a PublishFile>> {
    let mut new = Vec::with_capacity(request.files.len());
    for file in &request.files {
        let Some(existing) = served.get(&file.path) else {
            new.push(file);
            continue;
        };
        let incoming = Bytes { digest: Some(file.receipt.digest), size: Some(file.receipt.size) };
        match judge(allowed, (existing.digest, existing.size), incoming) {
            Verdict::Retry => {}
            Verdict::Add => new.push(file),
            Verdict::Reject | Verdict::Unknown => {
                return Err(Error::DuplicateFile { path: file.path.clone(), existing: existing.digest });
            }
        }
    }
    Ok(new)
}

/// Adds the new files to an open version, and seals it if that is wanted.
fn add(
    db: &mut Db,
    request: &PublishVersion,
    version: VersionRow,
    mut served: HashMap<FilePath, File>,
    new: &[&PublishFile],
    now: Timestamp,
) -> Result<Published> {
    refer_to_blobs(db, new, now)?;
    let rows = new.iter().map(|file| NewFile {
        project_id: version.project_id,
        version_id: version.id,
        path: &file.path,
        revision: served.get(&file.path).map_or(1, |served| served.revision + 1),
        digest: &file.receipt.digest,
        size: file.receipt.size,
        media_type: &file.media_type,
        creator: &request.principal.name,
        created_at: now,
    });
    let added = files::insert(db, &rows.collect::<Vec<_>>())?;
    let (mut file_count, mut size_bytes) = (version.file_count, version.size_bytes);
    for file in added {
        size_bytes += file.size;
        match served.insert(file.path.clone(), file) {
            Some(superseded) => size_bytes -= superseded.size,
            None => file_count += 1,
        }
    }
    if file_count == 0 {
        return Err(Error::ArgumentInvalid { field: "files", rule: "a version has at least one file".to_owned() });
    }

    let content = content_after(db, request, version.id)?;
    let hidden = request.hidden.unwrap_or(version.hidden);
    let state = if request.keep_open { VersionState::Open } else { VersionState::Published };
    let replayed = new.is_empty() && request.keep_open && hidden == version.hidden && version.state == state;
    if !replayed {
        let published_at = (!request.keep_open).then_some(now);
        let content_digest = content.filter(|_| !request.keep_open);
        versions::update(db, version.id, Change { state, hidden, content_digest, file_count, size_bytes, updated_at: now, published_at })?;
    }
    let files = request.files.iter().filter_map(|file| served.remove(&file.path)).collect();
    Ok(Published { version: versions::get(db, version.id)?, files, replayed })
}

/// Makes sure that each digest has a copy to refer to. A copy that came in vain, since there is one already, is declared dead.
fn refer_to_blobs(db: &mut Db, new: &[&PublishFile], now: Timestamp) -> Result<()> {
    let mut copies: Vec<(Digest, i64, i64)> =
        new.iter().map(|file| (file.receipt.digest, file.receipt.generation, file.receipt.size)).collect();
    copies.sort_unstable();
    copies.dedup_by_key(|(digest, ..)| *digest);
    let digests: Vec<Digest> = copies.iter().map(|(digest, ..)| *digest).collect();

    let known: HashMap<Digest, i64> = blobs::find(db, &digests)?.into_iter().collect();
    let fresh: Vec<_> = copies.iter().copied().filter(|(digest, ..)| !known.contains_key(digest)).collect();
    let fresh_digests: Vec<Digest> = fresh.iter().map(|(digest, ..)| *digest).collect();
    let dead: HashMap<Digest, Option<i64>> = tombstones::newest(db, &fresh_digests)?.into_iter().collect();
    for file in new {
        let Receipt { digest, generation, .. } = &file.receipt;
        if dead.get(digest).copied().flatten().is_some_and(|dead| *generation <= dead) {
            return Err(Error::BlobExpired { path: file.path.clone(), digest: *digest });
        }
    }
    blobs::insert(db, &fresh, now)?;

    let kept: HashMap<Digest, i64> = blobs::find(db, &digests)?.into_iter().collect();
    let vain: Vec<(Digest, i64)> = copies
        .iter()
        .filter(|(digest, generation, _)| kept.get(digest).is_some_and(|kept| kept != generation))
        .map(|(digest, generation, _)| (*digest, *generation))
        .collect();
    tombstones::insert(db, &vain, now)
}

/// What the version consists of now, where it matters.
fn content_after(db: &mut Db, request: &PublishVersion, version: i64) -> Result<Option<ContentDigest>> {
    if request.keep_open && request.expected_content.is_none() {
        return Ok(None);
    }
    let files: Vec<File> = files::list_served(db, version, None, i64::MAX)?.into_iter().map(|(file, _)| file).collect();
    let actual = ContentDigest::of(files.iter().map(|file| (&file.path, &file.digest, file.size)));
    match request.expected_content {
        Some(expected) if expected != actual => Err(Error::ContentUnexpected { expected, actual }),
        _ => Ok(Some(actual)),
    }
}
