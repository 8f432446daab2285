//! Publishing: the one operation that makes anything visible.

use std::collections::HashMap;

use consign_types::duplicates::{Bytes, DuplicatePolicy, Verdict, judge};
use consign_types::receipt::Receipt;
use consign_types::resource::VersionRef;
use consign_types::text::{MediaType, RequestId};
use consign_types::version::VersionState;
use consign_types::{ContentDigest, Digest, FilePath, PackageName, Timestamp};

use super::copies::{refer_to_copies, settle_copies};
use super::idempotency::{Call, Fingerprint, once};
use super::{check_paths, project};
use crate::connection::{Db, Ending};
use crate::tables::files::{self, File, NewFile};
use crate::tables::packages;
use crate::tables::versions::{self, Change, NewVersion, Version};
use crate::{Error, Metadata, Principal, Result};

/// A set of files that is to become visible, all of it or nothing.
#[derive(Clone, Debug)]
pub struct PublishVersion {
    /// Who publishes.
    pub principal: Principal,
    /// The version, made if it is new, and so is its package.
    pub version: VersionRef,
    /// The files. Paths that the version serves already are judged by the duplicate rule.
    pub files: Vec<PublishFile>,
    /// Leaves the version open for more files, instead of sealing it.
    pub keep_open: bool,
    /// Hides the version or brings it back; `None` leaves it as it is.
    pub hidden: Option<bool>,
    /// What the version must consist of afterwards.
    pub expected_content: Option<ContentDigest>,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
    /// Answers as if it were done, and does nothing.
    pub validate_only: bool,
}

/// A file whose bytes are stored.
#[derive(Clone, Debug)]
pub struct PublishFile {
    /// Its path within the version.
    pub path: FilePath,
    /// Proof that its bytes are stored. Its signature was checked, its time was not.
    pub receipt: Receipt,
    /// What the publisher says that it is.
    pub media_type: MediaType,
}

/// What a publish has done.
#[derive(Clone, Debug)]
pub struct Published {
    /// The version as it is now.
    pub version: Version,
    /// The files of the request, in its order.
    pub files: Vec<File>,
    /// Whether it was all there before.
    pub replayed: bool,
}

impl Metadata {
    /// Publishes files into a version, and seals it unless it is to be kept open.
    ///
    /// The same bytes at the same paths once more are a retry: answered, and nothing is added. `DuplicateFile`, `VersionSealed` and
    /// `VersionContentMismatch` refuse other bytes; `BlobExpired` and `ReceiptInvalid` refuse receipts.
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
    let call = Call {
        principal: &request.principal.name,
        method: "PublishVersion",
        request_id: request.request_id.as_ref(),
        fingerprint: fingerprint(request),
        now,
    };
    once(db, &call, replay, |db| {
        check_paths("files", request.files.iter().map(|file| &file.path))?;
        let project = project(db, &request.version.project)?.id;
        check_receipts(request, project, now)?;
        let package_id = ensure_package(db, project, &request.version.package, now)?;
        let new = NewVersion {
            project_id: project,
            package_id,
            version: &request.version.version,
            creator: &request.principal.name,
            created_at: now,
        };
        let id = versions::put_locked(db, &new)?;
        let version = versions::get(db, id)?;
        let paths: Vec<&FilePath> = request.files.iter().map(|file| &file.path).collect();
        let served = files::list_served_at(db, id, &paths)?.into_iter().map(|file| (file.path.clone(), file)).collect();

        let published = if version.state.is_sealed() {
            repeat_sealed(db, request, &version, served, now)?
        } else {
            let allowed = duplicates.allows(&version.package, &version.version);
            add(db, request, &version, served, allowed, now)?
        };
        settle_copies(db, &request.files, now)?;
        tracing::trace!(version = id, "publish written");
        let ids = std::iter::once(id).chain(published.files.iter().map(|file| file.id)).collect();
        Ok((published, ids))
    })
}

fn fingerprint(request: &PublishVersion) -> Digest {
    let switches = [Some(request.keep_open), request.hidden, Some(request.validate_only)];
    let fingerprint = Fingerprint::new()
        .field(request.version.to_string())
        .field(switches.map(|switch| switch.map_or(2, u8::from)))
        .optional(request.expected_content.map(|content| *content.as_bytes()));
    let file = |fingerprint: Fingerprint, file: &PublishFile| {
        let Receipt { digest, size, .. } = &file.receipt;
        fingerprint.field(file.path.as_str()).field(digest.as_bytes()).field(size.to_be_bytes()).field(file.media_type.as_str())
    };
    request.files.iter().fold(fingerprint, file).finish()
}

/// What the first request answered, as those rows are now.
fn replay(db: &mut Db, ids: &[i64]) -> Result<Published> {
    let version = versions::get(db, ids[0])?;
    let mut rows: HashMap<i64, File> = files::get(db, &ids[1..])?.into_iter().map(|file| (file.id, file)).collect();
    let files = ids[1..].iter().filter_map(|id| rows.remove(id)).collect();
    Ok(Published { version, files, replayed: true })
}

