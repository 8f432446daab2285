//! Releases.

use consign_types::release::{Link, Notes, SourceTag, bytes_of};
use consign_types::text::DisplayName;
use consign_types::{Slug, Timestamp};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use crate::connection::{Db, MultiBackend, each};
use crate::cursor::Cursor;
use crate::error::{Error, Result};
use crate::page::{MAX_COUNTED, Slice};
use crate::schema::releases;
use crate::select::Order;

/// What a project says of a tag of its source code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Its id, never reused.
    pub id: i64,
    /// Its project.
    pub project_id: i64,
    /// The tag.
    pub tag: SourceTag,
    /// What people call it.
    pub display_name: DisplayName,
    /// What there is to say.
    pub description: Notes,
    /// Its links, in the order in which they were made.
    pub links: Vec<Link>,
    /// The highest id that a link of it ever had.
    pub last_link: i64,
    /// Who made it.
    pub creator: Slug,
    /// Counts its changes.
    pub revision: i64,
    /// When it was or will be released.
    pub released_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Release {
    /// How much there is to say of it, about.
    pub(crate) fn bytes(&self) -> usize {
        self.description.as_str().len() + bytes_of(&self.links)
    }

    /// Differs after every change.
    pub fn etag(&self) -> String {
        format!("{:x}-{:x}", self.id, self.revision)
    }
}

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = releases)]
struct Row {
    project_id: i64,
    tag: SourceTag,
    display_name: DisplayName,
    description: Notes,
    links: String,
    last_link: i64,
    creator: Slug,
    revision: i64,
    released_at: Timestamp,
    created_at: Timestamp,
    updated_at: Timestamp,
}

type Columns = (
    releases::id,
    (
        releases::project_id,
        releases::tag,
        releases::display_name,
        releases::description,
        releases::links,
        releases::last_link,
        releases::creator,
        releases::revision,
        releases::released_at,
        releases::created_at,
        releases::updated_at,
    ),
);

const COLUMNS: Columns = (
    releases::id,
    (
        releases::project_id,
        releases::tag,
        releases::display_name,
        releases::description,
        releases::links,
        releases::last_link,
        releases::creator,
        releases::revision,
        releases::released_at,
        releases::created_at,
        releases::updated_at,
    ),
);

fn to_row(release: &Release) -> Row {
    let release = release.clone();
    Row {
        project_id: release.project_id,
        tag: release.tag,
        display_name: release.display_name,
        description: release.description,
        links: serde_json::to_string(&release.links).expect("links are texts and numbers"),
        last_link: release.last_link,
        creator: release.creator,
        revision: release.revision,
        released_at: release.released_at,
        created_at: release.created_at,
        updated_at: release.updated_at,
    }
}

/// What was written is read back; a row that is not a release is a fault.
fn from_row((id, row): (i64, Row)) -> Result<Release> {
    Ok(Release {
        id,
        project_id: row.project_id,
        tag: row.tag,
        display_name: row.display_name,
        description: row.description,
        links: serde_json::from_str(&row.links).map_err(|_| Error::Row("releases"))?,
        last_link: row.last_link,
        creator: row.creator,
        revision: row.revision,
        released_at: row.released_at,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

/// Adds a release, whose id does not matter. Returns the one that it got; `None` if its tag has a release.
pub(crate) fn insert(db: &mut Db, new: &Release) -> Result<Option<i64>> {
    let row = to_row(new);
    Ok(each!(db, connection => diesel::insert_into(releases::table)
        .values(row)
        .on_conflict_do_nothing()
        .returning(releases::id)
        .get_result(connection)
        .optional())?)
}

/// The release of a tag.
pub(crate) fn find(db: &mut Db, project: i64, tag: &SourceTag) -> Result<Option<Release>> {
    let query = releases::table.filter(releases::project_id.eq(project)).filter(releases::tag.eq(tag));
    query.select(COLUMNS).first::<(i64, Row)>(db).optional()?.map(from_row).transpose()
}

/// Releases of a project, behind a cursor.
pub(crate) fn list(db: &mut Db, project: i64, order: &Order, after: Option<&Cursor>, slice: Slice) -> Result<Vec<Release>> {
    let mut query = chosen(project).select(COLUMNS).order(order.by()).limit(slice.limit).offset(slice.offset);
    if let Some(after) = after {
        query = query.filter(order.behind(after)?);
    }
    query.load::<(i64, Row)>(db)?.into_iter().map(from_row).collect()
}

/// How many releases a project has, as far as they are counted.
pub(crate) fn count(db: &mut Db, project: i64) -> Result<i64> {
    let ids: Vec<i64> = chosen(project).select(releases::id).limit(MAX_COUNTED + 1).load(db)?;
    Ok(i64::try_from(ids.len()).unwrap_or(i64::MAX))
}

fn chosen(project: i64) -> releases::BoxedQuery<'static, MultiBackend> {
    releases::table.into_boxed().filter(releases::project_id.eq(project))
}

/// Writes a release as it is now.
pub(crate) fn update(db: &mut Db, release: &Release) -> Result<()> {
    diesel::update(releases::table.find(release.id)).set(to_row(release)).execute(db)?;
    Ok(())
}

/// Removes a release.
pub(crate) fn remove(db: &mut Db, id: i64) -> Result<()> {
    diesel::delete(releases::table.find(id)).execute(db)?;
    Ok(())
}

/// Removes the releases of a project that goes.
pub(crate) fn remove_of_project(db: &mut Db, project: i64) -> Result<()> {
    diesel::delete(releases::table.filter(releases::project_id.eq(project))).execute(db)?;
    Ok(())
}
