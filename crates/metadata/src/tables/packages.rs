//! Packages: names within a project, each with its versions.

use consign_types::{PackageName, Timestamp};
use diesel::prelude::*;

use crate::connection::{Db, each};
use crate::error::Result;
use crate::schema::packages;

/// The id of a package.
pub(crate) fn find(db: &mut Db, project: i64, name: &PackageName) -> Result<Option<i64>> {
    let query = packages::table.filter(packages::project_id.eq(project)).filter(packages::name.eq(name));
    Ok(query.select(packages::id).first(db).optional()?)
}

/// Adds a package; `None` if it is there already.
pub(crate) fn insert(db: &mut Db, project: i64, name: &PackageName, now: Timestamp) -> Result<Option<i64>> {
    let values = (packages::project_id.eq(project), packages::name.eq(name), packages::created_at.eq(now));
    Ok(each!(db, connection => diesel::insert_into(packages::table)
        .values(values)
        .on_conflict_do_nothing()
        .returning(packages::id)
        .get_result(connection)
        .optional())?)
}
