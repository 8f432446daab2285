//! Cleanups: the projects that keep only some of the files that newer ones replaced, and when that is seen to.

use consign_types::{FilePath, Slug, Timestamp};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::connection::{Db, each};
use crate::error::Result;
use crate::schema::cleanups;

/// Stands for a version where there are no runs any more.
const ENDED: i64 = -1;

/// A project that is cleaned up, or no longer.
#[derive(Clone, Debug, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = cleanups, treat_none_as_null = true)]
pub(crate) struct Cleanup {
    pub(crate) project_id: i64,
    /// When the next run begins, or when that under way was due; where there are none any more, when that was decided.
    pub(crate) next_run_at: Timestamp,
    /// The version that the run under way has come to; 0 for none yet, and less where there are no runs any more.
    pub(crate) version_id: i64,
    /// The path that it has come to in this version, falling; `None` where it is done with it.
    pub(crate) below: Option<FilePath>,
    /// Who asked for it.
    pub(crate) actor: Slug,
}

impl Cleanup {
    /// The first run of a project.
    pub(crate) fn new(project_id: i64, next_run_at: Timestamp, actor: Slug) -> Self {
        Self { project_id, next_run_at, version_id: 0, below: None, actor }
    }

    /// That a project keeps all of its files from now on.
    pub(crate) fn ended(project_id: i64, now: Timestamp, actor: Slug) -> Self {
        Self { project_id, next_run_at: now, version_id: ENDED, below: None, actor }
    }

    /// Whether there are no runs any more.
    pub(crate) fn has_ended(&self) -> bool {
        self.version_id == ENDED
    }
}

/// Puts a project in, or changes it.
pub(crate) fn put(db: &mut Db, cleanup: &Cleanup) -> Result<()> {
    each!(db, connection => diesel::insert_into(cleanups::table)
        .values(cleanup)
        .on_conflict(cleanups::project_id)
        .do_update()
        .set(cleanup)
        .execute(connection))?;
    Ok(())
}

/// That of a project.
pub(crate) fn find(db: &mut Db, project: i64) -> Result<Option<Cleanup>> {
    Ok(cleanups::table.find(project).first(db).optional()?)
}

/// The project that has been due for longest.
pub(crate) fn find_due(db: &mut Db, now: Timestamp) -> Result<Option<i64>> {
    // In these words, which are those of the index.
    let is_run = sql::<Bool>("version_id >= 0");
    let query = cleanups::table.filter(is_run).filter(cleanups::next_run_at.le(now)).order(cleanups::next_run_at);
    Ok(query.select(cleanups::project_id).first(db).optional()?)
}

/// Ends what is under way in a project, and begins anew at this instant.
pub(crate) fn put_off(db: &mut Db, project: i64, until: Timestamp) -> Result<()> {
    let anew = (cleanups::next_run_at.eq(until), cleanups::version_id.eq(0), cleanups::below.eq(None::<FilePath>));
    diesel::update(cleanups::table.find(project)).set(anew).execute(db)?;
    Ok(())
}

/// Takes a project out.
pub(crate) fn remove(db: &mut Db, project: i64) -> Result<()> {
    diesel::delete(cleanups::table.find(project)).execute(db)?;
    Ok(())
}
