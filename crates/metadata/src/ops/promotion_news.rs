//! What watchers are told of promotions.

use consign_types::event::EventType;
use consign_types::promotion::{StageName, State};
use consign_types::{ContentDigest, PackageName, VersionName};
use serde::Serialize;

use super::change::Change;
use super::promoting::{MAX_NAMED, promotion_name};
use crate::tables::events::NewEvent;
use crate::tables::promotion_row::{Promotion, PromotionItem};

/// What watchers are told of a promotion at once.
#[derive(Serialize)]
pub(super) struct News<'a> {
    stage: &'a StageName,
    state: State,
    /// The first of them.
    items: Vec<NewsItem<'a>>,
    item_count: usize,
    /// What a rollback went back to; 0: to nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    rollback_target: Option<i64>,
}

#[derive(Serialize)]
struct NewsItem<'a> {
    package: &'a PackageName,
    version: &'a VersionName,
    content_digest: ContentDigest,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced_version: Option<&'a VersionName>,
}

impl<'a> News<'a> {
    pub(super) fn of(promotion: &'a Promotion) -> Self {
        let item = |item: &'a PromotionItem| NewsItem {
            package: &item.package,
            version: &item.version,
            content_digest: item.content_digest,
            replaced_version: item.replaced_version.as_ref(),
        };
        Self {
            stage: &promotion.stage,
            state: promotion.state,
            items: promotion.items.iter().take(MAX_NAMED).map(item).collect(),
            item_count: promotion.items.len(),
            rollback_target: promotion.rollback_target,
        }
    }
}

/// What watchers are told of the end of a promotion, if a change ended it.
pub(super) fn ended(change: &Change<'_>, promotion: &Promotion) -> Option<NewEvent> {
    let kind = match promotion.state {
        State::Succeeded => EventType::PromotionSucceeded,
        State::Rejected => EventType::PromotionRejected,
        _ => return None,
    };
    Some(change.event(kind, &promotion_name(promotion.project_id, promotion.id), &News::of(promotion)))
}
