//! Promotions: requests to place versions on a stage, and what came of them.

use std::collections::HashMap;

use consign_types::promotion::{Report, Review, StageName, State, Verdict, Waiver};
use consign_types::text::Description;
use consign_types::{ContentDigest, Digest, PackageName, Slug, Timestamp, VersionName};
use diesel::dsl::InnerJoinQuerySource;
use diesel::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::BATCH;
use super::placements::AsOf;
use crate::batch::{Batch, push, push_rows};
use crate::connection::{Db, MultiBackend};
use crate::cursor::Cursor;
use crate::error::{Error, Result};
use crate::prepared::rounded;
use crate::schema::{projects, promotion_items, promotions};
use crate::select::{Condition, Extent, Field, Kind, Order};

/// A request to place versions on a stage, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promotion {
    /// Its id, never reused.
    pub id: i64,
    /// The project.
    pub project_id: i64,
    /// The stage.
    pub stage_id: i64,
    /// What the stage is called.
    pub stage: StageName,
    /// Where it stands.
    pub state: State,
    /// What it places.
    pub items: Vec<PromotionItem>,
    /// Why it was asked for.
    pub justification: Description,
    /// Who asked for it.
    pub creator: Slug,
    /// The gates that were put aside.
    pub waivers: Vec<Waiver>,
    /// The gates as last judged.
    pub verdicts: Vec<Verdict>,
    /// What people said, oldest first.
    pub reviews: Vec<Review>,
    /// What checkers reported, oldest first.
    pub reports: Vec<Report>,
    /// SHA-256 of the policy that it was judged by.
    pub policy_digest: Digest,
    /// The promotion after which the stage stands again, for one that undoes others; 0: after none.
    pub rollback_target: Option<i64>,
    /// The promotion that undid it.
    pub rolled_back_by: Option<i64>,
    /// The hash of the one that was applied before it in the project.
    pub previous_record_hash: Option<Digest>,
    /// The hash of its record, once it was applied.
    pub record_hash: Option<Digest>,
    /// Its signed statement: a DSSE envelope in JSON.
    pub statement: Option<String>,
    /// The change that applied it; 0: none did.
    pub sequence: i64,
    /// Counts its changes.
    pub revision: i64,
    /// When it is judged again by itself, while it is pending.
    pub judge_at: Option<Timestamp>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When its versions were placed.
    pub effective_at: Option<Timestamp>,
    /// When it ceased to be pending.
    pub closed_at: Option<Timestamp>,
}

/// A version within a promotion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromotionItem {
    /// The package.
    pub package_id: i64,
    /// The version.
    pub version_id: i64,
    /// What the package is called.
    pub package: PackageName,
    /// What the version is called.
    pub version: VersionName,
    /// What is placed.
    pub content_digest: ContentDigest,
    /// The change as of which the version consisted of that.
    pub content_sequence: i64,
    /// The version whose place it took.
    pub replaced_version: Option<VersionName>,
    /// When the version was published; `None` where it is placed again by a rollback.
    pub published_at: Option<Timestamp>,
}

impl Promotion {
    /// Differs after every change.
    pub fn etag(&self) -> String {
        format!("{:x}-{:x}", self.id, self.revision)
    }
}

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = promotions, treat_none_as_null = true)]
struct Row {
    id: i64,
    project_id: i64,
    stage_id: i64,
    stage: StageName,
    state: State,
    justification: Description,
    creator: Slug,
    waivers: String,
    verdicts: String,
    reviews: String,
    reports: String,
    policy_digest: Digest,
    rollback_target: Option<i64>,
    rolled_back_by: Option<i64>,
    previous_record_hash: Option<Digest>,
    record_hash: Option<Digest>,
    statement: Option<String>,
    sequence: i64,
    revision: i64,
    judge_at: Option<Timestamp>,
    created_at: Timestamp,
    effective_at: Option<Timestamp>,
    closed_at: Option<Timestamp>,
}

#[derive(Clone, Queryable, Insertable)]
#[diesel(table_name = promotion_items)]
struct ItemRow {
    promotion_id: i64,
    position: i32,
    package_id: i64,
    version_id: i64,
    package: PackageName,
    version: VersionName,
    content_digest: ContentDigest,
    content_sequence: i64,
    replaced_version: Option<VersionName>,
    published_at: Option<Timestamp>,
}

