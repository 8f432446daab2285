//! Files of many projects, with what their versions are called.

use consign_types::Digest;
use consign_types::access::Reach;
use consign_types::version::VersionState;
use diesel::dsl::{Eq, InnerJoin, InnerJoinQuerySource, IntoBoxed, On};
use diesel::prelude::*;

use super::file_row::LocatedFile;
use crate::connection::{Db, MultiBackend};
use crate::cursor::Cursor;
use crate::error::Result;
use crate::page::{MAX_COUNTED, Page};
use crate::schema::{files, packages, projects, versions};
use crate::select::{Condition, Extent, Order, within};

/// Files, their versions, their packages and their projects.
pub(crate) type Source = InnerJoinQuerySource<
    InnerJoinQuerySource<InnerJoinQuerySource<files::table, versions::table>, packages::table, PackageOf>,
    projects::table,
    ProjectOf,
>;

type PackageOf = Eq<versions::package_id, packages::id>;
type ProjectOf = Eq<packages::project_id, projects::id>;

type Chosen = IntoBoxed<
    'static,
    InnerJoin<InnerJoin<InnerJoin<files::table, versions::table>, On<packages::table, PackageOf>>, On<projects::table, ProjectOf>>,
    MultiBackend,
>;

/// Which files to list.
pub(crate) struct Selection {
    pub(crate) reach: Reach,
    pub(crate) filter: Option<Condition<Source>>,
}

/// Files that fit, behind a cursor.
pub(crate) fn list(db: &mut Db, selection: Selection, order: &Order, page: &Page<Cursor>) -> Result<Vec<LocatedFile>> {
    let ((order, conditions), slice) = (page.read(order)?, page.slice());
    let mut query = chosen(selection).order(order.by()).limit(slice.limit).offset(slice.offset);
    for condition in conditions {
        query = query.filter(condition);
    }
    Ok(query.select((files::all_columns, packages::name, versions::version)).load(db)?)
}

/// How many files fit, as far as they are counted.
pub(crate) fn count(db: &mut Db, selection: Selection) -> Result<i64> {
    let ids: Vec<i64> = chosen(selection).select(files::id).limit(MAX_COUNTED + 1).load(db)?;
    Ok(i64::try_from(ids.len()).unwrap_or(i64::MAX))
}

fn located() -> Chosen {
    files::table
        .inner_join(versions::table)
        .inner_join(packages::table.on(versions::package_id.eq(packages::id)))
        .inner_join(projects::table.on(packages::project_id.eq(projects::id)))
        .into_boxed()
        .filter(files::deleted_at.is_null())
        .filter(packages::retired.eq(0))
        .filter(projects::deleted_at.is_null())
}

fn chosen(selection: Selection) -> Chosen {
    let mut query = located().filter(versions::published_at.is_not_null()).filter(versions::retired.eq(0));
    for condition in within(&selection.reach).into_iter().chain(selection.filter) {
        query = query.filter(condition);
    }
    query
}

/// Readable files that have these bytes, behind a cursor: by project and id.
pub(crate) fn list_with_digest(
    db: &mut Db,
    digest: Digest,
    extent: Extent,
    order: &Order,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Vec<LocatedFile>> {
    let readable = versions::state.eq_any(VersionState::READABLE);
    let mut query = located().filter(files::digest.eq(digest)).filter(readable).order(order.by()).limit(limit);
    let (project, conditions) = extent.parts();
    if let Some(project) = project {
        query = query.filter(files::project_id.eq(project));
    }
    for condition in conditions {
        query = query.filter(condition);
    }
    if let Some(after) = after {
        query = query.filter(order.behind(after)?);
    }
    Ok(query.select((files::all_columns, packages::name, versions::version)).load(db)?)
}
