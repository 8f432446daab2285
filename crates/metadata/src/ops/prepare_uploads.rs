//! The right to bring files, judged before a byte is sent.

use std::collections::HashMap;
use std::sync::Arc;

use consign_types::duplicates::{Bytes, Ruling, Verdict, judge};
use consign_types::receipt::Receipt;
use consign_types::resource::VersionRef;
use consign_types::settings::{DedupScope, InForce, MAX_QUOTA_BYTES};
use consign_types::text::RequestId;
use consign_types::ticket::{UploadTicket, is_unreserved};
use consign_types::{Digest, FilePath, Timestamp};

use super::change::call;
use super::check_paths;
use super::idempotency::{Call, Fingerprint, answered, is_claimed};
use super::scene::{self, Look, Scene};
use crate::connection::Db;
use crate::tables::counters::Counters;
use crate::tables::leases::NewLease;
use crate::tables::reservations::{self, Presence, Reservation, Reserved};
use crate::{Error, Metadata, Principal, Result, Rules};

/// How long a ticket can be used to start a transfer.
const TICKET_SECONDS: i64 = 15 * 60;

/// How long bytes are kept for a publish that has not come yet: a ticket's life, and a day for the transfer.
const LEASE_SECONDS: i64 = TICKET_SECONDS + 24 * 60 * 60;

/// Up to how many files a request shares its transaction with others, which wait for it.
const FEW_FILES: usize = 16;

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
    /// Only finds the uploads of a request that was made: nothing is judged of them, and nothing is taken.
    pub known_only: bool,
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
    /// Judges a publish before any byte of it is sent, takes leases for its bytes and reserves them against the quota; not for a few small
    /// files of unknown digests, where the request has no id. The plans are in the order of the files.
    ///
    /// Refuses what [`Metadata::publish_version`] is sure to refuse: `FileTooLarge`, `DuplicateFile`, `VersionSealed`,
    /// `VersionStateConflict`, `QuotaExceeded`. Where only known ones are wanted: `UploadNotFound`.
    pub async fn prepare_uploads(&self, request: PrepareUploads) -> Result<Vec<UploadPlan>> {
        let (now, rules) = (self.now(), self.rules.clone());
        let (project, is_short) = (request.version.project.clone(), request.files.len() <= FEW_FILES);
        let request = Arc::new(request);
        request.check()?;
        if request.is_light() {
            let paths = request.files.iter().map(|file| file.path.clone()).collect();
            let scene = self.looks.view(&self.pool, &request.version, paths).await?;
            let preparation = Preparation::new(&request, scene, &rules, now);
            preparation.judge(&rules)?;
            preparation.check_room()?;
            let uploads = self.upload_numbers.take(&self.pool, request.files.len()).await?;
            return preparation.plan(&uploads, &HashMap::new());
        }
        let judged = self.pool.look(move |db| consider(db, &request, &rules, now)).await?;
        let preparation = match judged {
            Judged::Done(plans) => return Ok(plans),
            Judged::New(preparation) => preparation,
        };
        let take = move |db: &mut Db| preparation.take(db);
        let plans = if is_short { self.pool.change(&project, None, move |db, _| take(db)).await } else { self.pool.write(take).await }?;
        tracing::trace!("uploads prepared");
        Ok(plans)
    }
}

impl PrepareUploads {
    fn check(&self) -> Result<()> {
        check_paths("files", self.files.iter().map(|file| &file.path))?;
        if self.files.is_empty() {
            return Err(Error::ArgumentInvalid { field: "files", rule: "at least one file".to_owned() });
        }
        Ok(())
    }

    /// Whether nothing is taken for the uploads: what they bring is too little to be worth a change of the database. A lease for unknown
    /// bytes keeps nothing from being collected either: a publish whose copy is dead is refused.
    fn is_light(&self) -> bool {
        let is_light = |file: &UploadFile| is_unreserved(file.digest.as_ref(), file.size);
        !self.known_only && self.request_id.is_none() && self.files.len() <= FEW_FILES && self.files.iter().all(is_light)
    }
}

/// What comes of judging a request.
enum Judged {
    /// It may be done.
    New(Box<Preparation>),
    /// It was done before, and answered so.
    Done(Vec<UploadPlan>),
}

