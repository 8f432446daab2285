//! Events: what happened, for those who watch.

use std::collections::BTreeMap;

use consign_types::event::EventType;
use consign_types::{Slug, Timestamp};
use diesel::dsl::{InnerJoinQuerySource, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer};
use diesel::upsert::excluded;

use super::BATCH;
use crate::batch::{Batch, push_rows};
use crate::connection::{Db, MultiBackend, each};
use crate::cursor::Cursor;
use crate::error::Result;
use crate::schema::{event_floors as floors, events, projects};
use crate::select::{Condition, Extent, Field, Order};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct Event {
    /// Rises in the order in which changes were committed, over all projects.
    pub position: i64,
    /// The project.
    pub project_id: i64,
    /// The number of the change.
    pub sequence: i64,
    /// Which of the events of that change, from 0 on.
    pub part: i32,
    /// What happened.
    pub kind: EventType,
    /// The name of what it happened to.
    pub subject: String,
    /// Who did it.
    pub actor: Slug,
    /// When.
    pub time: Timestamp,
    /// What is to be known of it at once: an object in JSON.
    pub data: String,
    /// The request id of the call that did it; empty for none.
    pub request_id: String,
}

/// An event to be added. Where it stands in the order of all is the database's to say.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = events)]
pub(crate) struct NewEvent {
    pub(crate) project_id: i64,
    pub(crate) sequence: i64,
    pub(crate) part: i32,
    pub(crate) kind: EventType,
    pub(crate) subject: String,
    pub(crate) actor: Slug,
    pub(crate) time: Timestamp,
    pub(crate) data: String,
    pub(crate) request_id: String,
}

pub(crate) type Source = InnerJoinQuerySource<events::table, projects::table>;

/// What lists of events can be filtered by.
pub(crate) fn field(name: &str) -> Option<Field> {
    Some(match name {
        "sequence" => Field::Number("events.sequence"),
        "type" => Field::Text("events.type"),
        "subject" => Field::Text("events.subject"),
        "project" => Field::Text("'projects/' || events.project_id"),
        "actor" => Field::Text("events.actor"),
        "time" => Field::Time("events.time"),
        _ => return None,
    })
}

/// Adds events.
pub(crate) fn insert(batch: &mut Batch<'_>, new: &[NewEvent]) {
    for events in new.chunks(BATCH) {
        let events = events.to_vec();
        push_rows!(batch, events, |rows| diesel::insert_into(events::table).values(rows));
    }
}

/// Events that fit, behind a cursor. Over several projects those alone before which none can come any more.
pub(crate) fn list(
    db: &mut Db,
    extent: Extent,
    filter: Option<Condition<Source>>,
    order: &Order,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Vec<Event>> {
    let horizon = horizon(db, &extent)?;
    let mut query =
        events::table.inner_join(projects::table).select(events::all_columns).order(order.by()).limit(limit).into_boxed::<MultiBackend>();
    let (project, conditions) = extent.parts::<Source>();
    if let Some(project) = project {
        query = query.filter(events::project_id.eq(project));
    }
    if let Some(horizon) = horizon {
        query = query.filter(events::position.lt(horizon));
    }
    for condition in conditions.into_iter().chain(filter).chain(after.map(|after| order.behind(after)).transpose()?) {
        query = query.filter(condition);
    }
    Ok(query.load(db)?)
}

/// The position below which all events are there; `None` where that is no question: in one project changes are committed one by one.
fn horizon(db: &mut Db, extent: &Extent) -> Result<Option<i64>> {
    if matches!(extent, Extent::Project(_)) { Ok(None) } else { end(db).map(Some) }
}

/// The position at which the events end that are there for good.
pub(crate) fn end(db: &mut Db) -> Result<i64> {
    Ok(match db {
        Db::Postgres(connection) => {
            diesel::select(sql::<BigInt>("pg_snapshot_xmin(pg_current_snapshot())::text::bigint")).get_result(connection)?
        }
        // Each statement of the one writer is over before the next one begins.
        Db::Sqlite(connection) => events::table.select(sql::<BigInt>("coalesce(max(events.position), 0) + 1")).get_result(connection)?,
    })
}

/// Takes positions that another cluster of PostgreSQL gave, from which the database was copied, for the first of all. Its transactions
/// were counted by themselves: what stands beyond the last one of this cluster would be waited for.
pub(crate) fn settle_positions(connection: &mut PgConnection) -> Result<()> {
    let next = sql::<BigInt>("pg_snapshot_xmax(pg_current_snapshot())::text::bigint");
    diesel::update(events::table.filter(events::position.ge(next))).set(events::position.eq(0)).execute(connection)?;
    Ok(())
}

/// The last event of a project that is no longer kept, as its sequence and part; of project 0 the last position of all.
pub(crate) fn find_floor(db: &mut Db, project: i64) -> Result<Option<(i64, i32)>> {
    Ok(floors::table.find(project).select((floors::sequence, floors::part)).first(db).optional()?)
}

/// Removes events of before an instant, the oldest, and notes how far. Answers how many those were.
pub(crate) fn remove_old(db: &mut Db, before: Timestamp, limit: i64) -> Result<usize> {
    let place = (events::position, events::project_id, events::sequence, events::part);
    let oldest = events::table.select((place, events::time)).order(place).limit(limit);
    let oldest: Vec<((i64, i64, i64, i32), Timestamp)> = oldest.load(db)?;
    let old: Vec<_> = oldest.into_iter().take_while(|(_, time)| *time < before).map(|(place, _)| place).collect();
    let Some((position, project, sequence, part)) = old.last().copied() else { return Ok(0) };
    let first = sql::<Bool>("(position, project_id, sequence, part) <= (").bind::<BigInt, _>(position).sql(", ");
    let first = first.bind::<BigInt, _>(project).sql(", ").bind::<BigInt, _>(sequence).sql(", ").bind::<Integer, _>(part).sql(")");
    diesel::delete(events::table.filter(first)).execute(db)?;
    let mut ends = BTreeMap::from([(0, (position, 0))]);
    for (_, project, sequence, part) in &old {
        let end = ends.entry(*project).or_default();
        *end = (*end).max((*sequence, *part));
    }
    for (project, (sequence, part)) in ends {
        let values = (floors::project_id.eq(project), floors::sequence.eq(sequence), floors::part.eq(part));
        let set = (floors::sequence.eq(excluded(floors::sequence)), floors::part.eq(excluded(floors::part)));
        each!(db, connection => diesel::insert_into(floors::table).values(values).on_conflict(floors::project_id).do_update().set(set)
            .execute(connection))?;
    }
    Ok(old.len())
}

/// Removes the events of a project that goes.
pub(crate) fn remove_of_project(db: &mut Db, project: i64) -> Result<()> {
    diesel::delete(events::table.filter(events::project_id.eq(project))).execute(db)?;
    diesel::delete(floors::table.find(project)).execute(db)?;
    Ok(())
}
