//! The right to bring files, judged before a byte is sent.

use std::collections::{HashMap, HashSet};

use consign_types::duplicates::{Bytes, Verdict, judge};
use consign_types::receipt::Receipt;
use consign_types::resource::VersionRef;
use consign_types::text::RequestId;
use consign_types::ticket::UploadTicket;
use consign_types::{Digest, FilePath, Timestamp};

use super::idempotency::{Call, Fingerprint, once};
use super::{check_paths, project};
use crate::connection::Db;
use crate::tables::blobs::{self, StoredCopy};
use crate::tables::files::{self, File};
use crate::tables::leases::{self, NewLease};
use crate::tables::tombstones;
use crate::tables::versions::{self, Version};
use crate::{Error, Metadata, Principal, Result, Rules};

/// How long a ticket can be used to start a transfer.
const TICKET_SECONDS: i64 = 15 * 60;

/// How long bytes are kept for a publish that has not come yet: a ticket's life, and a day for the transfer.
const LEASE_SECONDS: i64 = TICKET_SECONDS + 24 * 60 * 60;

/// Files that are to be published.
#[derive(Clone, Debug)]
pub struct PrepareUploads {
    /// Who is going to publish.
    pub principal: Principal,
    /// The version they are for, which need not be there yet.
    pub version: VersionRef,
    /// The files.
    pub files: Vec<UploadFile>,
    /// Makes a repeated request give tickets for the same uploads.
    pub request_id: Option<RequestId>,
}

/// A file that is to be published, as far as it is known.
#[derive(Clone, Debug)]
pub struct UploadFile {
    /// Its path within the version.
    pub path: FilePath,
    /// What its bytes hash to.
    pub digest: Option<Digest>,
    /// How many bytes it has.
    pub size: Option<i64>,
    /// Whether the bytes are to be sent, and so checked, even if they are here.
    pub always_send: bool,
}

/// What is to be done for one file.
#[derive(Clone, Debug)]
pub enum UploadPlan {
    /// Nothing: the bytes are here, and the caller may read them.
    Present(Receipt),
    /// Send the bytes.
    Send(UploadTicket),
}

impl Metadata {
    /// Judges a publish before any byte of it is sent, and takes leases for its bytes. The plans are in the order of the files.
    ///
    /// Refuses what [`Metadata::publish_version`] is sure to refuse: `FileTooLarge`, `DuplicateFile`, `VersionSealed`.
    pub async fn prepare_uploads(&self, request: PrepareUploads) -> Result<Vec<UploadPlan>> {
        let now = self.now();
        let rules = self.rules.clone();
        let plans = self.pool.write(move |db| prepare(db, &request, &rules, now)).await?;
        tracing::trace!("uploads prepared");
        Ok(plans)
    }
}

fn prepare(db: &mut Db, request: &PrepareUploads, rules: &Rules, now: Timestamp) -> Result<Vec<UploadPlan>> {
    let call = Call {
        principal: &request.principal.name,
        method: "PrepareUploads",
        request_id: request.request_id.as_ref(),
        fingerprint: fingerprint(request),
        now,
    };
    let replay = |db: &mut Db, uploads: &[i64]| {
        let project = project(db, &request.version.project)?.id;
        plan(db, project, &request.files, uploads, (rules.max_file_bytes, now))
    };
    once(db, &call, replay, |db| {
        check_paths("files", request.files.iter().map(|file| &file.path))?;
        if request.files.is_empty() {
            return Err(Error::ArgumentInvalid { field: "files", rule: "at least one file".to_owned() });
        }
        let project = project(db, &request.version.project)?.id;
        for file in &request.files {
            check_size(file, rules.max_file_bytes)?;
        }
        let version = versions::find(db, project, &request.version.package, &request.version.version)?;
        if let Some(version) = &version {
            judge_files(db, request, version, rules)?;
        }
        let new: Vec<NewLease> = request.files.iter().map(|file| lease(project, file, rules.max_file_bytes, now)).collect();
        let uploads = leases::insert(db, &new)?;
        let plans = plan(db, project, &request.files, &uploads, (rules.max_file_bytes, now))?;
        Ok((plans, uploads))
    })
}

