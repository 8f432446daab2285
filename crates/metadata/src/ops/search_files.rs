//! Finding files of whichever versions, by their ids.

use consign_types::access::Reach;
use consign_types::filter::Filter;

use crate::cursor::Cursor;
use crate::select::{Order, condition};
use crate::tables::file_row::LocatedFile;
use crate::tables::files;
use crate::tables::located_files::{self, Selection};
use crate::{FileOrder, Listed, Metadata, Page, Result};

/// Which files, by their ids.
#[derive(Clone, Debug)]
pub struct SearchFiles {
    /// Of which projects.
    pub reach: Reach,
    /// Which of them.
    pub filter: Option<Filter>,
    /// Falling instead of rising.
    pub descending: bool,
    /// Which page of them.
    pub page: Page<Cursor>,
}

impl Metadata {
    /// All rows of published versions within reach, superseded ones and those of hidden versions included. `FilterInvalid`.
    pub async fn search_files(&self, request: SearchFiles) -> Result<Listed<LocatedFile>> {
        self.pool
            .read(move |db| {
                let selection = || -> Result<Selection> {
                    let filter = request.filter.clone().map(|filter| condition(filter, &files::field)).transpose()?;
                    Ok(Selection { reach: request.reach.clone(), filter })
                };
                let (order, page): (Order, _) = (FileOrder::Id.order(request.descending), request.page);
                let total = if page.count { Some(located_files::count(db, selection()?)?) } else { None };
                let rows = located_files::list(db, selection()?, &order, &page)?;
                Ok(Listed { total, ..page.of(rows) })
            })
            .await
    }
}
