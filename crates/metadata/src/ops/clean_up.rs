//! Deleting files of open versions that newer ones replaced, beyond as many as the settings of their project keep.
//!
//! A run goes through the versions of a project by their ids, in steps: each is a transaction that looks at a bounded number of rows and deletes
//! a bounded number of files, of one version. How far it has come is kept, so it goes on where another process ended.

use consign_types::access::Scope as Right;
use consign_types::event::EventType;
use consign_types::protection::Protection;
use consign_types::resource::{FileRef, ProjectRef, VersionRef};
use consign_types::retention::{Held, KeptRevisions, in_excess};
use consign_types::{Digest, FilePath, Timestamp};
use serde::Serialize;

use super::change::{Change, call, lock};
use super::create_protection_rule::MAX_RULES;
use super::deletion::purge_at;
use super::idempotency::Fingerprint;
use crate::connection::Db;
use crate::tables::cleanups::{self, Cleanup};
use crate::tables::counters::Counters;
use crate::tables::file_row::File;
use crate::tables::packages::{self, Package};
use crate::tables::projects::Project;
use crate::tables::settings::{self, Scope};
use crate::tables::version_row::Version;
use crate::tables::{attestations, files, promotions, protection_rules, tags, versions};
use crate::{Metadata, Principal, Result, Rules};

/// How many versions one step passes over at most.
const VERSIONS: usize = 1000;

/// How many rows of a version one step looks at: more than are kept of any path.
const ROWS: usize = 2 * KeptRevisions::MAX as usize;

/// How many files one step deletes.
const DELETED: usize = 100;

impl Metadata {
    /// Takes one step in the project whose cleanup has been due for longest. Answers how many files it deleted; `None` where nothing is due.
    pub async fn clean_up(&self) -> Result<Option<usize>> {
        let (now, rules) = (self.now(), self.rules.clone());
        let Some(project) = self.pool.read(move |db| cleanups::find_due(db, now)).await? else { return Ok(None) };
        let later = now.plus_seconds(rules.cleanup_seconds);
        match self.pool.write(move |db| step(db, project, &rules, now)).await {
            Ok(deleted) => Ok(Some(deleted)),
            Err(error) => {
                // What lies with the project does not stand in the way of others, what passes is tried again soon.
                if !error.is_passing()
                    && let Err(error) = self.pool.write(move |db| cleanups::put_off(db, project, later)).await
                {
                    tracing::warn!(project, error = &error as &dyn std::error::Error, "cannot put a cleanup off");
                }
                Err(error)
            }
        }
    }
}

fn step(db: &mut Db, project: i64, rules: &Rules, now: Timestamp) -> Result<usize> {
    let Some((project, counters)) = lock(db, project)? else { return Ok(0) };
    // Another process may have been faster.
    let Some(cleanup) = cleanups::find(db, project.id)?.filter(|cleanup| !cleanup.has_ended() && cleanup.next_run_at <= now) else {
        return Ok(0);
    };
    let next_run_at = now.plus_seconds(rules.cleanup_seconds);
    let Some(kept) = settings::get(db, Scope::Project(project.id))?.values.keep_revisions else {
        return cleanups::remove(db, project.id).map(|()| 0);
    };
    if project.deleted_at.is_some() {
        return cleanups::put_off(db, project.id, next_run_at).map(|()| 0);
    }
    let version = match cleanup.below {
        Some(_) => Found::Version(cleanup.version_id),
        None => find_version(db, project.id, cleanup.version_id)?,
    };
    match version {
        Found::Version(id) => {
            let run = Run { project, counters, cleanup: Cleanup { version_id: id, ..cleanup }, kept, now };
            clean(db, run, purge_at(now, rules.restore_seconds))
        }
        Found::NoneUntil(id) => cleanups::put(db, &Cleanup { version_id: id, below: None, ..cleanup }).map(|()| 0),
        Found::End => cleanups::put_off(db, project.id, next_run_at).map(|()| 0),
    }
}

/// Where a look for the next version ended.
enum Found {
    /// At one that may have too many files.
    Version(i64),
    /// Far enough for one step.
    NoneUntil(i64),
    /// Behind the last one.
    End,
}

fn find_version(db: &mut Db, project: i64, after: i64) -> Result<Found> {
    let limit = i64::try_from(VERSIONS).unwrap_or(i64::MAX);
    let seen = versions::list_layered(db, project, after, limit)?;
    if let Some((id, _)) = seen.iter().find(|(_, is_layered)| *is_layered) {
        return Ok(Found::Version(*id));
    }
    Ok(seen.last().filter(|_| seen.len() == VERSIONS).map_or(Found::End, |(id, _)| Found::NoneUntil(*id)))
}

/// A run that has come to a version. The project is locked.
struct Run {
    project: Project,
    counters: Counters,
    cleanup: Cleanup,
    kept: KeptRevisions,
    now: Timestamp,
}

