//! Telling what stands on a stage, now or at an earlier moment.

use consign_types::PackageName;
use consign_types::resource::StageRef;

use super::find_stage::stage;
use super::project;
use crate::connection::Db;
use crate::tables::placements::{self, AsOf, Placement};
use crate::tables::projects::Project;
use crate::tables::{counters, promotions};
use crate::{Error, Metadata, Page, Result};

/// What stands on a stage.
#[derive(Clone, Debug)]
pub struct StageState {
    /// The numeric id of the project.
    pub project: i64,
    /// One page, by package.
    pub placements: Vec<Placement>,
    /// Whether there are more behind them.
    pub more: bool,
    /// The last promotion that was applied by then.
    pub promotion: Option<i64>,
    /// The change that it is as of.
    pub sequence: i64,
}

impl Metadata {
    /// What stands on a stage as of a moment; the page is by package. `StageNotFound`; `ArgumentInvalid` for a moment before the project
    /// was.
    pub async fn stage_state(&self, name: StageRef, as_of: AsOf, page: Page<PackageName>) -> Result<StageState> {
        self.pool
            .read(move |db| {
                let project = project(db, &name.project)?;
                let stage = stage(db, project.id, &name)?;
                check(&project, as_of)?;
                let rows = placements::list_of_stage(db, stage.id, as_of, page.after.as_ref(), page.limit())?;
                let promotion = promotions::find_applied(db, stage.id, as_of)?;
                let sequence = sequence(db, project.id, as_of)?;
                let rows = page.of(rows);
                Ok(StageState { project: project.id, placements: rows.items, more: rows.more, promotion, sequence })
            })
            .await
    }
}

fn check(project: &Project, as_of: AsOf) -> Result<()> {
    match as_of {
        AsOf::Time(time) if time < project.created_at => {
            Err(Error::ArgumentInvalid { field: "as_of_time", rule: "it is before the project was".to_owned() })
        }
        AsOf::Sequence(sequence) if sequence < 0 => {
            Err(Error::ArgumentInvalid { field: "as_of_sequence", rule: "not negative".to_owned() })
        }
        _ => Ok(()),
    }
}

/// The change that an answer is as of. Of an instant: the last one that applied a promotion by then.
fn sequence(db: &mut Db, project: i64, as_of: AsOf) -> Result<i64> {
    let last = counters::get(db, project)?.sequence;
    Ok(match as_of {
        AsOf::Now => last,
        AsOf::Sequence(sequence) => sequence.min(last),
        AsOf::Time(time) => promotions::find_sequence(db, project, time)?,
    })
}
