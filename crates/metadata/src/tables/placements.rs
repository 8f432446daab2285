//! Placements: what was placed on stages, and from when to when.

use consign_types::promotion::StageName;
use consign_types::{ContentDigest, Digest, PackageName, Timestamp, VersionName};
use diesel::dsl::{InnerJoinQuerySource, exists};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use super::BATCH;
use crate::batch::{Batch, push, push_rows};
use crate::connection::Db;
use crate::cursor::Cursor;
use crate::error::Result;
use crate::prepared::rounded;
use crate::schema::{files, placements, projects};
use crate::select::{Extent, Order};

/// That something was placed on a stage for a time.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable, Serialize, Deserialize)]
#[diesel(table_name = placements)]
pub struct Placement {
    /// Its id, never reused; later ones have higher ones.
    pub id: i64,
    /// The project.
    pub project_id: i64,
    /// The stage.
    pub stage_id: i64,
    /// What the stage is called.
    pub stage: StageName,
    /// The package.
    pub package_id: i64,
    /// The version.
    pub version_id: i64,
    /// What the package is called.
    pub package: PackageName,
    /// What the version is called.
    pub version: VersionName,
    /// What was placed.
    pub content_digest: ContentDigest,
    /// The change as of which the version consisted of that.
    pub content_sequence: i64,
    /// The promotion that placed it.
    pub promotion_id: i64,
    /// The change that placed it.
    pub start_sequence: i64,
    /// When it was placed.
    pub started_at: Timestamp,
    /// The change that ended it.
    pub end_sequence: Option<i64>,
    /// When it ended; `None`: it is placed.
    pub ended_at: Option<Timestamp>,
    /// Whether a rollback ended it.
    pub is_undone: bool,
    /// When a runtime last reported it.
    pub observed_at: Option<Timestamp>,
}

/// A moment of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// Now.
    Now,
    /// At an instant.
    Time(Timestamp),
    /// After a change.
    Sequence(i64),
}

pub(crate) type Source = InnerJoinQuerySource<placements::table, projects::table>;

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject {
    /// A version, by its id.
    Version(i64),
    /// Content.
    Content(ContentDigest),
    /// Versions that hold a file.
    File(Digest),
    /// Anything.
    Any,
}

/// Adds placements.
pub(crate) fn insert(batch: &mut Batch<'_>, new: &[Placement]) {
    for new in new.chunks(BATCH) {
        let new = new.to_vec();
        push_rows!(batch, new, |rows| diesel::insert_into(placements::table).values(rows));
    }
}

/// Ends placements.
pub(crate) fn end(batch: &mut Batch<'_>, ids: &[i64], sequence: i64, now: Timestamp, is_undone: bool) {
    for ids in ids.chunks(BATCH) {
        let ids = rounded(ids.to_vec());
        let values = (placements::end_sequence.eq(sequence), placements::ended_at.eq(now), placements::is_undone.eq(is_undone));
        push!(batch, diesel::update(placements::table.filter(placements::id.eq_any(ids))).set(values));
    }
}

/// Notes that what was placed by some changes of a stage, and has ended already, was undone.
pub(crate) fn mark_undone(batch: &mut Batch<'_>, stage: i64, after: i64, until: i64) {
    let undone = placements::table
        .filter(placements::stage_id.eq(stage))
        .filter(placements::start_sequence.gt(after))
        .filter(placements::start_sequence.le(until))
        .filter(placements::ended_at.is_not_null());
    push!(batch, diesel::update(undone).set(placements::is_undone.eq(true)));
}

/// Notes that a runtime reported placements.
pub(crate) fn observe(batch: &mut Batch<'_>, ids: &[i64], now: Timestamp) {
    for ids in ids.chunks(BATCH) {
        let ids = rounded(ids.to_vec());
        push!(batch, diesel::update(placements::table.filter(placements::id.eq_any(ids))).set(placements::observed_at.eq(now)));
    }
}

