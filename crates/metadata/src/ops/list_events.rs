//! Listing events, and following them.

use consign_types::filter::Filter;

use super::within::{Within, extent};
use crate::cursor::{Cursor, Value};
use crate::select::{Extent, Order, condition};
use crate::tables::counters;
use crate::tables::events::{self, Event};
use crate::{Listed, Metadata, Page, Result};

/// Which events.
#[derive(Clone, Debug)]
pub struct ListEvents {
    /// Where to look.
    pub within: Within,
    /// Which of them.
    pub filter: Option<Filter>,
    /// The newest first.
    pub descending: bool,
    /// Which page of them.
    pub page: Page<Cursor>,
}

/// From where on to follow events.
#[derive(Clone, Debug)]
pub struct FollowEvents {
    /// Where to look.
    pub within: Within,
    /// Which of them.
    pub filter: Option<Filter>,
    /// What was told already; `None`: nothing that is kept.
    pub after: Option<Cursor>,
    /// How many at once, at most.
    pub limit: usize,
}

/// Events behind a cursor.
#[derive(Clone, Debug)]
pub struct Followed {
    /// Those that are there by now, the oldest first.
    pub events: Vec<Event>,
    /// Where to go on when these are told, and all that does not fit was passed over.
    pub cursor: Cursor,
    /// The change up to which all is told, in one project; over several 0.
    pub sequence: i64,
    /// Whether there may be more right now.
    pub more: bool,
    /// Whether events behind the cursor are no longer kept, or it is of another past than the database has.
    pub lost: bool,
}

impl Event {
    /// Where it stands among those of its project, or of all.
    pub fn cursor(&self, within: &Within) -> Cursor {
        let (sequence, id) = (Value::Number(self.sequence), self.part.into());
        let values = match within {
            Within::Project(_) => vec![sequence],
            Within::Reach(_) | Within::Below(..) => vec![Value::Number(self.position), Value::Number(self.project_id), sequence],
        };
        Cursor { values, id }
    }
}

/// The cursor behind all events of a change of a project.
pub fn behind_change(sequence: i64) -> Cursor {
    Cursor { values: vec![Value::Number(sequence)], id: i64::MAX }
}

/// The cursor behind all events up to a position.
fn behind_position(position: i64) -> Cursor {
    Cursor { values: vec![Value::Number(position), Value::Number(i64::MAX), Value::Number(i64::MAX)], id: i64::MAX }
}

fn order(extent: &Extent, descending: bool) -> Order {
    match extent {
        Extent::Project(_) => Order { columns: &["events.sequence", "events.part"], kinds: "n", descending },
        Extent::Reach(_) | Extent::Below(..) => {
            Order { columns: &["events.position", "events.project_id", "events.sequence", "events.part"], kinds: "nnn", descending }
        }
    }
}

impl Metadata {
    /// Events of a project, or of all. `ProjectNotFound`, `FilterInvalid`.
    pub async fn list_events(&self, request: ListEvents) -> Result<Listed<Event>> {
        self.pool
            .read(move |db| {
                let ListEvents { within, filter, descending, page } = request;
                let extent = extent(db, within)?;
                let order = order(&extent, descending);
                let filter = filter.map(|filter| condition(filter, &events::field)).transpose()?;
                Ok(page.of(events::list(db, extent, filter, &order, page.after.as_ref(), page.limit())?))
            })
            .await
    }

    /// Events behind a cursor, those that are there by now. `ProjectNotFound`, `FilterInvalid`, `PageTokenInvalid`.
    pub async fn follow_events(&self, request: FollowEvents) -> Result<Followed> {
        self.pool
            .read(move |db| {
                let FollowEvents { within, filter, after, limit } = request;
                let extent = extent(db, within.clone())?;
                let order = order(&extent, false);
                // Read first: what comes behind it is found the next time.
                let (floor, end, sequence) = match &extent {
                    Extent::Project(project) => {
                        let sequence = counters::get(db, *project)?.sequence;
                        let floor = events::find_floor(db, *project)?;
                        (
                            floor.map(|(sequence, part)| Cursor { values: vec![Value::Number(sequence)], id: part.into() }),
                            behind_change(sequence),
                            sequence,
                        )
                    }
                    Extent::Reach(_) | Extent::Below(..) => {
                        let floor = events::find_floor(db, 0)?;
                        // Where all events were forgotten, it ends where they ended.
                        let end = (events::end(db)? - 1).max(floor.as_ref().map_or(0, |(position, _)| *position));
                        (floor.map(|(position, _)| behind_position(position)), behind_position(end), 0)
                    }
                };
                let filter = filter.map(|filter| condition(filter, &events::field)).transpose()?;
                let lost = after.as_ref().is_some_and(|after| is_before(after, floor.as_ref()) || is_before(&end, Some(after)));
                let after = after.filter(|_| !lost);
                let limit_rows = i64::try_from(limit).unwrap_or(i64::MAX);
                let events = events::list(db, extent, filter, &order, after.as_ref(), limit_rows)?;
                let more = events.len() >= limit;
                let cursor = match events.last() {
                    Some(newest) if more => newest.cursor(&within),
                    _ => end,
                };
                Ok(Followed { events, cursor, sequence, more, lost })
            })
            .await
    }
}

/// Whether a cursor stands before another one of the same kind.
fn is_before(one: &Cursor, other: Option<&Cursor>) -> bool {
    let place = |cursor: &Cursor| {
        let number = |value: &Value| if let Value::Number(number) = value { *number } else { 0 };
        (cursor.values.iter().map(number).collect::<Vec<_>>(), cursor.id)
    };
    other.is_some_and(|other| place(one) < place(other))
}
