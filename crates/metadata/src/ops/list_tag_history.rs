//! Listing what a tag pointed at.

use consign_types::Timestamp;
use consign_types::resource::TagRef;

use super::project;
use crate::tables::packages;
use crate::tables::tag_moves::{self, TagMove};
use crate::{Error, Listed, Metadata, Page, Result};

/// A span of time in which a tag pointed at one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagSpan {
    /// The move that began it.
    pub began: TagMove,
    /// When the next move ended it.
    pub ended_at: Option<Timestamp>,
}

impl Metadata {
    /// What a tag pointed at, newest first, also where it was deleted; the page is by the ids of the moves. `TagNotFound` if there never
    /// was one.
    pub async fn list_tag_history(&self, name: TagRef, page: Page<i64>) -> Result<Listed<TagSpan>> {
        self.pool
            .read(move |db| {
                let project = project(db, &name.package.project)?.id;
                let not_found = || Error::TagNotFound(name.clone());
                let package = packages::find(db, project, &name.package.package)?.ok_or_else(not_found)?.id;
                let moves = tag_moves::list(db, package, &name.tag, page.after, page.limit())?;
                if moves.is_empty() && page.after.is_none() {
                    return Err(not_found());
                }
                let mut ended_at = match moves.first() {
                    Some(first) => tag_moves::find_next_time(db, package, &name.tag, first.id)?,
                    None => None,
                };
                let spans = moves.into_iter().map(|began| {
                    let next = ended_at.replace(began.moved_at);
                    TagSpan { began, ended_at: next }
                });
                Ok(page.of(spans.collect()))
            })
            .await
    }
}