fn fingerprint(request: &PrepareUploads) -> Digest {
    let file = |fingerprint: Fingerprint, file: &UploadFile| {
        fingerprint
            .field(file.path.as_str())
            .optional(file.digest.map(|digest| *digest.as_bytes()))
            .optional(file.size.map(i64::to_be_bytes))
            .field([u8::from(file.always_send)])
    };
    request.files.iter().fold(Fingerprint::new().field(request.version.to_string()), file).finish()
}

fn check_size(file: &UploadFile, limit: i64) -> Result<()> {
    match file.size {
        Some(size) if size < 0 => Err(Error::ArgumentInvalid { field: "files.size_bytes", rule: "must not be negative".to_owned() }),
        Some(size) if size > limit => Err(Error::FileTooLarge { path: file.path.clone(), size, limit }),
        _ => Ok(()),
    }
}

/// Refuses what a publish is sure to refuse, given what is known of the bytes.
fn judge_files(db: &mut Db, request: &PrepareUploads, version: &Version, rules: &Rules) -> Result<()> {
    let paths: Vec<&FilePath> = request.files.iter().map(|file| &file.path).collect();
    let served = files::list_served_at(db, version.id, &paths)?;
    let served: HashMap<&FilePath, &File> = served.iter().map(|file| (&file.path, file)).collect();
    let sealed = version.state.is_sealed();
    let allowed = !sealed && rules.duplicates.allows(&version.package, &version.version);
    for file in &request.files {
        let Some(existing) = served.get(&file.path) else {
            if sealed {
                return Err(Error::VersionSealed(request.version.clone()));
            }
            continue;
        };
        let incoming = Bytes { digest: file.digest, size: file.size };
        match judge(allowed, (existing.digest, existing.size_bytes), incoming) {
            Verdict::Reject if sealed => return Err(Error::VersionSealed(request.version.clone())),
            Verdict::Reject => return Err(Error::DuplicateFile { path: file.path.clone(), existing: existing.digest }),
            Verdict::Retry | Verdict::Add | Verdict::Unknown => {}
        }
    }
    Ok(())
}

fn lease(project_id: i64, file: &UploadFile, limit: i64, now: Timestamp) -> NewLease {
    NewLease {
        project_id,
        digest: file.digest,
        max_bytes: file.size.unwrap_or(limit),
        created_at: now,
        expires_at: now.plus_seconds(LEASE_SECONDS),
    }
}

/// A receipt for bytes that some file of the project has already, a ticket for all others.
///
/// That bytes are here is told only to those who can read a file that has them: knowing a digest proves nothing.
fn plan(db: &mut Db, project: i64, files: &[UploadFile], uploads: &[i64], (limit, now): (i64, Timestamp)) -> Result<Vec<UploadPlan>> {
    let digests: Vec<Digest> = files.iter().filter_map(|file| file.digest).collect();
    let present = blobs::list_of_project(db, project, &digests)?;
    let present: HashMap<Digest, StoredCopy> = present.into_iter().map(|copy| (copy.digest, copy)).collect();
    let alive: HashSet<Digest> = blobs::list(db, &digests)?.into_iter().map(|copy| copy.digest).collect();
    let dead: HashMap<Digest, i64> = tombstones::list_newest(db, &digests)?.into_iter().collect();

    let plan = |(file, &upload): (&UploadFile, &i64)| {
        let copy = file.digest.filter(|_| !file.always_send).and_then(|digest| present.get(&digest));
        if let Some(&StoredCopy { digest, generation, size_bytes: size }) = copy {
            if file.size.is_some_and(|declared| declared != size) {
                let rule = format!("the bytes of `{}` are `{size}`", file.path);
                return Err(Error::ArgumentInvalid { field: "files.size_bytes", rule });
            }
            let expires = now.plus_seconds(LEASE_SECONDS);
            return Ok(UploadPlan::Present(Receipt { upload, project, digest, size, generation, expires }));
        }
        // Where files refer to a copy, dead ones beside it do not matter: the publish keeps to that copy.
        let dead = file.digest.filter(|digest| !alive.contains(digest)).and_then(|digest| dead.get(&digest));
        Ok(UploadPlan::Send(UploadTicket {
            upload,
            project,
            max_bytes: file.size.unwrap_or(limit),
            digest: file.digest,
            size: file.size,
            min_generation: dead.map_or(0, |generation| generation + 1),
            expires: now.plus_seconds(TICKET_SECONDS),
        }))
    };
    files.iter().zip(uploads).map(plan).collect()
}