/// Judges a request by what there is. Nothing is locked: the publish judges it again, and what is taken until then is bounded by the quota,
/// which is looked at when it is taken.
fn consider(db: &mut Db, request: &Arc<PrepareUploads>, rules: &Rules, now: Timestamp) -> Result<Judged> {
    let paths: Vec<&FilePath> = request.files.iter().map(|file| &file.path).collect();
    let scene = scene::view(db, Look { version: &request.version, paths: &paths, uploads: &[], request: None })?;
    let preparation = Preparation::new(request, Arc::new(scene), rules, now);
    if request.known_only {
        let unknown = |error| if matches!(error, Error::RequestIdReused(_)) { Error::UploadNotFound } else { error };
        return preparation.repeat(db, Error::UploadNotFound).map_err(unknown).map(Judged::Done);
    }
    match preparation.judge(rules) {
        Ok(()) => Ok(Judged::New(Box::new(preparation))),
        Err(refusal) => preparation.repeat(db, refusal).map(Judged::Done),
    }
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

/// A request, and what it meets.
struct Preparation {
    request: Arc<PrepareUploads>,
    /// It may show more than this request asked for.
    scene: Arc<Scene>,
    in_force: InForce,
    now: Timestamp,
}

impl Preparation {
    fn new(request: &Arc<PrepareUploads>, scene: Arc<Scene>, rules: &Rules, now: Timestamp) -> Self {
        let in_force = scene.settings.clone().in_force(&rules.defaults);
        Self { request: Arc::clone(request), scene, in_force, now }
    }

    fn call(&self) -> Call<'_> {
        let PrepareUploads { principal, version, request_id, .. } = &*self.request;
        call(principal, "PrepareUploads", version, request_id.as_ref(), fingerprint(&self.request), self.now)
    }

    /// Refuses what a publish is sure to refuse, given what is known of the bytes.
    fn judge(&self, rules: &Rules) -> Result<()> {
        for file in &self.request.files {
            self.check_size(file)?;
        }
        let Some(version) = &self.scene.version else {
            return Ok(());
        };
        let sealed = version.content_digest.is_some();
        if !sealed && !version.state.takes_files() {
            return Err(Error::VersionStateConflict { version: self.request.version.clone(), state: version.state });
        }
        let VersionRef { package, version: name, .. } = &self.request.version;
        let ruling = rules.policy(&self.in_force.duplicate_policy)?.ruling(package, name);
        let ruling = if sealed { Ruling::Rejected } else { ruling };
        for file in &self.request.files {
            let Some(existing) = self.scene.served.get(&file.path) else {
                if sealed {
                    return Err(Error::VersionSealed(self.request.version.clone()));
                }
                continue;
            };
            let incoming = Bytes { digest: file.digest, size: file.size };
            match judge(ruling, (existing.digest, existing.size_bytes), incoming) {
                Verdict::Reject if sealed => return Err(Error::VersionSealed(self.request.version.clone())),
                Verdict::Reject => return Err(Error::DuplicateFile { path: file.path.clone(), existing: existing.digest }),
                Verdict::Retry | Verdict::Add | Verdict::Unknown => {}
            }
        }
        Ok(())
    }

    fn check_size(&self, file: &UploadFile) -> Result<()> {
        let limit = self.in_force.max_file_bytes;
        match file.size {
            Some(size) if size < 0 => Err(Error::ArgumentInvalid { field: "files.size_bytes", rule: "must not be negative".to_owned() }),
            Some(size) if size > limit => Err(Error::FileTooLarge { path: file.path.clone(), size, limit }),
            _ => Ok(()),
        }
    }

    /// Takes what the uploads need, in the turn of the project.
    fn take(&self, db: &mut Db) -> Result<Vec<UploadPlan>> {
        let lease = |file: &UploadFile| NewLease {
            digest: file.digest,
            max_bytes: self.max_bytes(file),
            reserved_bytes: file.size.unwrap_or_default(),
        };
        let reservation = Reservation {
            project: self.scene.project.id,
            quota: self.in_force.quota_bytes.unwrap_or(MAX_QUOTA_BYTES),
            leases: self.request.files.iter().map(lease).collect(),
            expires_at: self.now.plus_seconds(LEASE_SECONDS),
            claim: self.call().claim(),
            now: self.now,
        };
        match reservations::take(db, &reservation)? {
            Reserved::Taken { uploads, presence } => self.plan(&uploads, &presence),
            Reserved::Repeated | Reserved::OverQuota => self.repeat(db, self.over_quota()),
        }
    }

    /// How many bytes may be sent for a file: those that it has, or as many as the limits leave.
    fn max_bytes(&self, file: &UploadFile) -> i64 {
        let Counters { logical_bytes, reserved_bytes, .. } = self.scene.counters;
        let room = (self.in_force.quota_bytes.unwrap_or(MAX_QUOTA_BYTES) - logical_bytes - reserved_bytes).max(0);
        file.size.unwrap_or(self.in_force.max_file_bytes.min(room))
    }

    /// Refuses what the quota has no room for, where that is not found out by reserving it.
    fn check_room(&self) -> Result<()> {
        let Counters { logical_bytes, reserved_bytes, .. } = self.scene.counters;
        let fits = logical_bytes + reserved_bytes + self.wanted() <= self.in_force.quota_bytes.unwrap_or(MAX_QUOTA_BYTES);
        if fits { Ok(()) } else { Err(self.over_quota()) }
    }

    fn wanted(&self) -> i64 {
        self.request.files.iter().filter_map(|file| file.size).sum()
    }

    fn over_quota(&self) -> Error {
        let wanted = self.wanted();
        let Counters { logical_bytes: used, reserved_bytes: reserved, .. } = self.scene.counters;
        Error::QuotaExceeded { limit: self.in_force.quota_bytes.unwrap_or(MAX_QUOTA_BYTES), used, reserved, wanted }
    }

    /// The answer to a request that was done, whatever has become forbidden since; refused if it was not.
    fn repeat(&self, db: &mut Db, refusal: Error) -> Result<Vec<UploadPlan>> {
        let call = self.call();
        let Some(key) = call.key() else {
            return Err(refusal);
        };
        let uploads = match answered(db, key, call.fingerprint) {
            Ok(uploads) => uploads.read::<Vec<i64>>()?,
            Err(Error::RequestIdReused(id)) => return Err(if is_claimed(db, key)? { Error::RequestIdReused(id) } else { refusal }),
            Err(error) => return Err(error),
        };
        let digests: Vec<Digest> = self.request.files.iter().filter_map(|file| file.digest).collect();
        let presence = reservations::list_presence(db, self.scene.project.id, &digests)?;
        self.plan(&uploads, &presence)
    }

    /// A receipt for bytes that some file of the project has already, a ticket for all others.
    ///
    /// That bytes are here is told only to those who can read a file that has them: knowing a digest proves nothing. Where all of the
    /// instance trust each other, the settings let it be told to all.
    fn plan(&self, uploads: &[i64], presence: &HashMap<Digest, Presence>) -> Result<Vec<UploadPlan>> {
        let anywhere = self.in_force.dedup_scope == DedupScope::Instance;
        let reads = self.request.principal.reads_everything();
        let (project, now) = (self.scene.project.id, self.now);
        let plan = |(file, &upload): (&UploadFile, &i64)| {
            let known = file.digest.and_then(|digest| presence.get(&digest)).copied().unwrap_or_default();
            let told = known.kept.filter(|_| !file.always_send && reads && (known.of_project || anywhere));
            if let (Some((generation, size)), Some(digest)) = (told, file.digest) {
                if file.size.is_some_and(|declared| declared != size) {
                    let rule = format!("the bytes of `{}` are `{size}`", file.path);
                    return Err(Error::ArgumentInvalid { field: "files.size_bytes", rule });
                }
                let expires = now.plus_seconds(LEASE_SECONDS);
                return Ok(UploadPlan::Present(Receipt { upload, project, digest, size, generation, expires }));
            }
            // Where files refer to a copy, dead ones beside it do not matter: the publish keeps to that copy.
            let dead = known.dead.filter(|_| known.kept.is_none());
            Ok(UploadPlan::Send(UploadTicket {
                upload,
                project,
                max_bytes: self.max_bytes(file),
                digest: file.digest,
                size: file.size,
                min_generation: dead.map_or(0, |generation| generation + 1),
                expires: now.plus_seconds(TICKET_SECONDS),
            }))
        };
        self.request.files.iter().zip(uploads).map(plan).collect()
    }
}
