//! Which versions are meant by the digests that a runtime reports: of their content, or of files in them.

use std::collections::HashSet;

use consign_types::version::VersionState;
use consign_types::{ContentDigest, Digest, PackageName, VersionName};
use diesel::dsl::max;
use diesel::prelude::*;

use super::BATCH;
use crate::connection::Db;
use crate::error::{Error, Result};
use crate::schema::{files, packages, placements, versions};

/// A version that has a digest.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    pub(crate) digest: Digest,
    pub(crate) version_id: i64,
    pub(crate) package: PackageName,
    pub(crate) version: VersionName,
    /// `None` where it is gone.
    pub(crate) state: Option<VersionState>,
    /// Whether it is placed on the stage, with this content or a file of it.
    pub(crate) is_placed: bool,
    /// Whether it is or was.
    pub(crate) was_placed: bool,
}

type OnStage = (i64, PackageName, VersionName, Option<VersionState>, bool);

/// One way to look for digests, on a stage or in a project.
type Looked = fn(&mut Db, i64, &[Digest]) -> Result<Vec<Running>>;

/// The versions that have these digests. Those on the stage come first; elsewhere, one is looked for of each digest that remains.
pub(crate) fn list(db: &mut Db, project: i64, stage: i64, digests: &[Digest]) -> Result<Vec<Running>> {
    let mut found = Vec::new();
    for digests in digests.chunks(BATCH) {
        let mut rest: HashSet<Digest> = digests.iter().copied().collect();
        let places = [
            (stage, on_stage_by_content as Looked),
            (stage, on_stage_by_file),
            (project, anywhere_by_content),
            (project, anywhere_by_file),
        ];
        for (place, looked) in places {
            let wanted: Vec<Digest> = rest.iter().copied().collect();
            let known = looked(db, place, &wanted)?;
            for one in &known {
                rest.remove(&one.digest);
            }
            found.extend(known);
        }
    }
    Ok(found)
}

fn on_stage(digest: Digest, (version_id, package, version, state, is_placed): OnStage) -> Running {
    Running { digest, version_id, package, version, state, is_placed, was_placed: true }
}

fn on_stage_by_content(db: &mut Db, stage: i64, digests: &[Digest]) -> Result<Vec<Running>> {
    let contents = contents(digests)?;
    let query = placements::table
        .left_join(versions::table.on(versions::id.eq(placements::version_id)))
        .filter(placements::stage_id.eq(stage))
        .filter(placements::content_digest.eq_any(contents))
        .order(placements::id);
    let columns =
        (placements::version_id, placements::package, placements::version, versions::state.nullable(), placements::ended_at.is_null());
    let rows: Vec<(ContentDigest, OnStage)> = query.select((placements::content_digest, columns)).load(db)?;
    Ok(rows.into_iter().map(|(content, row)| on_stage(Digest::from_bytes(*content.as_bytes()), row)).collect())
}

fn on_stage_by_file(db: &mut Db, stage: i64, digests: &[Digest]) -> Result<Vec<Running>> {
    let query = files::table
        .inner_join(placements::table.on(placements::version_id.eq(files::version_id)))
        .left_join(versions::table.on(versions::id.eq(placements::version_id)))
        .filter(placements::stage_id.eq(stage))
        .filter(files::digest.eq_any(digests))
        .filter(files::deleted_at.is_null())
        .order(placements::id);
    let columns =
        (placements::version_id, placements::package, placements::version, versions::state.nullable(), placements::ended_at.is_null());
    let rows: Vec<(Digest, OnStage)> = query.select((files::digest, columns)).load(db)?;
    Ok(rows.into_iter().map(|(digest, row)| on_stage(digest, row)).collect())
}

type Elsewhere = (i64, PackageName, VersionName, VersionState);

fn elsewhere(digest: Digest, (version_id, package, version, state): Elsewhere) -> Running {
    Running { digest, version_id, package, version, state: Some(state), is_placed: false, was_placed: false }
}

fn anywhere_by_content(db: &mut Db, project: i64, digests: &[Digest]) -> Result<Vec<Running>> {
    let contents: Vec<Option<ContentDigest>> = contents(digests)?.into_iter().map(Some).collect();
    let query = versions::table
        .inner_join(packages::table)
        .filter(versions::project_id.eq(project))
        .filter(versions::content_digest.eq_any(contents))
        .filter(versions::retired.eq(0));
    let columns = (versions::id, packages::name, versions::version, versions::state);
    let rows: Vec<(Option<ContentDigest>, Elsewhere)> = query.select((versions::content_digest, columns)).load(db)?;
    let known = rows.into_iter().filter_map(|(content, row)| Some((content?, row)));
    Ok(known.map(|(content, row)| elsewhere(Digest::from_bytes(*content.as_bytes()), row)).collect())
}

fn anywhere_by_file(db: &mut Db, project: i64, digests: &[Digest]) -> Result<Vec<Running>> {
    let newest = files::table
        .filter(files::project_id.eq(project))
        .filter(files::digest.eq_any(digests))
        .filter(files::deleted_at.is_null())
        .group_by(files::digest)
        .select(max(files::id).assume_not_null());
    let newest: Vec<i64> = newest.load(db)?;
    let query = files::table
        .inner_join(versions::table)
        .inner_join(packages::table.on(versions::package_id.eq(packages::id)))
        .filter(files::id.eq_any(newest));
    let columns = (versions::id, packages::name, versions::version, versions::state);
    let rows: Vec<(Digest, Elsewhere)> = query.select((files::digest, columns)).load(db)?;
    Ok(rows.into_iter().map(|(digest, row)| elsewhere(digest, row)).collect())
}

fn contents(digests: &[Digest]) -> Result<Vec<ContentDigest>> {
    let content = |digest: &Digest| ContentDigest::try_from(digest.as_bytes().as_slice()).map_err(|_| Error::Row("placements"));
    digests.iter().map(content).collect()
}
