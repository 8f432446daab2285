//! Taking a runtime's word for what it runs, and telling where that drifts from what is placed.

use std::collections::{BTreeSet, HashMap, HashSet};

use consign_types::promotion::MAX_RUNTIME_BYTES;
use consign_types::resource::{ProjectRef, StageRef, VersionRef};
use consign_types::text::RequestId;
use consign_types::time::Span;
use consign_types::version::VersionState;
use consign_types::{Digest, PackageName, Timestamp};
use serde::{Deserialize, Serialize};

use super::change::{Begun, begin, call};
use super::find_stage::stage;
use super::pending::fingerprint;
use crate::connection::Db;
use crate::tables::deployments::{self, Deployment};
use crate::tables::placements::{self, AsOf, Placement};
use crate::tables::running::{self, Running};
use crate::{Error, Metadata, Principal, Result};

/// The most digests of a report.
const MAX_DIGESTS: usize = 10_000;

/// How long a report counts where it does not say.
const DEFAULT_TTL_SECONDS: i64 = 600;

/// How long it counts at most.
const MAX_TTL_SECONDS: i64 = 30 * 24 * 60 * 60;

/// What a runtime reports.
#[derive(Clone, Debug)]
pub struct RecordDeployment {
    /// Who reports.
    pub principal: Principal,
    /// The stage that it runs.
    pub stage: StageRef,
    /// Which runtime.
    pub runtime: String,
    /// What it runs: digests of content or of files.
    pub digests: Vec<Digest>,
    /// How long the report counts; `None` for 10 minutes.
    pub ttl: Option<Span>,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

/// Something that runs and should not, or does not run and should.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// As it was reported, or the content that does not run.
    pub digest: Digest,
    /// Why it is drift.
    pub reason: DriftReason,
    /// The version, where it is known.
    pub version: Option<VersionRef>,
    /// The version of the package that is placed.
    pub expected: Option<VersionRef>,
}

/// Why something is drift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DriftReason {
    /// It was never placed on the stage.
    NotPromoted,
    /// It is yanked.
    Yanked,
    /// It is quarantined.
    Quarantined,
    /// Another has taken its place.
    Superseded,
    /// It is placed, and another version of the package runs.
    NotRunning,
    /// No version has the digest.
    Unknown,
}

/// What watchers are told of a report at once.
#[derive(Serialize)]
struct Reported<'a> {
    runtime: &'a str,
    drift_count: usize,
}

impl Metadata {
    /// Notes what a runtime runs, in the place of its report before, and answers where that drifts and until when the report counts.
    /// `StageNotFound`, `ArgumentInvalid`.
    pub async fn record_deployment(&self, request: RecordDeployment) -> Result<(Vec<Drift>, Timestamp)> {
        let now = self.now();
        self.pool.write(move |db| record(db, &request, now)).await
    }

    /// Forgets reports that no longer count. Returns how many those were.
    pub async fn forget_deployments(&self) -> Result<usize> {
        let now = self.now();
        self.pool.write(move |db| deployments::remove_expired(db, now)).await
    }
}

fn record(db: &mut Db, request: &RecordDeployment, now: Timestamp) -> Result<(Vec<Drift>, Timestamp)> {
    let expires_at = check(request, now)?;
    let RecordDeployment { principal, stage: name, runtime, digests, ttl, request_id } = request;
    let call = call(principal, "RecordDeployment", name, request_id.as_ref(), fingerprint(&(name, runtime, digests, ttl)), now);
    let change = match begin(db, &name.project, &call)? {
        Begun::Done(answer) => return answer.read(),
        Begun::New(change) => change,
    };
    let stage = stage(db, change.project.id, name)?;
    let digests: BTreeSet<Digest> = digests.iter().copied().collect();
    let digests: Vec<Digest> = digests.into_iter().collect();
    let deployment = Deployment {
        project_id: change.project.id,
        stage_id: stage.id,
        runtime,
        digests: &digests,
        actor: &principal.name,
        reported_at: now,
        expires_at,
    };
    deployments::put(db, &deployment)?;
    let placed = placements::list_of_stage(db, stage.id, AsOf::Now, None, i64::MAX)?;
    let running = running::list(db, change.project.id, stage.id, &digests)?;
    let observed: Vec<i64> = observed(&placed, &running);
    let answer = (drifts(&digests, &placed, &running, change.project.id), expires_at);
    let change = change.telling(&Reported { runtime, drift_count: answer.0.len() });
    let mut batch = change.batch_told(db, &(runtime, digests.len(), answer.0.len()), &answer, Vec::new());
    placements::observe(&mut batch, &observed, now);
    batch.send(db)?;
    Ok(answer)
}

