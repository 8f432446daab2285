//! The right to bring files, judged before a byte is sent.

use std::collections::HashMap;

use consign_types::duplicates::{Bytes, Verdict, judge};
use consign_types::note::{Receipt, UploadTicket};
use consign_types::resource::VersionRef;
use consign_types::{Digest, FilePath, Timestamp};

use super::check_paths;
use super::request_id::{self, Claimed, Fingerprint};
use crate::connection::Db;
use crate::tables::files::{self, File};
use crate::tables::versions::{self, VersionRow};
use crate::tables::{leases, projects, tombstones};
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
    pub parent: VersionRef,
    /// The files.
    pub files: Vec<UploadFile>,
    /// Makes a repeated request give the same tickets.
    pub request_id: Option<String>,
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
    pub async fn prepare_uploads(&self, wanted: PrepareUploads) -> Result<Vec<UploadPlan>> {
        let now = self.now();
        let rules = self.rules.clone();
        let plans = self
            .pool
            .write(move |db| {
                check_paths(wanted.files.iter().map(|file| &file.path))?;
                if wanted.files.is_empty() {
                    return Err(Error::ArgumentInvalid { field: "files", rule: "at least one file".to_owned() });
                }
                let project = projects::find(db, &wanted.parent.project)?;
                let version = versions::find(db, project.id, &wanted.parent.package, &wanted.parent.version)?;
                for file in &wanted.files {
                    check_size(file, rules.max_file_bytes)?;
                }
                if let Some(version) = &version {
                    judge_files(db, &wanted, version, &rules)?;
                }
                let uploads = take_leases(db, project.id, &wanted, rules.max_file_bytes, now)?;
                plan(db, project.id, &wanted.files, &uploads, rules.max_file_bytes, now)
            })
            .await?;
        tracing::trace!("uploads prepared");
        Ok(plans)
    }
}

fn check_size(file: &UploadFile, limit: i64) -> Result<()> {
    match file.size {
        Some(size) if size < 0 => Err(Error::ArgumentInvalid { field: "size_bytes", rule: "must not be negative".to_owned() }),
        Some(size) if size > limit => Err(Error::FileTooLarge { path: file.path.clone(), size, limit }),
        _ => Ok(()),
    }
}

/// Refuses what a publish is sure to refuse, given what is known of the bytes.
fn judge_files(db: &mut Db, wanted: &PrepareUploads, version: &VersionRow, rules: &Rules) -> Result<()> {
    let paths: Vec<&FilePath> = wanted.files.iter().map(|file| &file.path).collect();
    let served: HashMap<FilePath, File> =
        files::find_served(db, version.id, &paths)?.into_iter().map(|file| (file.path.clone(), file)).collect();
    let sealed = version.state.is_sealed();
    let allowed = !sealed && rules.duplicates.allows(&version.package, &version.version);
    for file in &wanted.files {
        let Some(existing) = served.get(&file.path) else {
            if sealed {
                return Err(Error::VersionSealed(wanted.parent.clone()));
            }
            continue;
        };
        let incoming = Bytes { digest: file.digest, size: file.size };
        match judge(allowed, (existing.digest, existing.size), incoming) {
            Verdict::Reject if sealed => return Err(Error::VersionSealed(wanted.parent.clone())),
            Verdict::Reject => return Err(Error::DuplicateFile { path: file.path.clone(), existing: existing.digest }),
            Verdict::Retry | Verdict::Add | Verdict::Unknown => {}
        }
    }
    Ok(())
}

/// A lease for each file: the same ones as before where the request is repeated.
fn take_leases(db: &mut Db, project: i64, wanted: &PrepareUploads, limit: i64, now: Timestamp) -> Result<Vec<i64>> {
    let file = |fingerprint: Fingerprint, file: &UploadFile| {
        let digest = file.digest.map(|digest| digest.as_bytes().to_vec()).unwrap_or_default();
        fingerprint.field(file.path.as_str()).field(digest).field(format!("{:?} {}", file.size, file.always_send))
    };
    let fingerprint = wanted.files.iter().fold(Fingerprint::new().field(wanted.parent.to_string()), file).finish();
    let request_id = wanted.request_id.as_deref();
    let claim = match request_id::claim(db, &wanted.principal.name, "PrepareUploads", request_id, fingerprint, now)? {
        Claimed::Done(uploads) => return Ok(uploads),
        Claimed::New(claim) => claim,
    };
    let new: Vec<_> = wanted.files.iter().map(|file| (file.digest, max_bytes(file, limit))).collect();
    let uploads = leases::insert(db, project, &new, now, now.plus_seconds(LEASE_SECONDS))?;
    claim.settle(db, uploads.iter().copied())?;
    Ok(uploads)
}

fn max_bytes(file: &UploadFile, limit: i64) -> i64 {
    file.size.unwrap_or(limit)
}

/// A receipt for bytes that some file of the project has already, a ticket for all others.
///
/// That bytes are here is told only to those who can read a file that has them: knowing a digest proves nothing.
fn plan(db: &mut Db, project: i64, wanted: &[UploadFile], uploads: &[i64], limit: i64, now: Timestamp) -> Result<Vec<UploadPlan>> {
    let digests: Vec<Digest> = wanted.iter().filter_map(|file| file.digest).collect();
    let present: HashMap<Digest, (i64, i64)> = files::find_readable_blobs(db, project, &digests)?
        .into_iter()
        .map(|(digest, generation, size)| (digest, (generation, size)))
        .collect();
    let dead: HashMap<Digest, Option<i64>> = tombstones::newest(db, &digests)?.into_iter().collect();

    let plan = |(file, &upload): (&UploadFile, &i64)| {
        let wanted = file.digest.filter(|_| !file.always_send);
        if let Some((digest, &(generation, size))) = wanted.and_then(|digest| Some((digest, present.get(&digest)?))) {
            if file.size.is_some_and(|declared| declared != size) {
                return Err(Error::ArgumentInvalid { field: "size_bytes", rule: format!("`{}` has {size} bytes", file.path) });
            }
            let expires = now.plus_seconds(LEASE_SECONDS);
            return Ok(UploadPlan::Present(Receipt { upload, project, digest, size, generation, expires }));
        }
        let dead = file.digest.and_then(|digest| dead.get(&digest).copied().flatten());
        Ok(UploadPlan::Send(UploadTicket {
            upload,
            project,
            max_bytes: max_bytes(file, limit),
            digest: file.digest,
            size: file.size,
            min_generation: dead.map_or(0, |generation| generation + 1),
            expires: now.plus_seconds(TICKET_SECONDS),
        }))
    };
    wanted.iter().zip(uploads).map(plan).collect()
}