fn to_row(promotion: &Promotion) -> Row {
    let of = promotion.clone();
    Row {
        id: of.id,
        project_id: of.project_id,
        stage_id: of.stage_id,
        stage: of.stage,
        state: of.state,
        justification: of.justification,
        creator: of.creator,
        waivers: to_json(&of.waivers),
        verdicts: to_json(&of.verdicts),
        reviews: to_json(&of.reviews),
        reports: to_json(&of.reports),
        policy_digest: of.policy_digest,
        rollback_target: of.rollback_target,
        rolled_back_by: of.rolled_back_by,
        previous_record_hash: of.previous_record_hash,
        record_hash: of.record_hash,
        statement: of.statement,
        sequence: of.sequence,
        revision: of.revision,
        judge_at: of.judge_at,
        created_at: of.created_at,
        effective_at: of.effective_at,
        closed_at: of.closed_at,
    }
}

fn to_json<T: Serialize>(list: &[T]) -> String {
    serde_json::to_string(list).expect("its keys are texts")
}

fn from_json<T: DeserializeOwned>(text: &str) -> Result<Vec<T>> {
    serde_json::from_str(text).map_err(|_| Error::Row("promotions"))
}

fn from_row(row: Row, items: Vec<PromotionItem>) -> Result<Promotion> {
    Ok(Promotion {
        id: row.id,
        project_id: row.project_id,
        stage_id: row.stage_id,
        stage: row.stage,
        state: row.state,
        items,
        justification: row.justification,
        creator: row.creator,
        waivers: from_json(&row.waivers)?,
        verdicts: from_json(&row.verdicts)?,
        reviews: from_json(&row.reviews)?,
        reports: from_json(&row.reports)?,
        policy_digest: row.policy_digest,
        rollback_target: row.rollback_target,
        rolled_back_by: row.rolled_back_by,
        previous_record_hash: row.previous_record_hash,
        record_hash: row.record_hash,
        statement: row.statement,
        sequence: row.sequence,
        revision: row.revision,
        judge_at: row.judge_at,
        created_at: row.created_at,
        effective_at: row.effective_at,
        closed_at: row.closed_at,
    })
}

pub(crate) type Source = InnerJoinQuerySource<promotions::table, projects::table>;

/// The words of `state`.
const STATES: &[&str] = &["pending", "succeeded", "rejected", "cancelled", "superseded", "rolled_back"];

/// The items of a promotion, by the id that they have of it.
const ITEMS: &str = "promotions.id in (select promotion_id from promotion_items where promotion_items.";

/// What lists of promotions can be filtered by. What is asked of packages and versions is asked of each item.
pub(crate) fn field(name: &str) -> Option<Field> {
    Some(match name {
        "stage" => Field::Text("promotions.stage"),
        "state" => Field::Word("promotions.state", STATES),
        "creator" => Field::Text("promotions.creator"),
        "package" => Field::Several(ITEMS, "package", Kind::Text),
        "version" => Field::Several(ITEMS, "version", Kind::Text),
        "content_digest" => Field::Several(ITEMS, "content_digest", Kind::Digest),
        "create_time" => Field::Time("promotions.created_at"),
        "effective_time" => Field::Time("promotions.effective_at"),
        _ => return None,
    })
}

/// Adds a promotion and its items.
pub(crate) fn insert(batch: &mut Batch<'_>, promotion: &Promotion) {
    let row = to_row(promotion);
    push!(batch, diesel::insert_into(promotions::table).values(row));
    let items = promotion.items.iter().zip(0..).map(|(item, position)| {
        let item = item.clone();
        ItemRow {
            promotion_id: promotion.id,
            position,
            package_id: item.package_id,
            version_id: item.version_id,
            package: item.package,
            version: item.version,
            content_digest: item.content_digest,
            content_sequence: item.content_sequence,
            replaced_version: item.replaced_version,
            published_at: item.published_at,
        }
    });
    let items: Vec<ItemRow> = items.collect();
    for items in items.chunks(BATCH) {
        let items = items.to_vec();
        push_rows!(batch, items, |rows| diesel::insert_into(promotion_items::table).values(rows));
    }
}

/// Writes a promotion as it is now. Its items stay, but for what they replaced.
pub(crate) fn update(batch: &mut Batch<'_>, promotion: &Promotion) {
    let (id, row) = (promotion.id, to_row(promotion));
    push!(batch, diesel::update(promotions::table.find(id)).set(row));
}

