//! Publishing: the one operation that makes anything visible.

use std::collections::HashMap;

use consign_types::label::Labels;
use consign_types::receipt::Receipt;
use consign_types::resource::{ProjectRef, VersionRef};
use consign_types::text::{MediaType, RequestId};
use consign_types::{ContentDigest, Digest, FilePath, TagName, Timestamp};
use serde::{Deserialize, Serialize};

use super::change::{Begun, Change, begin, call};
use super::check_paths;
use super::copies::{self, Brought};
use super::idempotency::{Call, Fingerprint};
use super::publishing::Publishing;
use super::scene::{self, Ids, Look, Scene};
use crate::batch::Batch;
use crate::connection::{Db, Ending};
use crate::error::BytesOf;
use crate::group_commit::Turn;
use crate::tables::file_row::File;
use crate::tables::version_row::Version;
use crate::tables::{blobs, files};
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
    /// What becomes of the version.
    pub mode: PublishMode,
    /// Hides the version or brings it back; `None` leaves it as it is.
    pub hidden: Option<bool>,
    /// Tags that are to point at it.
    pub tags: Vec<TagName>,
    /// Laid over the labels that it has.
    pub labels: Labels,
    /// Whether the same bytes at a path that has them are added once more, where duplicates are allowed.
    pub keep_identical: bool,
    /// What the version must consist of afterwards.
    pub expected_content: Option<ContentDigest>,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
    /// Answers as if it were done, and does nothing.
    pub validate_only: bool,
}

/// What becomes of a version that is published into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishMode {
    /// It is sealed.
    Seal,
    /// It stays open for more files.
    KeepOpen,
    /// A new one is left as the settings say, others as they are.
    BySettings,
    /// It stays what it is, a draft or an open version that is there already.
    AddOnly,
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

impl Brought for PublishFile {
    fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    fn bytes_of(&self) -> BytesOf {
        BytesOf::File(self.path.clone())
    }
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
    /// The same bytes at the same paths once more are a retry, unless they are to be kept: answered, and nothing is added. `DuplicateFile`, `VersionSealed`,
    /// `VersionStateConflict` and `VersionContentMismatch` refuse other bytes; `BlobExpired` and `ReceiptInvalid` refuse receipts;
    /// `FileTooLarge` and `QuotaExceeded` what is too much.
    pub async fn publish_version(&self, request: PublishVersion) -> Result<Published> {
        let (now, rules) = (self.now(), self.rules.clone());
        let (project, is_trial) = (request.version.project.clone(), request.validate_only);
        let one = if let [file] = request.files.as_slice() { Some(file.receipt.digest) } else { None };
        let publish = move |db: &mut Db, turn| publish(db, &request, &rules, now, turn);
        let published = match one {
            _ if is_trial => return self.pool.end(Ending::Rollback, move |db| publish(db, Turn::Alone)).await,
            Some(blob) => self.pool.change(&project, Some(blob), publish).await?,
            None => self.pool.write(move |db| publish(db, Turn::Alone)).await?,
        };
        tracing::trace!(version = published.version.id, "publish committed");
        Ok(published)
    }
}

fn publish(db: &mut Db, request: &PublishVersion, rules: &crate::Rules, now: Timestamp, turn: Turn) -> Result<Published> {
    let method = if request.mode == PublishMode::AddOnly { "CommitFiles" } else { "PublishVersion" };
    let call = call(&request.principal, method, &request.version, request.request_id.as_ref(), fingerprint(request), now);
    if turn == Turn::Locked {
        let (scene, ids) = look(db, request, &call, request.version.project.clone())?;
        if scene.is_claimed {
            // Answered as it was, and nothing entered: by itself.
            return Err(Error::raced());
        }
        let change = Change::of_locked(scene.project.clone(), scene.counters, &call);
        return publish_in(db, request, rules, change, (scene, ids));
    }
    let change = match begin(db, &request.version.project, &call)? {
        Begun::Done(answer) => return replay(db, answer.read()?),
        Begun::New(change) => *change,
    };
    let found = look(db, request, &call, ProjectRef::Id(change.project.id))?;
    publish_in(db, request, rules, change, found)
}

fn publish_in(db: &mut Db, request: &PublishVersion, rules: &crate::Rules, change: Change<'_>, found: (Scene, Ids)) -> Result<Published> {
    copies::check(&request.files, change.project.id, change.now)?;
    Publishing::new(request, change, found, rules)?.run(db)
}

pub(super) fn fingerprint(request: &PublishVersion) -> Digest {
    let fingerprint = Fingerprint::new()
        .field(request.version.to_string())
        .shown(&(request.mode, request.hidden, request.validate_only, &request.tags))
        .field(request.labels.to_text())
        .optional(request.expected_content.map(|content| *content.as_bytes()));
    let file = |fingerprint: Fingerprint, file: &PublishFile| {
        let Receipt { digest, size, .. } = &file.receipt;
        fingerprint.field(file.path.as_str()).field(digest.as_bytes()).field(size.to_be_bytes()).field(file.media_type.as_str())
    };
    let fingerprint = request.files.iter().fold(fingerprint, file);
    fingerprint.added(request.keep_identical, &"keep_identical").finish()
}

/// What is kept of an answer, to be given again. The files are kept by their ids: their bytes and names never change.
#[derive(Serialize, Deserialize)]
pub(super) struct Shown {
    pub(super) version: Version,
    pub(super) files: Vec<i64>,
}

fn replay(db: &mut Db, Shown { version, files: ids }: Shown) -> Result<Published> {
    let mut rows: HashMap<i64, File> = files::get(db, &ids)?.into_iter().map(|file| (file.id, file)).collect();
    let files = ids.iter().filter_map(|id| rows.remove(id)).collect();
    Ok(Published { version, files, replayed: true })
}

/// Enters the copies that the files are to refer to, where their digests have none, and reads what is there.
fn look(db: &mut Db, request: &PublishVersion, call: &Call<'_>, project: ProjectRef) -> Result<(Scene, Ids)> {
    check_paths("files", request.files.iter().map(|file| &file.path))?;
    let version = VersionRef { project, ..request.version.clone() };
    let paths: Vec<&FilePath> = request.files.iter().map(|file| &file.path).collect();
    let uploads: Vec<i64> = request.files.iter().map(|file| file.receipt.upload).collect();
    let copies = copies::of(&request.files);
    let mut batch = Batch::new(db);
    blobs::insert(&mut batch, &copies, call.now);
    scene::read(db, batch, Look { version: &version, paths: &paths, uploads: &uploads, request: call.key() })
}