fn check(request: &RecordDeployment, now: Timestamp) -> Result<Timestamp> {
    let invalid = |field, rule: String| Err(Error::ArgumentInvalid { field, rule });
    let runtime = &request.runtime;
    if runtime.is_empty() || runtime.len() > MAX_RUNTIME_BYTES || runtime.chars().any(char::is_control) {
        return invalid("runtime", format!("1 to {MAX_RUNTIME_BYTES} bytes without control characters"));
    }
    if request.digests.len() > MAX_DIGESTS {
        return invalid("digests", format!("at most {MAX_DIGESTS} digests"));
    }
    let expires_at = request.ttl.map_or(now.plus_seconds(DEFAULT_TTL_SECONDS), |ttl| now.plus(ttl));
    if expires_at > now.plus_seconds(MAX_TTL_SECONDS) {
        return invalid("ttl", "at most 30 days".to_owned());
    }
    Ok(expires_at)
}

/// The placements that are seen to run.
fn observed(placed: &[Placement], running: &[Running]) -> Vec<i64> {
    let versions: HashSet<i64> = running.iter().filter(|one| one.is_placed).map(|one| one.version_id).collect();
    placed.iter().filter(|placed| versions.contains(&placed.version_id)).map(|placed| placed.id).collect()
}

fn drifts(digests: &[Digest], placed: &[Placement], running: &[Running], project: i64) -> Vec<Drift> {
    let name = |package: &PackageName, version: &consign_types::VersionName| VersionRef {
        project: ProjectRef::Id(project),
        package: package.clone(),
        version: version.clone(),
    };
    let by_package: HashMap<&PackageName, &Placement> = placed.iter().map(|placed| (&placed.package, placed)).collect();
    let mut of_digest: HashMap<Digest, &Running> = HashMap::new();
    for one in running {
        // Of several versions that have the bytes, one that is placed speaks for them.
        let known = of_digest.entry(one.digest).or_insert(one);
        if one.is_placed && !known.is_placed {
            *known = one;
        }
    }
    let mut found = Vec::new();
    let mut others: BTreeSet<&PackageName> = BTreeSet::new();
    for digest in digests {
        let Some(one) = of_digest.get(digest) else {
            found.push(Drift { digest: *digest, reason: DriftReason::Unknown, version: None, expected: None });
            continue;
        };
        let reason = match one.state {
            Some(VersionState::Yanked) => DriftReason::Yanked,
            Some(VersionState::Quarantined) => DriftReason::Quarantined,
            _ if one.is_placed => continue,
            _ if one.was_placed => DriftReason::Superseded,
            _ => DriftReason::NotPromoted,
        };
        let expected = by_package.get(&one.package).map(|placed| name(&placed.package, &placed.version));
        if !one.is_placed {
            others.insert(&one.package);
        }
        found.push(Drift { digest: *digest, reason, version: Some(name(&one.package, &one.version)), expected });
    }
    let seen: HashSet<i64> = running.iter().filter(|one| one.is_placed).map(|one| one.version_id).collect();
    let absent = others.into_iter().filter_map(|package| by_package.get(package)).filter(|placed| !seen.contains(&placed.version_id));
    found.extend(absent.map(|placed| {
        let version = Some(name(&placed.package, &placed.version));
        let digest = Digest::from_bytes(*placed.content_digest.as_bytes());
        Drift { digest, reason: DriftReason::NotRunning, expected: version.clone(), version }
    }));
    found
}