/// Notes which versions the items of a promotion took the places of.
pub(crate) fn set_replaced(batch: &mut Batch<'_>, promotion: &Promotion) {
    for (item, position) in promotion.items.iter().zip(0_i32..) {
        let (id, replaced) = (promotion.id, item.replaced_version.clone());
        push!(batch, diesel::update(promotion_items::table.find((id, position))).set(promotion_items::replaced_version.eq(replaced)));
    }
}

/// Notes that one promotion undid others.
pub(crate) fn set_rolled_back(batch: &mut Batch<'_>, stage: i64, after: i64, until: i64, by: i64) {
    let undone = promotions::table
        .filter(promotions::stage_id.eq(stage))
        .filter(promotions::sequence.gt(after))
        .filter(promotions::sequence.le(until))
        .filter(promotions::state.eq(State::Succeeded));
    let values =
        (promotions::state.eq(State::RolledBack), promotions::rolled_back_by.eq(by), promotions::revision.eq(promotions::revision + 1));
    push!(batch, diesel::update(undone).set(values));
}

/// Ends pending promotions, because another took their place.
pub(crate) fn supersede(batch: &mut Batch<'_>, ids: &[i64], now: Timestamp) {
    for ids in ids.chunks(BATCH) {
        let pending = promotions::table.filter(promotions::id.eq_any(ids.to_vec())).filter(promotions::state.eq(State::Pending));
        let values = (
            promotions::state.eq(State::Superseded),
            promotions::judge_at.eq(None::<Timestamp>),
            promotions::closed_at.eq(now),
            promotions::revision.eq(promotions::revision + 1),
        );
        push!(batch, diesel::update(pending).set(values));
    }
}

/// Has the pending promotions of a project judged again at once, but for some.
pub(crate) fn hasten(batch: &mut Batch<'_>, project: i64, except: &[i64], now: Timestamp) {
    let pending = promotions::table.filter(promotions::project_id.eq(project)).filter(promotions::state.eq(State::Pending));
    let pending = pending.filter(promotions::id.ne_all(rounded(except.to_vec())));
    push!(batch, diesel::update(pending).set(promotions::judge_at.eq(now)));
}

/// The promotion of this id in a project.
pub(crate) fn find(db: &mut Db, project: i64, id: i64) -> Result<Option<Promotion>> {
    let query = promotions::table.filter(promotions::project_id.eq(project)).filter(promotions::id.eq(id));
    let rows = query.load::<Row>(db)?;
    Ok(with_items(db, rows)?.pop())
}

/// The last promotion of a stage that was applied at or before a moment.
pub(crate) fn find_applied(db: &mut Db, stage: i64, as_of: AsOf) -> Result<Option<i64>> {
    let mut query = promotions::table.filter(promotions::stage_id.eq(stage)).filter(promotions::sequence.gt(0)).into_boxed();
    query = match as_of {
        AsOf::Now => query,
        AsOf::Time(time) => query.filter(promotions::effective_at.le(time)),
        AsOf::Sequence(sequence) => query.filter(promotions::sequence.le(sequence)),
    };
    Ok(query.order(promotions::sequence.desc()).select(promotions::id).first(db).optional()?)
}

/// The change of a project that applied the last promotion by an instant; 0: none did.
pub(crate) fn find_sequence(db: &mut Db, project: i64, time: Timestamp) -> Result<i64> {
    let query = promotions::table.filter(promotions::project_id.eq(project)).filter(promotions::effective_at.le(time));
    let found: Option<i64> =
        query.order((promotions::effective_at.desc(), promotions::id.desc())).select(promotions::sequence).first(db).optional()?;
    Ok(found.unwrap_or_default())
}

/// The last promotion to a stage that was applied before a change, was not undone, and undid none.
pub(crate) fn find_standing(db: &mut Db, stage: i64, before: i64) -> Result<Option<Promotion>> {
    let query = promotions::table.filter(promotions::stage_id.eq(stage)).filter(promotions::sequence.gt(0));
    let query = query.filter(promotions::sequence.lt(before)).filter(promotions::state.eq(State::Succeeded));
    let query = query.filter(promotions::rollback_target.is_null()).order(promotions::sequence.desc()).limit(1);
    let rows = query.load::<Row>(db)?;
    Ok(with_items(db, rows)?.pop())
}

