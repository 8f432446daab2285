//! Finding and listing stages.

use consign_types::filter::Filter;
use consign_types::resource::{ProjectRef, StageRef};

use super::project;
use crate::connection::Db;
use crate::cursor::{Cursor, Value};
use crate::promotion_error::PromotionError;
use crate::select::{Order, condition};
use crate::tables::stages::{self, Stage};
use crate::{Listed, Metadata, Page, Result};

/// Which stages.
#[derive(Clone, Debug)]
pub struct ListStages {
    /// The project.
    pub project: ProjectRef,
    /// Which of them.
    pub filter: Option<Filter>,
    /// How they are ordered.
    pub order: StageOrder,
    /// Falling instead of rising.
    pub descending: bool,
    /// Which page of them.
    pub page: Page<Cursor>,
}

/// How stages are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageOrder {
    /// By rank, then by name.
    Rank,
    /// By name.
    Name,
}

impl StageOrder {
    /// Where a stage stands in this order.
    pub fn cursor(self, stage: &Stage) -> Cursor {
        let values = match self {
            Self::Rank => vec![Value::Number(i64::from(stage.rank)), Value::Text(stage.stage.to_string())],
            Self::Name => vec![Value::Text(stage.stage.to_string())],
        };
        Cursor { values, id: stage.id }
    }

    fn order(self, descending: bool) -> Order {
        match self {
            Self::Rank => Order { columns: &["stages.rank", "stages.stage"], kinds: "ns", descending },
            Self::Name => Order { columns: &["stages.stage", "stages.id"], kinds: "s", descending },
        }
    }
}

impl Metadata {
    /// The stage of this name. `StageNotFound`.
    pub async fn find_stage(&self, name: StageRef) -> Result<Stage> {
        self.pool
            .read(move |db| {
                let project = project(db, &name.project)?.id;
                stage(db, project, &name)
            })
            .await
    }

    /// Stages of a project. `ProjectNotFound`, `FilterInvalid`.
    pub async fn list_stages(&self, request: ListStages) -> Result<Listed<Stage>> {
        self.pool
            .read(move |db| {
                let project = project(db, &request.project)?.id;
                let filter = request.filter.map(|filter| condition(filter, &stages::field)).transpose()?;
                let (order, page) = (request.order.order(request.descending), request.page);
                Ok(page.of(stages::list(db, project, filter, &order, (page.after.as_ref(), page.limit()))?))
            })
            .await
    }
}

/// The stage of this name in a project.
pub(super) fn stage(db: &mut Db, project: i64, name: &StageRef) -> Result<Stage> {
    stages::find(db, project, &name.stage)?.ok_or_else(|| PromotionError::StageNotFound(name.clone()).into())
}