/// What is or was placed on a stage, by package, behind a package.
pub(crate) fn list_of_stage(db: &mut Db, stage: i64, as_of: AsOf, after: Option<&PackageName>, limit: i64) -> Result<Vec<Placement>> {
    let mut query = placements::table.filter(placements::stage_id.eq(stage)).order(placements::package).limit(limit).into_boxed();
    query = match as_of {
        AsOf::Now => query.filter(placements::ended_at.is_null()),
        AsOf::Time(time) => {
            let lasts = placements::ended_at.is_null().or(placements::ended_at.gt(time).assume_not_null());
            query.filter(placements::started_at.le(time)).filter(lasts)
        }
        AsOf::Sequence(sequence) => {
            let lasts = placements::end_sequence.is_null().or(placements::end_sequence.gt(sequence).assume_not_null());
            query.filter(placements::start_sequence.le(sequence)).filter(lasts)
        }
    };
    if let Some(after) = after {
        query = query.filter(placements::package.gt(after));
    }
    Ok(query.load(db)?)
}

/// Where these contents of packages were placed on some stages, in the order of time.
pub(crate) fn list_of_contents(
    db: &mut Db,
    project: i64,
    stages: &[&StageName],
    contents: &[(i64, ContentDigest)],
) -> Result<Vec<Placement>> {
    let mut found = Vec::new();
    for contents in contents.chunks(BATCH) {
        let digests: Vec<ContentDigest> = contents.iter().map(|(_, digest)| *digest).collect();
        let packages: Vec<i64> = contents.iter().map(|(package, _)| *package).collect();
        let query = placements::table
            .filter(placements::project_id.eq(project))
            .filter(placements::content_digest.eq_any(digests))
            .filter(placements::package_id.eq_any(packages))
            .filter(placements::stage.eq_any(stages.iter().copied()))
            .order(placements::id);
        found.append(&mut query.load::<Placement>(db)?);
    }
    Ok(found)
}

/// Placements that fit, behind a cursor.
pub(crate) fn list(
    db: &mut Db,
    extent: Extent,
    subject: Subject,
    show_past: bool,
    order: &Order,
    page: (Option<&Cursor>, i64),
) -> Result<Vec<Placement>> {
    let (after, limit) = page;
    let query = placements::table.inner_join(projects::table).filter(projects::deleted_at.is_null());
    let mut query = query.select(placements::all_columns).order(order.by()).limit(limit).into_boxed();
    let (project, conditions) = extent.parts::<Source>();
    if let Some(project) = project {
        query = query.filter(placements::project_id.eq(project));
    }
    for condition in conditions.into_iter().chain(after.map(|after| order.behind(after)).transpose()?) {
        query = query.filter(condition);
    }
    query = match subject {
        Subject::Version(version) => query.filter(placements::version_id.eq(version)),
        Subject::Content(content) => query.filter(placements::content_digest.eq(content)),
        Subject::File(digest) => {
            let held = files::table.filter(files::version_id.eq(placements::version_id)).filter(files::digest.eq(digest));
            query.filter(exists(held))
        }
        Subject::Any => query,
    };
    if !show_past {
        query = query.filter(placements::ended_at.is_null());
    }
    Ok(query.load(db)?)
}

/// The change as of which a version has what is placed of it on a stage.
pub(crate) fn find_content_sequence(db: &mut Db, version: i64, stage: &StageName) -> Result<Option<i64>> {
    let query = placements::table.filter(placements::version_id.eq(version)).filter(placements::stage.eq(stage));
    Ok(query.filter(placements::ended_at.is_null()).select(placements::content_sequence).first(db).optional()?)
}

/// What is placed on stages of a project: of a package or a version, as far as they are given.
pub(crate) fn list_holding(db: &mut Db, project: i64, package: Option<i64>, version: Option<i64>, limit: i64) -> Result<Vec<Placement>> {
    let query = placements::table.filter(placements::project_id.eq(project)).filter(placements::ended_at.is_null());
    let mut query = query.order(placements::id).limit(limit).into_boxed();
    if let Some(package) = package {
        query = query.filter(placements::package_id.eq(package));
    }
    if let Some(version) = version {
        query = query.filter(placements::version_id.eq(version));
    }
    Ok(query.load(db)?)
}

/// Which of these versions, of which there are those of a page at most, are placed on some stage.
pub(crate) fn list_placed(db: &mut Db, versions: &[i64]) -> Result<Vec<i64>> {
    let placed = placements::table.filter(placements::version_id.eq_any(rounded(versions.to_vec())));
    Ok(placed.filter(placements::ended_at.is_null()).select(placements::version_id).distinct().load(db)?)
}

/// Removes the placements of a project that goes.
pub(crate) fn remove_of_project(db: &mut Db, project: i64) -> Result<()> {
    diesel::delete(placements::table.filter(placements::project_id.eq(project))).execute(db)?;
    Ok(())
}