/// The hash of the record that was written last in a project.
pub(crate) fn find_last_hash(db: &mut Db, project: i64) -> Result<Option<Digest>> {
    let query = promotions::table.filter(promotions::project_id.eq(project)).filter(promotions::sequence.gt(0));
    let hash: Option<Option<Digest>> = query.order(promotions::sequence.desc()).select(promotions::record_hash).first(db).optional()?;
    Ok(hash.flatten())
}

/// Pending promotions that are due, each with its project.
pub(crate) fn list_due(db: &mut Db, now: Timestamp, limit: i64) -> Result<Vec<(i64, i64)>> {
    let query = promotions::table.filter(promotions::judge_at.le(now)).order((promotions::judge_at, promotions::id)).limit(limit);
    Ok(query.select((promotions::project_id, promotions::id)).load(db)?)
}

/// Pending promotions of a stage, with the packages of each.
pub(crate) fn list_pending(db: &mut Db, stage: i64) -> Result<Vec<(i64, Vec<i64>)>> {
    let query = promotions::table.inner_join(promotion_items::table).filter(promotions::stage_id.eq(stage));
    let query = query.filter(promotions::state.eq(State::Pending)).order((promotions::id, promotion_items::position));
    let rows: Vec<(i64, i64)> = query.select((promotions::id, promotion_items::package_id)).load(db)?;
    let mut pending: Vec<(i64, Vec<i64>)> = Vec::new();
    for (id, package) in rows {
        match pending.last_mut() {
            Some((last, packages)) if *last == id => packages.push(package),
            _ => pending.push((id, vec![package])),
        }
    }
    Ok(pending)
}

/// Promotions that fit, those alone that were applied if `is_applied`, behind a cursor.
pub(crate) fn list(
    db: &mut Db,
    extent: Extent,
    filter: Option<Condition<Source>>,
    is_applied: bool,
    order: &Order,
    page: (Option<&Cursor>, i64),
) -> Result<Vec<Promotion>> {
    let (after, limit) = page;
    let query = promotions::table.inner_join(projects::table).filter(projects::deleted_at.is_null());
    let mut query = query.select(promotions::all_columns).order(order.by()).limit(limit).into_boxed::<MultiBackend>();
    let (project, conditions) = extent.parts::<Source>();
    if let Some(project) = project {
        query = query.filter(promotions::project_id.eq(project));
    }
    if is_applied {
        query = query.filter(promotions::effective_at.is_not_null());
    }
    for condition in conditions.into_iter().chain(filter).chain(after.map(|after| order.behind(after)).transpose()?) {
        query = query.filter(condition);
    }
    let rows = query.load::<Row>(db)?;
    with_items(db, rows)
}

fn with_items(db: &mut Db, rows: Vec<Row>) -> Result<Vec<Promotion>> {
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let mut items: HashMap<i64, Vec<PromotionItem>> = HashMap::new();
    for ids in ids.chunks(BATCH) {
        let query = promotion_items::table.filter(promotion_items::promotion_id.eq_any(ids));
        for row in query.order((promotion_items::promotion_id, promotion_items::position)).load::<ItemRow>(db)? {
            let promotion_id = row.promotion_id;
            let item = PromotionItem {
                package_id: row.package_id,
                version_id: row.version_id,
                package: row.package,
                version: row.version,
                content_digest: row.content_digest,
                content_sequence: row.content_sequence,
                replaced_version: row.replaced_version,
                published_at: row.published_at,
            };
            items.entry(promotion_id).or_default().push(item);
        }
    }
    let rows = rows.into_iter().map(|row| (items.remove(&row.id).unwrap_or_default(), row));
    rows.map(|(items, row)| from_row(row, items)).collect()
}

/// Removes the promotions of a project that goes.
pub(crate) fn remove_of_project(db: &mut Db, project: i64) -> Result<()> {
    let ids = promotions::table.filter(promotions::project_id.eq(project)).select(promotions::id);
    diesel::delete(promotion_items::table.filter(promotion_items::promotion_id.eq_any(ids))).execute(db)?;
    diesel::delete(promotions::table.filter(promotions::project_id.eq(project))).execute(db)?;
    Ok(())
}