fn check_receipts(request: &PublishVersion, project: i64, now: Timestamp) -> Result<()> {
    for PublishFile { path, receipt, .. } in &request.files {
        if receipt.project != project {
            return Err(Error::ReceiptInvalid(path.clone()));
        }
        if receipt.expires < now {
            return Err(Error::BlobExpired { path: path.clone(), digest: receipt.digest });
        }
    }
    Ok(())
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

/// The content of a request by itself.
fn content_of(request: &PublishVersion) -> ContentDigest {
    ContentDigest::of(request.files.iter().map(|file| (&file.path, &file.receipt.digest, file.receipt.size)))
}

/// A sealed version takes nothing new. The request that sealed it, or one for the same content, is a retry, and so are files that
/// are there already where it was to be kept open. Hiding has nothing to do with sealing, and is done.
fn repeat_sealed(
    db: &mut Db,
    request: &PublishVersion,
    version: &Version,
    mut served: HashMap<FilePath, File>,
    now: Timestamp,
) -> Result<Published> {
    let Some(existing) = version.content_digest else {
        return Err(Error::VersionSealed(request.version.clone()));
    };
    let given = content_of(request);
    let is_there = |file: &PublishFile| served.get(&file.path).is_some_and(|served| served.digest == file.receipt.digest);
    if request.keep_open && !request.files.iter().all(is_there) {
        return Err(Error::VersionSealed(request.version.clone()));
    }
    if !request.keep_open && given != existing && Some(given) != version.sealing_digest {
        return Err(Error::VersionContentMismatch { existing, given });
    }
    check_expected(request, existing)?;
    let hidden = request.hidden.unwrap_or(version.hidden);
    if hidden != version.hidden {
        versions::update(db, version.id, Change { hidden, updated_at: now, ..Change::none(version) })?;
    }
    let files = request.files.iter().filter_map(|file| served.remove(&file.path)).collect();
    Ok(Published { version: versions::get(db, version.id)?, files, replayed: true })
}

fn check_expected(request: &PublishVersion, actual: ContentDigest) -> Result<()> {
    match request.expected_content {
        Some(expected) if expected != actual => Err(Error::ContentUnexpected { expected, actual }),
        _ => Ok(()),
    }
}

/// Adds the new files to an open version, and seals it if that is wanted.
fn add(
    db: &mut Db,
    request: &PublishVersion,
    version: &Version,
    mut served: HashMap<FilePath, File>,
    allowed: bool,
    now: Timestamp,
) -> Result<Published> {
    let new = judge_files(request, &served, allowed)?;
    refer_to_copies(db, &new, now)?;
    let rows = new.iter().map(|file| NewFile {
        project_id: version.project_id,
        version_id: version.id,
        path: &file.path,
        revision: served.get(&file.path).map_or(1, |served| served.revision + 1),
        digest: &file.receipt.digest,
        size_bytes: file.receipt.size,
        media_type: &file.media_type,
        creator: &request.principal.name,
        created_at: now,
    });
    let added = files::insert(db, &rows.collect::<Vec<_>>())?;
    let (mut file_count, mut size_bytes) = (version.file_count, version.size_bytes);
    for file in added {
        size_bytes += file.size_bytes;
        match served.insert(file.path.clone(), file) {
            Some(superseded) => size_bytes -= superseded.size_bytes,
            None => file_count += 1,
        }
    }
    if file_count == 0 {
        return Err(Error::ArgumentInvalid { field: "files", rule: "a version has at least one file".to_owned() });
    }

    let content_digest = content_after(db, request, version.id)?;
    let hidden = request.hidden.unwrap_or(version.hidden);
    let state = if request.keep_open { VersionState::Open } else { VersionState::Published };
    let replayed = new.is_empty() && version.file_count > 0 && (state, hidden) == (version.state, version.hidden);
    if !replayed {
        let sealing_digest = content_digest.map(|_| content_of(request));
        let published_at = version.published_at.or(Some(now));
        let change = Change { state, hidden, content_digest, sealing_digest, file_count, size_bytes, updated_at: now, published_at };
        versions::update(db, version.id, change)?;
    }
    let files = request.files.iter().filter_map(|file| served.remove(&file.path)).collect();
    Ok(Published { version: versions::get(db, version.id)?, files, replayed })
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
        match judge(allowed, (existing.digest, existing.size_bytes), incoming) {
            Verdict::Retry => {}
            Verdict::Add => new.push(file),
            Verdict::Reject | Verdict::Unknown => {
                return Err(Error::DuplicateFile { path: file.path.clone(), existing: existing.digest });
            }
        }
    }
    Ok(new)
}

/// What the version consists of now, if it is to be sealed.
fn content_after(db: &mut Db, request: &PublishVersion, version: i64) -> Result<Option<ContentDigest>> {
    if request.keep_open && request.expected_content.is_none() {
        return Ok(None);
    }
    let files: Vec<File> = files::list_served(db, version, None, i64::MAX)?.into_iter().map(|(file, _)| file).collect();
    let content = ContentDigest::of(files.iter().map(|file| (&file.path, &file.digest, file.size_bytes)));
    check_expected(request, content)?;
    Ok((!request.keep_open).then_some(content))
}
