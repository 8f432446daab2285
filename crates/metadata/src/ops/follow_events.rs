//! Following events: those that came since.

use consign_types::filter::Filter;

use super::list_events::order;
use super::within::{Within, extent_any};
use crate::connection::Db;
use crate::cursor::{Cursor, Value};
use crate::select::{Extent, condition};
use crate::tables::counters;
use crate::tables::events::{self, Event, Place};
use crate::{Metadata, Result};

/// From where on to follow events.
#[derive(Clone, Debug)]
pub struct FollowEvents {
    /// Where to look.
    pub within: Within,
    /// Which of them.
    pub filter: Option<Filter>,
    /// Behind what.
    pub after: Behind,
    /// How many at once, at most.
    pub limit: usize,
}

/// Where those stand who follow events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behind {
    /// Before all that is kept.
    Nothing,
    /// Behind all there is: for what comes.
    Now,
    /// Behind what was told.
    Cursor(Cursor),
}

/// Events behind a place.
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
    /// Where to go on for whoever asks for what is no longer kept, or has a cursor of another past than the database: right behind that,
    /// with the number of the first change that is kept whole.
    pub lost: Option<(Cursor, i64)>,
}

/// The cursor behind all events of a change of a project.
pub fn behind_change(sequence: i64) -> Cursor {
    Cursor { values: vec![Value::Number(sequence)], id: i64::MAX }
}

/// What holds of a project, or of all, before its events are read: so what comes meanwhile is found the next time.
struct Bounds {
    /// The last event that is no longer kept.
    floor: Option<Cursor>,
    /// Behind all there is.
    end: Cursor,
    /// The number of the last change, in one project.
    sequence: i64,
    /// The position before which all events are there, over several.
    before: Option<i64>,
}

impl Bounds {
    fn read(db: &mut Db, extent: &Extent) -> Result<Self> {
        if let Extent::Project(project) = extent {
            let sequence = counters::get(db, *project)?.sequence;
            let floor = events::find_floor(db, *project)?;
            let floor = floor.map(|(_, _, sequence, part)| Cursor { values: vec![Value::Number(sequence)], id: part.into() });
            return Ok(Self { floor, end: behind_change(sequence), sequence, before: None });
        }
        let floor = events::find_floor(db, 0)?.map(cursor);
        let before = events::end(db)?;
        let end = Cursor { values: [before - 1, i64::MAX, i64::MAX].map(Value::Number).to_vec(), id: i64::MAX };
        Ok(Self { floor, end, sequence: 0, before: Some(before) })
    }

    /// Whether something behind this place is not to be had any more, or the place is none of this database.
    fn has_lost(&self, place: &Cursor) -> bool {
        self.floor.as_ref().is_some_and(|floor| is_before(place, floor)) || is_before(&self.end, place)
    }

    /// Where all that is kept begins, and with which change.
    fn begin(&self) -> (Cursor, i64) {
        let floor = self.floor.clone().unwrap_or_else(|| Cursor { values: vec![Value::Number(0); self.end.values.len()], id: -1 });
        let first = match floor.values.as_slice() {
            [Value::Number(sequence)] => sequence + 1,
            _ => 0,
        };
        (floor, first)
    }
}

impl Metadata {
    /// Events behind a place, those that are there by now. `ProjectNotFound`, `FilterInvalid`, `PageTokenInvalid`.
    pub async fn follow_events(&self, request: FollowEvents) -> Result<Followed> {
        self.pool.read(move |db| follow(db, request)).await
    }
}

fn follow(db: &mut Db, request: FollowEvents) -> Result<Followed> {
    let FollowEvents { within, filter, after, limit } = request;
    let extent = extent_any(db, within.clone())?;
    let filter = filter.map(|filter| condition(filter, &events::field)).transpose()?;
    let bounds = Bounds::read(db, &extent)?;
    let (after, resync) = match after {
        Behind::Nothing => (None, None),
        Behind::Now => (Some(bounds.end.clone()), None),
        Behind::Cursor(cursor) if bounds.has_lost(&cursor) => (None, Some(bounds.begin())),
        Behind::Cursor(cursor) => (Some(cursor), None),
    };
    let order = order(&extent, false);
    let rows = i64::try_from(limit).unwrap_or(i64::MAX);
    let events = events::list(db, extent, filter, &order, (after.as_ref(), bounds.before), rows)?;
    let more = events.len() >= limit;
    let cursor = match events.last() {
        Some(last) if more => last.cursor(&within),
        _ => bounds.end,
    };
    Ok(Followed { events, cursor, sequence: bounds.sequence, more, lost: resync })
}

fn cursor((position, project, sequence, part): Place) -> Cursor {
    Cursor { values: [position, project, sequence].map(Value::Number).to_vec(), id: part.into() }
}

/// Whether a cursor stands before another one of the same kind.
fn is_before(one: &Cursor, other: &Cursor) -> bool {
    let place = |cursor: &Cursor| {
        let number = |value: &Value| if let Value::Number(number) = value { *number } else { 0 };
        (cursor.values.iter().map(number).collect::<Vec<_>>(), cursor.id)
    };
    place(one) < place(other)
}
