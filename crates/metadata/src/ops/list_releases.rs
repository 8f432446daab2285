//! Finding and listing releases.

use consign_types::release::SourceTag;
use consign_types::resource::ProjectRef;

use super::project;
use crate::cursor::{Cursor, Value};
use crate::select::Order;
use crate::tables::releases::{self, Release};
use crate::{Error, Listed, Metadata, Page, Result};

const ORDER: Order = Order { columns: &["releases.released_at", "releases.id"], kinds: "t", descending: true };

impl Release {
    /// Where it stands in lists: the last released come first.
    pub fn cursor(&self) -> Cursor {
        Cursor { values: vec![Value::Time(self.released_at)], id: self.id }
    }
}

impl Metadata {
    /// The release of a tag; `ReleaseNotFound`.
    pub async fn find_release(&self, name: ProjectRef, tag: SourceTag) -> Result<Release> {
        self.pool
            .read(move |db| {
                let project = project(db, &name)?.id;
                releases::find(db, project, &tag)?.ok_or_else(|| Error::ReleaseNotFound(tag.to_string()))
            })
            .await
    }

    /// Releases of a project, the last released first.
    pub async fn list_releases(&self, name: ProjectRef, page: Page<Cursor>) -> Result<Listed<Release>> {
        self.pool
            .read(move |db| {
                let project = project(db, &name)?.id;
                let total = if page.count { Some(releases::count(db, project)?) } else { None };
                let rows = releases::list(db, project, &ORDER, page.after.as_ref(), page.slice())?;
                Ok(Listed { total, ..page.of(rows) })
            })
            .await
    }
}
