//! Promotions: requests to place versions on a stage, and what came of them.

use std::collections::HashMap;

use consign_types::promotion::State;
use consign_types::{Digest, Timestamp};
use diesel::dsl::{InnerJoinQuerySource, exists};
use diesel::prelude::*;
use diesel::upsert::excluded;

use super::BATCH;
use super::placements::AsOf;
use super::promotion_row::{ItemRow, Promotion, PromotionItem, Row, from_row, to_row};
use crate::batch::{Batch, push, push_rows};
use crate::connection::{Db, MultiBackend};
use crate::cursor::Cursor;
use crate::error::Result;
use crate::prepared::rounded;
use crate::schema::{projects, promotion_items, promotions};
use crate::select::{Condition, Extent, Field, Kind, Order};

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
    for items in item_rows(promotion).chunks(BATCH) {
        let items = items.to_vec();
        push_rows!(batch, items, |rows| diesel::insert_into(promotion_items::table).values(rows));
    }
}

fn item_rows(promotion: &Promotion) -> Vec<ItemRow> {
    let items = promotion.items.iter().cloned().zip(0..).map(|(item, position)| ItemRow {
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
    });
    items.collect()
}

/// Writes a promotion as it is now. Its items stay, but for what they replaced.
pub(crate) fn update(batch: &mut Batch<'_>, promotion: &Promotion) {
    let (id, row) = (promotion.id, to_row(promotion));
    push!(batch, diesel::update(promotions::table.find(id)).set(row));
}

/// Notes which versions the items of a promotion took the places of. The rows are there: to insert them anew is the one statement that
/// changes many rows, each in its own way, on both databases.
pub(crate) fn set_replaced(batch: &mut Batch<'_>, promotion: &Promotion) {
    let key = (promotion_items::promotion_id, promotion_items::position);
    let replaced = || promotion_items::replaced_version.eq(excluded(promotion_items::replaced_version));
    for items in item_rows(promotion).chunks(BATCH) {
        let items = items.to_vec();
        push_rows!(batch, items, |rows| {
            diesel::insert_into(promotion_items::table).values(rows).on_conflict(key).do_update().set(replaced())
        });
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

/// How many promotions [`set_rolled_back`] finds to have been undone.
pub(crate) fn count_standing(db: &mut Db, stage: i64, after: i64, until: i64) -> Result<usize> {
    let query = promotions::table.filter(promotions::stage_id.eq(stage)).filter(promotions::sequence.gt(after));
    let query = query.filter(promotions::sequence.le(until)).filter(promotions::state.eq(State::Succeeded));
    let count: i64 = query.count().get_result(db)?;
    Ok(usize::try_from(count).unwrap_or_default())
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

/// Has a pending promotion judged again at an instant, and not before.
pub(crate) fn put_off(db: &mut Db, id: i64, until: Timestamp) -> Result<()> {
    let pending = promotions::table.find(id).filter(promotions::state.eq(State::Pending));
    diesel::update(pending).set(promotions::judge_at.eq(until)).execute(db)?;
    Ok(())
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

/// Whether any promotion, whatever came of it, names a version.
pub(crate) fn has_version(db: &mut Db, package: i64, version: i64) -> Result<bool> {
    let of_package = promotion_items::table.filter(promotion_items::package_id.eq(package));
    Ok(diesel::select(exists(of_package.filter(promotion_items::version_id.eq(version)))).get_result(db)?)
}

/// Removes the promotions of a project that goes.
pub(crate) fn remove_of_project(db: &mut Db, project: i64) -> Result<()> {
    let ids = promotions::table.filter(promotions::project_id.eq(project)).select(promotions::id);
    diesel::delete(promotion_items::table.filter(promotion_items::promotion_id.eq_any(ids))).execute(db)?;
    diesel::delete(promotions::table.filter(promotions::project_id.eq(project))).execute(db)?;
    Ok(())
}