/// Deletes some files of the version that a run has come to, until they are purged, and notes how far it came.
fn clean(db: &mut Db, run: Run, purge_at: Timestamp) -> Result<usize> {
    let Run { project, counters, cleanup, kept, now } = run;
    let done = Cleanup { below: None, ..cleanup.clone() };
    let Some((package, version)) = find_free(db, project.id, cleanup.version_id)? else {
        return cleanups::put(db, &done).map(|()| 0);
    };
    let (rows, below) = look(db, version.id, cleanup.below.as_ref())?;
    let mut excess = in_excess(rows, kept, |file| file.path.clone());
    // What somebody signed stays.
    let attested = attestations::list_attested_files(db, project.id, &digests(&excess))?;
    excess.retain(|file| !attested.contains(&file.digest));
    let is_all = excess.len() <= DELETED;
    excess.truncate(DELETED);
    let next = match (is_all, &cleanup.below) {
        (true, _) => Cleanup { below, ..cleanup.clone() },
        // What is left of these rows is looked at again.
        (false, Some(_)) => cleanup.clone(),
        (false, None) => Cleanup { version_id: version.id - 1, ..cleanup.clone() },
    };
    cleanups::put(db, &next)?;
    if excess.is_empty() {
        return Ok(0);
    }
    let by = Principal::operator(cleanup.actor);
    let name = VersionRef { project: ProjectRef::Id(project.id), package: version.package.clone(), version: version.row.version.clone() };
    let call = call(&by, "CleanUpFiles", &name, None, Fingerprint::new().finish(), now);
    let change = Change::of_locked(project, counters, &call);
    delete(db, change, (package, version), &name, &excess, purge_at)?;
    Ok(excess.len())
}

fn digests(files: &[File]) -> Vec<Digest> {
    files.iter().map(|file| file.digest).collect()
}

/// The version and its package, if nothing holds its files.
fn find_free(db: &mut Db, project: i64, version: i64) -> Result<Option<(Package, Version)>> {
    let Some(version) = versions::get(db, version)? else { return Ok(None) };
    let Some(package) = packages::find(db, project, &version.package)?.filter(|package| package.id == version.row.package_id) else {
        return Ok(None);
    };
    let rules: Vec<Protection> = protection_rules::list(db, project, 0, MAX_RULES)?.into_iter().map(|rule| rule.protection).collect();
    let held = Held {
        state: version.state,
        is_tagged: !tags::list_of_versions(db, &[version.id])?.is_empty(),
        is_promoted: promotions::has_version(db, package.id, version.id)?,
        is_protected: Protection::least(&rules, &package.name, Right::Delete).is_some(),
    };
    Ok(held.may_lose_files().then_some((package, version)))
}

/// Some rows of a version, path by path, of each the newest first, and below which path to go on; `None` where that is all.
fn look(db: &mut Db, version: i64, below: Option<&FilePath>) -> Result<(Vec<File>, Option<FilePath>)> {
    let mut rows = files::list_falling(db, version, below, i64::try_from(ROWS).unwrap_or(i64::MAX))?;
    let last = rows.last().filter(|_| rows.len() == ROWS).map(|file| file.path.clone());
    let Some(last) = last else { return Ok((rows, None)) };
    // There may be more of the last path, so it is left for the next look, unless it is all there is: then its newest are here.
    let whole = rows.partition_point(|file| file.path != last);
    if whole == 0 {
        return Ok((rows, Some(last)));
    }
    rows.truncate(whole);
    let below = rows.last().map(|file| file.path.clone());
    Ok((rows, below))
}

/// What is told of a file besides its name.
#[derive(Serialize)]
struct Facts {
    revision: i32,
}

/// What the audit is told: the ids of the files.
#[derive(Serialize)]
struct Told {
    files: Vec<i64>,
}

/// Deletes files that newer ones replaced: what the version serves stays as it is.
fn delete(
    db: &mut Db,
    mut change: Change<'_>,
    of: (Package, Version),
    name: &VersionRef,
    gone: &[File],
    purge_at: Timestamp,
) -> Result<()> {
    let (mut package, mut version) = of;
    let (sequence, now) = (change.counters.sequence, change.now);
    let rows = i64::try_from(gone.len()).unwrap_or(i64::MAX);
    let bytes: i64 = gone.iter().map(|file| file.size_bytes).sum();
    version.row.row_count -= rows;
    version.row.row_bytes -= bytes;
    package.file_count -= rows;
    package.size_bytes -= bytes;
    change.counters.file_count -= rows;
    change.counters.logical_bytes -= bytes;
    (package.sequence, package.updated_at) = (sequence, now);
    version.row.settle(package.version_scheme, sequence, now);
    let ids: Vec<i64> = gone.iter().map(|file| file.id).collect();
    let event = |file: &File| {
        let subject = FileRef { version: name.clone(), path: file.path.clone() };
        change.event(EventType::FileDeleted, &subject, &Facts { revision: file.revision })
    };
    let events = gone.iter().map(event).collect();
    let mut batch = change.batch(db, &Told { files: ids.clone() }, Vec::new());
    change.tell(&mut batch, events);
    files::mark_deleted(&mut batch, ids, sequence, now, purge_at);
    packages::update(&mut batch, &package);
    versions::update(&mut batch, &version.row);
    batch.send(db)
}
