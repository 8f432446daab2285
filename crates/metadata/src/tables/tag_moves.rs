//! What tags pointed at, since when. A row without a version says that the tag was removed.

use consign_types::text::Description;
use consign_types::{ContentDigest, Slug, TagName, Timestamp, VersionName};
use diesel::prelude::*;

use super::BATCH;
use crate::batch::{Batch, push_rows};
use crate::connection::Db;
use crate::error::Result;
use crate::schema::tag_moves;

/// A move of a tag.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = tag_moves)]
pub struct TagMove {
    /// Its id, never reused; later moves of a tag have higher ones.
    pub id: i64,
    /// The project.
    pub project_id: i64,
    /// The package.
    pub package_id: i64,
    /// The tag.
    pub tag: TagName,
    /// The version that it points at from then on.
    pub version: Option<VersionName>,
    /// The content that it points at from then on.
    pub content_digest: Option<ContentDigest>,
    /// Who moved it.
    pub actor: Slug,
    /// Why.
    pub reason: Description,
    /// The number of the move.
    pub sequence: i64,
    /// When it was moved.
    pub moved_at: Timestamp,
}

/// Adds moves.
pub(crate) fn insert(batch: &mut Batch<'_>, moves: &[TagMove]) {
    for moves in moves.chunks(BATCH) {
        let moves = moves.to_vec();
        push_rows!(batch, moves, |rows| diesel::insert_into(tag_moves::table).values(rows));
    }
}

/// The moves of a tag before the one of this id, newest first.
pub(crate) fn list(db: &mut Db, package: i64, tag: &TagName, before: Option<i64>, limit: i64) -> Result<Vec<TagMove>> {
    let mut query = tag_moves::table
        .filter(tag_moves::package_id.eq(package))
        .filter(tag_moves::tag.eq(tag))
        .order(tag_moves::id.desc())
        .limit(limit)
        .into_boxed();
    if let Some(before) = before {
        query = query.filter(tag_moves::id.lt(before));
    }
    Ok(query.load(db)?)
}

/// When the move behind this one was made.
pub(crate) fn find_next_time(db: &mut Db, package: i64, tag: &TagName, id: i64) -> Result<Option<Timestamp>> {
    let query = tag_moves::table.filter(tag_moves::package_id.eq(package)).filter(tag_moves::tag.eq(tag)).filter(tag_moves::id.gt(id));
    Ok(query.order(tag_moves::id).select(tag_moves::moved_at).first(db).optional()?)
}

/// What a tag pointed at as of a change number.
pub(crate) fn find_as_of(db: &mut Db, package: i64, tag: &TagName, sequence: i64) -> Result<Option<TagMove>> {
    let query = tag_moves::table.filter(tag_moves::package_id.eq(package)).filter(tag_moves::tag.eq(tag));
    Ok(query.filter(tag_moves::sequence.le(sequence)).order(tag_moves::id.desc()).first(db).optional()?)
}

/// Removes the moves of the tags of a package.
pub(crate) fn remove_of_package(db: &mut Db, package: i64) -> Result<()> {
    diesel::delete(tag_moves::table.filter(tag_moves::package_id.eq(package))).execute(db)?;
    Ok(())
}
