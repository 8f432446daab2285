//! Removing for good what was deleted and can no longer be brought back.
//!
//! Rows go a bounded number at a time, files first: then what they were of. Their digests are noted for garbage collection.

use consign_types::{Digest, Timestamp};

use super::change::lock;
use super::delete_namespace;
use crate::batch::Batch;
use crate::connection::Db;
use crate::tables::members::{self, Home};
use crate::tables::settings::Scope;
use crate::tables::{
    attestations, audit_entries, cleanups, counters, deployments, events, files, labels, leases, loose_blobs, namespaces, packages,
    placements, projects, promotions, protection_rules, releases, settings, stages, sums, tag_moves, tag_rules, tags, tokens, trust_rules,
    trusted_keys, versions,
};
use crate::{Metadata, Result};

/// How long after its time a thing is removed.
const MARGIN_SECONDS: i64 = 10 * 60;

/// How many files one transaction removes.
const AT_ONCE: i64 = 1000;

impl Metadata {
    /// Does a part of the work. Answers whether there was any.
    pub async fn purge(&self) -> Result<bool> {
        // Clocks of several processes differ: what one of them still brings back is not being removed by another.
        let now = self.now().plus_seconds(-MARGIN_SECONDS);
        self.pool.write(move |db| purge(db, now)).await
    }
}

fn purge(db: &mut Db, now: Timestamp) -> Result<bool> {
    if let Some(project) = files::find_purgeable(db, now)? {
        if lock(db, project)?.is_none() {
            return Ok(true);
        }
        // Only now: what was brought back meanwhile stays.
        let rows = files::list_purgeable(db, project, now, AT_ONCE)?;
        return remove_files(db, project, &rows, now).map(|()| true);
    }
    // What was brought back before the lock is left: the next round finds something else.
    if let Some((version, project)) = versions::find_purgeable(db, now)? {
        if lock(db, project)?.is_none() {
            return Ok(true);
        }
        if versions::find_purgeable(db, now)? != Some((version, project)) {
            return Ok(true);
        }
        return remove_version(db, project, version, now).map(|()| true);
    }
    if let Some((package, project)) = packages::find_purgeable(db, now)? {
        if lock(db, project)?.is_none() {
            return Ok(true);
        }
        if packages::find_purgeable(db, now)? != Some((package, project)) {
            return Ok(true);
        }
        labels::remove_of_package(db, package)?;
        tag_moves::remove_of_package(db, package)?;
        packages::remove(db, package)?;
        return Ok(true);
    }
    let Some(project) = projects::find_purgeable(db, now)? else {
        let Some(namespace) = namespaces::find_purgeable(db)? else { return Ok(false) };
        return delete_namespace::remove(db, namespace).map(|()| true);
    };
    let locked = lock(db, project.id)?;
    if locked.is_none_or(|(project, _)| project.purge_at.is_none_or(|at| at > now)) {
        return Ok(true);
    }
    let attested = attestations::list_ids(db, project.id, AT_ONCE)?;
    if !attested.is_empty() {
        return remove_attestations(db, &attested, now).map(|()| true);
    }
    trusted_keys::remove_of_project(db, project.id)?;
    leases::remove_of_project(db, project.id)?;
    tag_rules::remove_of_project(db, project.id)?;
    protection_rules::remove_of_project(db, project.id)?;
    releases::remove_of_project(db, project.id)?;
    deployments::remove_of_project(db, project.id)?;
    placements::remove_of_project(db, project.id)?;
    promotions::remove_of_project(db, project.id)?;
    stages::remove_of_project(db, project.id)?;
    trust_rules::remove_of_project(db, project.id)?;
    tokens::remove_of_project(db, project.id)?;
    members::remove_of(db, Home::Project(project.id))?;
    audit_entries::remove_of_project(db, project.id)?;
    events::remove_of_project(db, project.id)?;
    events::remove_floor(db, project.id)?;
    settings::remove(db, Scope::Project(project.id))?;
    cleanups::remove(db, project.id)?;
    counters::remove(db, project.id)?;
    projects::remove(db, project.id)?;
    Ok(true)
}

fn remove_version(db: &mut Db, project: i64, version: i64, now: Timestamp) -> Result<()> {
    let rows = files::list_ids(db, version, AT_ONCE)?;
    if !rows.is_empty() {
        return remove_files(db, project, &rows, now);
    }
    let attested = attestations::list_losing_version(db, project, version, AT_ONCE)?;
    if !attested.is_empty() {
        return remove_attestations(db, &attested, now);
    }
    labels::remove_of_version(db, version)?;
    tags::remove_of_version(db, version)?;
    versions::remove(db, version)
}

fn remove_attestations(db: &mut Db, rows: &[(i64, Digest)], now: Timestamp) -> Result<()> {
    let (ids, mut blobs): (Vec<i64>, Vec<Digest>) = rows.iter().copied().unzip();
    attestations::remove(db, &ids)?;
    blobs.sort_unstable();
    blobs.dedup();
    loose_blobs::insert(db, &blobs, now)
}

/// Removes rows that are counted nowhere any more but in the stored bytes: these sink by what no file of the project has any longer.
/// The attestations of files that are nowhere else go before.
fn remove_files(db: &mut Db, project: i64, rows: &[(i64, Digest)], now: Timestamp) -> Result<()> {
    let attested = attestations::list_losing_files(db, project, rows, AT_ONCE)?;
    if !attested.is_empty() {
        return remove_attestations(db, &attested, now);
    }
    files::remove(db, &rows.iter().map(|(id, _)| *id).collect::<Vec<_>>())?;
    let mut digests: Vec<Digest> = rows.iter().map(|(_, digest)| *digest).collect();
    digests.sort_unstable();
    digests.dedup();
    loose_blobs::insert(db, &digests, now)?;
    let mut counters = counters::get(db, project)?;
    counters.stored_bytes -= sums::missing_of(db, project, &digests)?;
    let mut batch = Batch::new(db);
    counters::update(&mut batch, counters, Vec::new());
    batch.send(db)
}
