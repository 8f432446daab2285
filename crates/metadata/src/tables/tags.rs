//! Tags: names in a package that point at one of its versions.

use consign_types::{ContentDigest, PackageName, Slug, TagName, Timestamp, VersionName};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use super::BATCH;
use crate::batch::{Batch, push};
use crate::connection::Db;
use crate::cursor::Cursor;
use crate::error::Result;
use crate::prepared::rounded;
use crate::schema::{packages, tags, versions};
use crate::select::{Condition, Field, Order};

/// A tag, as its row has it.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable, AsChangeset, Serialize, Deserialize)]
#[diesel(table_name = tags)]
pub struct TagRow {
    /// Its id, never reused.
    pub id: i64,
    /// Its project.
    pub project_id: i64,
    /// Its package.
    pub package_id: i64,
    /// Its name.
    pub tag: TagName,
    /// The version that it points at.
    pub version_id: i64,
    /// The content that it points at.
    pub content_digest: ContentDigest,
    /// Who moved it last.
    pub actor: Slug,
    /// The number of its last move.
    pub sequence: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last moved.
    pub updated_at: Timestamp,
}

/// A tag, and the names of what it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacedTag {
    /// The tag.
    pub row: TagRow,
    /// The name of its package.
    pub package: PackageName,
    /// The name of the version that it points at.
    pub version: VersionName,
    /// Whether a rule keeps it there. Known only of tags that are shown.
    pub immutable: bool,
}

type Read = (TagRow, PackageName, VersionName);

impl From<Read> for PlacedTag {
    fn from((row, package, version): Read) -> Self {
        Self { row, package, version, immutable: false }
    }
}

impl PlacedTag {
    /// Differs after every change.
    pub fn etag(&self) -> String {
        format!("{:x}-{:x}", self.row.id, self.row.sequence)
    }
}

pub(crate) type Source =
    diesel::dsl::InnerJoinQuerySource<diesel::dsl::InnerJoinQuerySource<tags::table, packages::table>, versions::table, On>;
type On = diesel::dsl::Eq<tags::version_id, versions::id>;

/// What lists of tags can be filtered by.
pub(crate) fn field(name: &str) -> Option<Field> {
    Some(match name {
        "tag_id" => Field::Text("tags.tag"),
        "version" => Field::Unordered("versions.version"),
        "content_digest" => Field::Digest("tags.content_digest"),
        "actor" => Field::Text("tags.actor"),
        "create_time" => Field::Time("tags.created_at"),
        "update_time" => Field::Time("tags.updated_at"),
        _ => return None,
    })
}

/// The tag of this name in a package.
pub(crate) fn find(db: &mut Db, package: i64, tag: &TagName) -> Result<Option<PlacedTag>> {
    Ok(list_named(db, package, &[tag])?.pop())
}

/// Those of these tags that a package has.
pub(crate) fn list_named(db: &mut Db, package: i64, names: &[&TagName]) -> Result<Vec<PlacedTag>> {
    let query = tags::table
        .inner_join(packages::table)
        .inner_join(versions::table.on(tags::version_id.eq(versions::id)))
        .filter(tags::package_id.eq(package))
        .filter(tags::tag.eq_any(names.iter().copied()));
    let found = query.select((tags::all_columns, packages::name, versions::version)).load::<Read>(db)?;
    Ok(found.into_iter().map(PlacedTag::from).collect())
}

/// The tags of a version, of a package or of a project, as far as they are given.
pub(crate) fn list_of(db: &mut Db, project: i64, package: Option<i64>, version: Option<i64>) -> Result<Vec<PlacedTag>> {
    let mut query = tags::table
        .inner_join(packages::table)
        .inner_join(versions::table.on(tags::version_id.eq(versions::id)))
        .filter(tags::project_id.eq(project))
        .filter(packages::retired.eq(0))
        .select((tags::all_columns, packages::name, versions::version))
        .into_boxed();
    if let Some(package) = package {
        query = query.filter(tags::package_id.eq(package));
    }
    if let Some(version) = version {
        query = query.filter(tags::version_id.eq(version));
    }
    Ok(query.load::<Read>(db)?.into_iter().map(PlacedTag::from).collect())
}

/// The tags that point at some versions.
pub(crate) fn list_of_versions(db: &mut Db, versions: &[i64]) -> Result<Vec<PlacedTag>> {
    let mut found = Vec::new();
    for of in versions.chunks(BATCH) {
        let query = tags::table
            .inner_join(packages::table)
            .inner_join(versions::table.on(tags::version_id.eq(versions::id)))
            .filter(tags::version_id.eq_any(of))
            .order(tags::tag);
        found.append(&mut query.select((tags::all_columns, packages::name, versions::version)).load::<Read>(db)?);
    }
    Ok(found.into_iter().map(PlacedTag::from).collect())
}

/// Tags of a project that fit, behind a cursor.
pub(crate) fn list(
    db: &mut Db,
    project: i64,
    package: Option<i64>,
    filter: Option<Condition<Source>>,
    order: &Order,
    page: (Option<&Cursor>, i64),
) -> Result<Vec<PlacedTag>> {
    let (after, limit) = page;
    let mut query = tags::table
        .inner_join(packages::table)
        .inner_join(versions::table.on(tags::version_id.eq(versions::id)))
        .filter(tags::project_id.eq(project))
        .filter(packages::retired.eq(0))
        .select((tags::all_columns, packages::name, versions::version))
        .order(order.by())
        .limit(limit)
        .into_boxed();
    if let Some(package) = package {
        query = query.filter(tags::package_id.eq(package));
    }
    for condition in filter.into_iter().chain(after.map(|after| order.behind(after)).transpose()?) {
        query = query.filter(condition);
    }
    Ok(query.load::<Read>(db)?.into_iter().map(PlacedTag::from).collect())
}

/// Adds a tag.
pub(crate) fn insert(batch: &mut Batch<'_>, tag: &TagRow) {
    let tag = tag.clone();
    push!(batch, diesel::insert_into(tags::table).values(tag));
}

/// Writes a tag as it is now.
pub(crate) fn update(batch: &mut Batch<'_>, tag: &TagRow) {
    let tag = tag.clone();
    push!(batch, diesel::update(tags::table.find(tag.id)).set(tag));
}

/// Removes tags.
pub(crate) fn remove(batch: &mut Batch<'_>, ids: &[i64]) {
    for ids in ids.chunks(BATCH) {
        let ids = rounded(ids.to_vec());
        push!(batch, diesel::delete(tags::table.filter(tags::id.eq_any(ids))));
    }
}

/// Removes the tags that point at a version.
pub(crate) fn remove_of_version(db: &mut Db, version: i64) -> Result<()> {
    diesel::delete(tags::table.filter(tags::version_id.eq(version))).execute(db)?;
    Ok(())
}
