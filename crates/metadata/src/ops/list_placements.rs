//! Telling where something is placed, or was.

use consign_types::resource::VersionRef;
use consign_types::{ContentDigest, Digest};

use super::within::{Within, extent};
use super::{project, version};
use crate::connection::Db;
use crate::cursor::{Cursor, Value};
use crate::select::Order;
use crate::tables::placements::{self, Placement, Subject};
use crate::{Error, Listed, Metadata, Page, Result};

/// Which placements.
#[derive(Clone, Debug)]
pub struct ListPlacements {
    /// Where to look.
    pub within: Within,
    /// What is looked for.
    pub what: PlacedWhat,
    /// Whether to tell also of what is no longer placed.
    pub show_past: bool,
    /// Which page of them.
    pub page: Page<Cursor>,
}

/// What is looked for on stages.
#[derive(Clone, Debug)]
pub enum PlacedWhat {
    /// A version.
    Version(VersionRef),
    /// Content.
    Content(ContentDigest),
    /// A file, by its bytes.
    File(Digest),
    /// Whatever is placed.
    Anything,
}

const ORDER: Order = Order { columns: &["placements.started_at", "placements.id"], kinds: "t", descending: true };

impl Placement {
    /// Where it stands in lists: the newest first.
    pub fn cursor(&self) -> Cursor {
        Cursor { values: vec![Value::Time(self.started_at)], id: self.id }
    }
}

impl Metadata {
    /// Where something is placed, the newest first. `ProjectNotFound`, `VersionNotFound`.
    pub async fn list_placements(&self, request: ListPlacements) -> Result<Listed<Placement>> {
        self.pool
            .read(move |db| {
                let extent = extent(db, request.within.clone())?;
                let subject = subject(db, &request)?;
                let page = request.page;
                Ok(page.of(placements::list(db, extent, subject, request.show_past, &ORDER, (page.after.as_ref(), page.limit()))?))
            })
            .await
    }
}

fn subject(db: &mut Db, request: &ListPlacements) -> Result<Subject> {
    Ok(match &request.what {
        PlacedWhat::Version(name) => {
            let home = project(db, &name.project)?;
            match &request.within {
                Within::Project(within) if !home.is_named(within) => {
                    return Err(Error::ArgumentInvalid { field: "version", rule: "it is of another project".to_owned() });
                }
                _ => Subject::Version(version(db, home.id, name)?.id),
            }
        }
        PlacedWhat::Content(content) => Subject::Content(*content),
        PlacedWhat::File(digest) => Subject::File(*digest),
        PlacedWhat::Anything => Subject::Any,
    })
}
