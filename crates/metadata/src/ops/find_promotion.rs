//! Finding and listing promotions.

use consign_types::filter::Filter;
use consign_types::resource::PromotionRef;

use super::project;
use super::within::{Within, extent};
use crate::cursor::{Cursor, Value};
use crate::promotion_error::PromotionError;
use crate::select::{Order, condition};
use crate::tables::promotion_row::Promotion;
use crate::tables::promotions;
use crate::tables::stages;
use crate::{Listed, Metadata, Page, Result};

/// Which promotions.
#[derive(Clone, Debug)]
pub struct ListPromotions {
    /// Where to look.
    pub within: Within,
    /// Which of them.
    pub filter: Option<Filter>,
    /// How they are ordered.
    pub order: PromotionOrder,
    /// Falling instead of rising.
    pub descending: bool,
    /// Which page of them.
    pub page: Page<Cursor>,
}

/// How promotions are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PromotionOrder {
    /// By when they were asked for.
    CreateTime,
    /// By when they were applied; those alone that were.
    EffectiveTime,
}

impl PromotionOrder {
    /// Where a promotion stands in this order.
    pub fn cursor(self, promotion: &Promotion) -> Cursor {
        let time = match self {
            Self::CreateTime => promotion.created_at,
            Self::EffectiveTime => promotion.effective_at.unwrap_or(promotion.created_at),
        };
        Cursor { values: vec![Value::Time(time)], id: promotion.id }
    }

    fn order(self, descending: bool) -> Order {
        let columns: &[&str] = match self {
            Self::CreateTime => &["promotions.created_at", "promotions.id"],
            Self::EffectiveTime => &["promotions.effective_at", "promotions.id"],
        };
        Order { columns, kinds: "t", descending }
    }
}

impl Metadata {
    /// The promotion of this number, and the document of the policy that it was last judged by. `PromotionNotFound`.
    pub async fn find_promotion(&self, name: PromotionRef) -> Result<(Promotion, Option<String>)> {
        self.pool
            .read(move |db| {
                let project = project(db, &name.project)?.id;
                let promotion = promotions::find(db, project, name.id)?.ok_or_else(|| PromotionError::PromotionNotFound(name.clone()))?;
                let policy = stages::find_policy(db, project, promotion.policy_digest)?;
                Ok((promotion, policy))
            })
            .await
    }

    /// Promotions of a project, or of all. `ProjectNotFound`, `FilterInvalid`.
    pub async fn list_promotions(&self, request: ListPromotions) -> Result<Listed<Promotion>> {
        self.pool
            .read(move |db| {
                let extent = extent(db, request.within)?;
                let filter = request.filter.map(|filter| condition(filter, &promotions::field)).transpose()?;
                let (order, page) = (request.order.order(request.descending), request.page);
                let is_applied = request.order == PromotionOrder::EffectiveTime;
                Ok(page.of(promotions::list(db, extent, filter, is_applied, &order, (page.after.as_ref(), page.limit()))?))
            })
            .await
    }
}
