//! Stages: where versions are placed on their way to production.

use consign_types::promotion::{Policy, StageName};
use consign_types::text::{Description, DisplayName};
use consign_types::{Digest, Slug, Timestamp};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use crate::batch::{Batch, push};
use crate::connection::{Db, each};
use crate::cursor::Cursor;
use crate::error::{Error, Result};
use crate::schema::{stage_policies, stages};
use crate::select::{BOOLEANS, Condition, Field, Order};

/// A stage of a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// Its id, never reused.
    pub id: i64,
    /// Its project.
    pub project_id: i64,
    /// Its name.
    pub stage: StageName,
    /// What people call it.
    pub display_name: DisplayName,
    /// What it is for.
    pub description: Description,
    /// Its place in lists.
    pub rank: i32,
    /// What it asks of promotions.
    pub policy: Policy,
    /// Whether one promotion at a time may be pending.
    pub is_exclusive: bool,
    /// Why and by whom it is held, if it is.
    pub hold: Option<Hold>,
    /// The promotion that was applied last.
    pub promotion: Option<i64>,
    /// Counts its changes, but for the promotions.
    pub revision: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// That a stage is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Why.
    pub reason: Description,
    /// By whom.
    pub actor: Slug,
}

impl Stage {
    /// Differs after every change.
    pub fn etag(&self) -> String {
        format!("{:x}-{:x}", self.id, self.revision)
    }
}

#[derive(Queryable, Insertable, AsChangeset, Selectable)]
#[diesel(table_name = stages, treat_none_as_null = true)]
struct Row {
    project_id: i64,
    stage: StageName,
    display_name: DisplayName,
    description: Description,
    rank: i32,
    policy: String,
    policy_digest: Digest,
    is_exclusive: bool,
    hold_reason: Option<Description>,
    hold_actor: Option<Slug>,
    promotion_id: Option<i64>,
    revision: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn to_row(stage: &Stage) -> Row {
    let stage = stage.clone();
    let (hold_reason, hold_actor) = stage.hold.map(|hold| (hold.reason, hold.actor)).unzip();
    Row {
        project_id: stage.project_id,
        stage: stage.stage,
        display_name: stage.display_name,
        description: stage.description,
        rank: stage.rank,
        policy_digest: stage.policy.digest(),
        policy: stage.policy.document(),
        is_exclusive: stage.is_exclusive,
        hold_reason,
        hold_actor,
        promotion_id: stage.promotion,
        revision: stage.revision,
        created_at: stage.created_at,
        updated_at: stage.updated_at,
    }
}

/// What was written is read back; a row that is not a stage is a fault.
fn from_row((id, row): (i64, Row)) -> Result<Stage> {
    Ok(Stage {
        id,
        project_id: row.project_id,
        stage: row.stage,
        display_name: row.display_name,
        description: row.description,
        rank: row.rank,
        policy: serde_json::from_str(&row.policy).map_err(|_| Error::Row("stages"))?,
        is_exclusive: row.is_exclusive,
        hold: row.hold_reason.zip(row.hold_actor).map(|(reason, actor)| Hold { reason, actor }),
        promotion: row.promotion_id,
        revision: row.revision,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

type Columns = (stages::id, diesel::dsl::AsSelect<Row, crate::connection::MultiBackend>);

fn columns() -> Columns {
    (stages::id, Row::as_select())
}

/// What lists of stages can be filtered by.
pub(crate) fn field(name: &str) -> Option<Field> {
    Some(match name {
        "stage_id" => Field::Text("stages.stage"),
        "display_name" => Field::Text("stages.display_name"),
        "rank" => Field::Number("stages.rank"),
        "held" => Field::Word("(case when stages.hold_reason is null then 'false' else 'true' end)", BOOLEANS),
        "exclusive" => Field::Word("(case when stages.is_exclusive then 'true' else 'false' end)", BOOLEANS),
        _ => return None,
    })
}

/// Adds a stage, whose id does not matter. Returns the one that it got; `None` if its name is taken.
pub(crate) fn insert(db: &mut Db, new: &Stage) -> Result<Option<i64>> {
    let row = to_row(new);
    Ok(each!(db, connection => diesel::insert_into(stages::table)
        .values(row)
        .on_conflict_do_nothing()
        .returning(stages::id)
        .get_result(connection)
        .optional())?)
}

/// The stage of this name.
pub(crate) fn find(db: &mut Db, project: i64, stage: &StageName) -> Result<Option<Stage>> {
    let query = stages::table.filter(stages::project_id.eq(project)).filter(stages::stage.eq(stage));
    query.select(columns()).first::<(i64, Row)>(db).optional()?.map(from_row).transpose()
}

/// All stages of a project.
pub(crate) fn list_all(db: &mut Db, project: i64) -> Result<Vec<Stage>> {
    let query = stages::table.filter(stages::project_id.eq(project)).order((stages::rank, stages::stage));
    query.select(columns()).load::<(i64, Row)>(db)?.into_iter().map(from_row).collect()
}

/// Stages of a project that fit, behind a cursor.
pub(crate) fn list(
    db: &mut Db,
    project: i64,
    filter: Option<Condition<stages::table>>,
    order: &Order,
    page: (Option<&Cursor>, i64),
) -> Result<Vec<Stage>> {
    let (after, limit) = page;
    let mut query = stages::table.filter(stages::project_id.eq(project)).select(columns()).order(order.by()).limit(limit).into_boxed();
    for condition in filter.into_iter().chain(after.map(|after| order.behind(after)).transpose()?) {
        query = query.filter(condition);
    }
    query.load::<(i64, Row)>(db)?.into_iter().map(from_row).collect()
}

/// Writes a stage as it is now.
pub(crate) fn update(db: &mut Db, stage: &Stage) -> Result<()> {
    diesel::update(stages::table.find(stage.id)).set(to_row(stage)).execute(db)?;
    Ok(())
}

/// Notes the promotion that was applied last.
pub(crate) fn set_promotion(batch: &mut Batch<'_>, stage: i64, promotion: i64) {
    push!(batch, diesel::update(stages::table.find(stage)).set(stages::promotion_id.eq(promotion)));
}

/// Removes a stage.
pub(crate) fn remove(db: &mut Db, id: i64) -> Result<()> {
    diesel::delete(stages::table.find(id)).execute(db)?;
    Ok(())
}

/// Keeps a policy by its digest; one that is kept stays.
pub(crate) fn keep_policy(db: &mut Db, project: i64, policy: &Policy, now: Timestamp) -> Result<()> {
    let values = (
        stage_policies::project_id.eq(project),
        stage_policies::digest.eq(policy.digest()),
        stage_policies::document.eq(policy.document()),
        stage_policies::created_at.eq(now),
    );
    each!(db, connection => diesel::insert_into(stage_policies::table).values(values).on_conflict_do_nothing().execute(connection))?;
    Ok(())
}

/// The document of a policy.
pub(crate) fn find_policy(db: &mut Db, project: i64, digest: Digest) -> Result<Option<String>> {
    Ok(stage_policies::table.find((project, digest)).select(stage_policies::document).first(db).optional()?)
}

/// Removes the stages of a project that goes, and their policies.
pub(crate) fn remove_of_project(db: &mut Db, project: i64) -> Result<()> {
    diesel::delete(stage_policies::table.filter(stage_policies::project_id.eq(project))).execute(db)?;
    diesel::delete(stages::table.filter(stages::project_id.eq(project))).execute(db)?;
    Ok(())
}
