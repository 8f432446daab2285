//! Versions: what GitLab calls a package.

use consign_types::version::VersionState;
use consign_types::{ContentDigest, PackageName, Slug, Timestamp, VersionName};
use diesel::prelude::*;

use crate::connection::{Db, each};
use crate::error::Result;
use crate::schema::{packages, versions};

/// A version of a package.
#[derive(Clone, Debug, Queryable)]
pub struct Version {
    /// Its id, never reused.
    pub id: i64,
    /// The project of the package.
    pub project_id: i64,
    /// The name of the package.
    pub package: PackageName,
    /// The version's own name.
    pub version: VersionName,
    /// Where it is in its life.
    pub state: VersionState,
    /// Left out of lists; still found by its name.
    pub hidden: bool,
    /// The digest of its file set, once it is sealed.
    pub content_digest: Option<ContentDigest>,
    /// The content of the request that sealed it, by which its retry is known.
    pub sealing_digest: Option<ContentDigest>,
    /// How many paths it serves.
    pub file_count: i64,
    /// The bytes that it serves, in all.
    pub size_bytes: i64,
    /// Who made it.
    pub creator: Slug,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When it became visible.
    pub published_at: Option<Timestamp>,
}

type Columns = (
    versions::id,
    versions::project_id,
    packages::name,
    versions::version,
    versions::state,
    versions::hidden,
    versions::content_digest,
    versions::sealing_digest,
    versions::file_count,
    versions::size_bytes,
    versions::creator,
    versions::created_at,
    versions::updated_at,
    versions::published_at,
);

const COLUMNS: Columns = (
    versions::id,
    versions::project_id,
    packages::name,
    versions::version,
    versions::state,
    versions::hidden,
    versions::content_digest,
    versions::sealing_digest,
    versions::file_count,
    versions::size_bytes,
    versions::creator,
    versions::created_at,
    versions::updated_at,
    versions::published_at,
);

/// What a publish changes of a version.
#[derive(AsChangeset)]
#[diesel(table_name = versions)]
pub(crate) struct Change {
    pub(crate) state: VersionState,
    pub(crate) hidden: bool,
    pub(crate) content_digest: Option<ContentDigest>,
    pub(crate) sealing_digest: Option<ContentDigest>,
    pub(crate) file_count: i64,
    pub(crate) size_bytes: i64,
    pub(crate) updated_at: Timestamp,
    pub(crate) published_at: Option<Timestamp>,
}

impl Change {
    /// No change: the version as it is.
    pub(crate) fn none(version: &Version) -> Self {
        let Version { state, hidden, content_digest, sealing_digest, file_count, size_bytes, updated_at, published_at, .. } = *version;
        Self { state, hidden, content_digest, sealing_digest, file_count, size_bytes, updated_at, published_at }
    }
}

/// A version that a package is to have.
pub(crate) struct NewVersion<'a> {
    pub(crate) project_id: i64,
    pub(crate) package_id: i64,
    pub(crate) version: &'a VersionName,
    pub(crate) creator: &'a Slug,
    pub(crate) created_at: Timestamp,
}

/// Makes sure that the package has this version, an open and empty one if it is new, and locks its row until the
/// transaction ends: publishers of one version take turns. Returns its id.
pub(crate) fn put_locked(db: &mut Db, new: &NewVersion<'_>) -> Result<i64> {
    let values = (
        versions::project_id.eq(new.project_id),
        versions::package_id.eq(new.package_id),
        versions::version.eq(new.version),
        versions::retired.eq(0),
        versions::state.eq(VersionState::Open),
        versions::hidden.eq(false),
        versions::file_count.eq(0),
        versions::size_bytes.eq(0),
        versions::creator.eq(new.creator),
        versions::created_at.eq(new.created_at),
        versions::updated_at.eq(new.created_at),
    );
    Ok(each!(db, connection => diesel::insert_into(versions::table)
        .values(values)
        .on_conflict((versions::package_id, versions::version, versions::retired))
        .do_update()
        .set(versions::retired.eq(0))
        .returning(versions::id)
        .get_result(connection))?)
}

/// The version of this id, which is known to be there.
pub(crate) fn get(db: &mut Db, id: i64) -> Result<Version> {
    Ok(versions::table.inner_join(packages::table).filter(versions::id.eq(id)).select(COLUMNS).first(db)?)
}

/// The version that holds this name.
pub(crate) fn find(db: &mut Db, project: i64, package: &PackageName, version: &VersionName) -> Result<Option<Version>> {
    let query = versions::table
        .inner_join(packages::table)
        .filter(packages::project_id.eq(project))
        .filter(packages::name.eq(package))
        .filter(versions::version.eq(version))
        .filter(versions::retired.eq(0));
    Ok(query.select(COLUMNS).first(db).optional()?)
}

/// Which versions to list.
pub(crate) struct Selection {
    pub(crate) project: i64,
    pub(crate) package: Option<i64>,
    pub(crate) show_hidden: bool,
}

/// Visible versions behind the id `after`, in the order of their ids.
pub(crate) fn list(db: &mut Db, selection: &Selection, after: Option<i64>, limit: i64) -> Result<Vec<Version>> {
    let mut query = versions::table
        .inner_join(packages::table)
        .filter(versions::project_id.eq(selection.project))
        .filter(versions::id.gt(after.unwrap_or_default()))
        .filter(versions::retired.eq(0))
        .filter(versions::state.eq_any(VersionState::LISTED))
        .select(COLUMNS)
        .order(versions::id)
        .limit(limit)
        .into_boxed();
    if let Some(package) = selection.package {
        query = query.filter(versions::package_id.eq(package));
    }
    if !selection.show_hidden {
        query = query.filter(versions::hidden.eq(false));
    }
    Ok(query.load(db)?)
}

/// Writes what a publish changed.
pub(crate) fn update(db: &mut Db, id: i64, change: Change) -> Result<()> {
    diesel::update(versions::table.find(id)).set(change).execute(db)?;
    Ok(())
}
