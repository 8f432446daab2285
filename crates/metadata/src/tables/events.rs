//! Events: what happened, for those who watch.

use consign_types::event::EventType;
use consign_types::{Slug, Timestamp};
use diesel::dsl::{InnerJoinQuerySource, sql};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Bool, Integer};

use super::BATCH;
use crate::batch::{Batch, push_rows};
use crate::connection::{Db, MultiBackend};
use crate::cursor::Cursor;
use crate::error::Result;
use crate::schema::{event_floors as floors, events, projects};
use crate::select::{Condition, Extent, Field, Order};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct Event {
    /// Where it stands among those of all projects: none comes before one that was told.
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
        push_rows!(batch, fixed events, |rows| diesel::insert_into(events::table).values(rows));
    }
}

/// A place in the order of all events: position, project, sequence, part.
pub(crate) type Place = (i64, i64, i64, i32);

/// Events that fit, behind a cursor, and before a position if one is given.
pub(crate) fn list(
    db: &mut Db,
    extent: Extent,
    filter: Option<Condition<Source>>,
    order: &Order,
    (after, before): (Option<&Cursor>, Option<i64>),
    limit: i64,
) -> Result<Vec<Event>> {
    let mut query =
        events::table.inner_join(projects::table).select(events::all_columns).order(order.by()).limit(limit).into_boxed::<MultiBackend>();
    let (project, conditions) = extent.parts::<Source>();
    if let Some(project) = project {
        query = query.filter(events::project_id.eq(project));
    }
    if let Some(before) = before {
        query = query.filter(events::position.lt(before));
    }
    for condition in conditions.into_iter().chain(filter).chain(after.map(|after| order.behind(after)).transpose()?) {
        query = query.filter(condition);
    }
    Ok(query.load(db)?)
}

/// The position before which all events are there for good: none can come there any more.
pub(crate) fn end(db: &mut Db) -> Result<i64> {
    Ok(match db {
        Db::Postgres(connection) => {
            diesel::select(sql::<BigInt>("pg_snapshot_xmin(pg_current_snapshot())::text::bigint")).get_result(connection)?
        }
        // Each statement of the one writer is over before the next one begins. Positions are never given twice, whatever was removed.
        Db::Sqlite(connection) => {
            let last = sql::<BigInt>("coalesce((select seq from sqlite_sequence where name = 'events'), 0) + 1");
            diesel::select(last).get_result(connection)?
        }
    })
}

/// Takes positions that another cluster of PostgreSQL gave, from which the database was copied, for the first of all. Its transactions
/// were counted by themselves: what stands beyond the last one of this cluster would be waited for.
pub(crate) fn settle_positions(connection: &mut PgConnection) -> Result<()> {
    let next = || sql::<BigInt>("pg_snapshot_xmax(pg_current_snapshot())::text::bigint");
    diesel::update(events::table.filter(events::position.ge(next()))).set(events::position.eq(0)).execute(connection)?;
    // What is kept stands behind what is not.
    diesel::delete(floors::table.filter(floors::project_id.eq(0)).filter(floors::position.ge(next()))).execute(connection)?;
    Ok(())
}

/// The place of the last event of a project that is no longer kept; of project 0 that of all projects.
pub(crate) fn find_floor(db: &mut Db, project: i64) -> Result<Option<Place>> {
    let place = (floors::position, floors::of_project, floors::sequence, floors::part);
    Ok(floors::table.find(project).select(place).first(db).optional()?)
}

/// Notes that events up to a place are no longer kept. A place that was noted before and is further on stands.
pub(crate) fn put_floor(db: &mut Db, project: i64, (position, of_project, sequence, part): Place) -> Result<()> {
    // Several processes forget at once, and the one that began first may end last.
    let query = sql_query(
        "insert into event_floors (project_id, position, of_project, sequence, part) values ($1, $2, $3, $4, $5) \
         on conflict (project_id) do update set position = excluded.position, of_project = excluded.of_project, \
         sequence = excluded.sequence, part = excluded.part \
         where (event_floors.position, event_floors.of_project, event_floors.sequence, event_floors.part) \
         < (excluded.position, excluded.of_project, excluded.sequence, excluded.part)",
    );
    let query = query.bind::<BigInt, _>(project).bind::<BigInt, _>(position).bind::<BigInt, _>(of_project);
    query.bind::<BigInt, _>(sequence).bind::<Integer, _>(part).execute(db)?;
    Ok(())
}

/// The first events of all, each with its time.
pub(crate) fn list_first(db: &mut Db, limit: i64) -> Result<Vec<(Place, Timestamp)>> {
    let place = (events::position, events::project_id, events::sequence, events::part);
    Ok(events::table.select((place, events::time)).order(place).limit(limit).load(db)?)
}

/// Removes the events up to a place.
pub(crate) fn remove_until(db: &mut Db, (position, project, sequence, part): Place) -> Result<()> {
    let first = sql::<Bool>("(position, project_id, sequence, part) <= (").bind::<BigInt, _>(position).sql(", ");
    let first = first.bind::<BigInt, _>(project).sql(", ").bind::<BigInt, _>(sequence).sql(", ").bind::<Integer, _>(part).sql(")");
    diesel::delete(events::table.filter(first)).execute(db)?;
    Ok(())
}

/// Removes the events of a project that goes.
pub(crate) fn remove_of_project(db: &mut Db, project: i64) -> Result<()> {
    diesel::delete(events::table.filter(events::project_id.eq(project))).execute(db)?;
    Ok(())
}

/// Removes what is noted of a project that goes.
pub(crate) fn remove_floor(db: &mut Db, project: i64) -> Result<()> {
    diesel::delete(floors::table.find(project)).execute(db)?;
    Ok(())
}
