//! Versions: what GitLab calls a package.

use consign_types::{ContentDigest, PackageName, Timestamp, Version};
use diesel::deserialize::{self, FromSql};
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::{AsExpression, FromSqlRow};

use crate::columns::text_enum;
use crate::connection::{Db, each};
use crate::error::Result;
use crate::schema::{packages, versions};

text_enum! {
    /// Where a version is in its life.
    VersionState {
        /// Not visible; files may be added.
        Draft = "draft",
        /// Visible; files may be added.
        Open = "open",
        /// Sealed: its file set never changes again.
        Published = "published",
        /// Sealed, and not chosen for new uses.
        Yanked = "yanked",
        /// Sealed, and not readable.
        Quarantined = "quarantined",
        /// Removed; restorable for a while.
        Deleted = "deleted",
    }
}

impl VersionState {
    /// Whether the file set never changes again.
    pub fn is_sealed(self) -> bool {
        matches!(self, Self::Published | Self::Yanked | Self::Quarantined)
    }

    /// Whether its files can be read by those who know its name.
    pub fn is_readable(self) -> bool {
        matches!(self, Self::Open | Self::Published | Self::Yanked)
    }
}

/// A version of a package.
#[derive(Clone, Debug, Queryable)]
pub struct VersionRow {
    /// Its id, never reused.
    pub id: i64,
    /// The project of the package.
    pub project_id: i64,
    /// The name of the package.
    pub package: PackageName,
    /// The version's own name.
    pub version: Version,
    /// Where it is in its life.
    pub state: VersionState,
    /// Left out of lists; still found by its name.
    pub hidden: bool,
    /// The digest of its file set, once it is sealed.
    pub content_digest: Option<ContentDigest>,
    /// How many paths it serves.
    pub file_count: i64,
    /// The bytes that it serves, in all.
    pub size_bytes: i64,
    /// Who made it.
    pub creator: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When it was sealed.
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
    pub(crate) file_count: i64,
    pub(crate) size_bytes: i64,
    pub(crate) updated_at: Timestamp,
    pub(crate) published_at: Option<Timestamp>,
}

/// Makes sure that the package has this version, an open and empty one if it is new, and locks its row until the
/// transaction ends: publishers of one version take turns.
pub(crate) fn ensure_locked(db: &mut Db, (project, package): (i64, i64), version: &Version, creator: &str, now: Timestamp) -> Result<i64> {
    let values = (
        versions::project_id.eq(project),
        versions::package_id.eq(package),
        versions::version.eq(version),
        versions::retired.eq(0),
        versions::state.eq(VersionState::Open),
        versions::hidden.eq(false),
        versions::file_count.eq(0),
        versions::size_bytes.eq(0),
        versions::creator.eq(creator),
        versions::created_at.eq(now),
        versions::updated_at.eq(now),
    );
    Ok(each!(db, connection => diesel::insert_into(versions::table)
        .values(values)
        .on_conflict((versions::package_id, versions::version, versions::retired))
        .do_update()
        .set(versions::retired.eq(0))
        .returning(versions::id)
        .get_result(connection))?)
}

/// The version of this id.
pub(crate) fn get(db: &mut Db, id: i64) -> Result<VersionRow> {
    Ok(versions::table.inner_join(packages::table).filter(versions::id.eq(id)).select(COLUMNS).first(db)?)
}

/// The version that holds this name.
pub(crate) fn find(db: &mut Db, project: i64, package: &PackageName, version: &Version) -> Result<Option<VersionRow>> {
    let query = versions::table
        .inner_join(packages::table)
        .filter(packages::project_id.eq(project))
        .filter(packages::name.eq(package))
        .filter(versions::version.eq(version))
        .filter(versions::retired.eq(0));
    Ok(query.select(COLUMNS).first(db).optional()?)
}

/// Visible versions with ids above `after`, of one package or of a whole project, in the order of their ids.
pub(crate) fn list(
    db: &mut Db,
    project: i64,
    package: Option<&PackageName>,
    show_hidden: bool,
    after: i64,
    limit: i64,
) -> Result<Vec<VersionRow>> {
    let mut query = versions::table
        .inner_join(packages::table)
        .filter(versions::project_id.eq(project))
        .filter(versions::id.gt(after))
        .filter(versions::retired.eq(0))
        .filter(versions::state.ne(VersionState::Draft))
        .select(COLUMNS)
        .order(versions::id)
        .limit(limit)
        .into_boxed();
    if let Some(package) = package {
        query = query.filter(packages::name.eq(package));
    }
    if !show_hidden {
        query = query.filter(versions::hidden.eq(false));
    }
    Ok(query.load(db)?)
}

/// Writes what a publish changed.
pub(crate) fn update(db: &mut Db, id: i64, change: Change) -> Result<()> {
    diesel::update(versions::table.find(id)).set(change).execute(db)?;
    Ok(())
}
