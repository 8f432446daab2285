//! Deployments: what runtimes last reported that they run.

use consign_types::{Digest, Slug, Timestamp};
use diesel::prelude::*;
use diesel::upsert::excluded;

use crate::connection::{Db, each};
use crate::error::Result;
use crate::schema::deployments;

/// A runtime's report.
pub(crate) struct Deployment<'a> {
    pub(crate) project_id: i64,
    pub(crate) stage_id: i64,
    pub(crate) runtime: &'a str,
    pub(crate) digests: &'a [Digest],
    pub(crate) actor: &'a Slug,
    pub(crate) reported_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

/// Notes a report, in the place of the one before it.
pub(crate) fn put(db: &mut Db, new: &Deployment<'_>) -> Result<()> {
    let digests: Vec<u8> = new.digests.iter().flat_map(|digest| *digest.as_bytes()).collect();
    let values = (
        deployments::project_id.eq(new.project_id),
        deployments::stage_id.eq(new.stage_id),
        deployments::runtime.eq(new.runtime),
        deployments::digests.eq(digests),
        deployments::actor.eq(new.actor.as_str()),
        deployments::reported_at.eq(new.reported_at),
        deployments::expires_at.eq(new.expires_at),
    );
    each!(db, connection => diesel::insert_into(deployments::table)
        .values(values)
        .on_conflict((deployments::stage_id, deployments::runtime))
        .do_update()
        .set((
            deployments::digests.eq(excluded(deployments::digests)),
            deployments::actor.eq(excluded(deployments::actor)),
            deployments::reported_at.eq(excluded(deployments::reported_at)),
            deployments::expires_at.eq(excluded(deployments::expires_at)),
        ))
        .execute(connection))?;
    Ok(())
}

/// Removes reports that no longer count.
pub(crate) fn remove_expired(db: &mut Db, now: Timestamp) -> Result<usize> {
    Ok(diesel::delete(deployments::table.filter(deployments::expires_at.le(now))).execute(db)?)
}

/// Removes the reports about a stage.
pub(crate) fn remove_of_stage(db: &mut Db, stage: i64) -> Result<()> {
    diesel::delete(deployments::table.filter(deployments::stage_id.eq(stage))).execute(db)?;
    Ok(())
}

/// Removes the reports of a project that goes.
pub(crate) fn remove_of_project(db: &mut Db, project: i64) -> Result<()> {
    diesel::delete(deployments::table.filter(deployments::project_id.eq(project))).execute(db)?;
    Ok(())
}
