//! Listing events.

use consign_types::filter::Filter;

use super::within::{Within, extent_any};
use crate::cursor::{Cursor, Value};
use crate::select::{Extent, Order, condition};
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

/// The order of the events of a project, or of all.
pub(super) fn order(extent: &Extent, descending: bool) -> Order {
    match extent {
        Extent::Project(_) => Order { columns: &["events.sequence", "events.part"], kinds: "n", descending },
        Extent::Reach(_) | Extent::Below(..) => {
            Order { columns: &["events.position", "events.project_id", "events.sequence", "events.part"], kinds: "nnn", descending }
        }
    }
}

impl Metadata {
    /// Events of a project, deleted or not, or of all. `ProjectNotFound`, `FilterInvalid`.
    pub async fn list_events(&self, request: ListEvents) -> Result<Listed<Event>> {
        self.pool
            .read(move |db| {
                let ListEvents { within, filter, descending, page } = request;
                let extent = extent_any(db, within)?;
                // In one project changes are committed one by one.
                let before = if matches!(extent, Extent::Project(_)) { None } else { Some(events::end(db)?) };
                let order = order(&extent, descending);
                let filter = filter.map(|filter| condition(filter, &events::field)).transpose()?;
                Ok(page.of(events::list(db, extent, filter, &order, (page.after.as_ref(), before), page.limit())?))
            })
            .await
    }
}
