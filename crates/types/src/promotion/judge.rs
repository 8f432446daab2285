//! Judging the gates of a stage.

use super::{Case, Judgement};

/// Tells of each gate of the stage whether it holds.
pub fn judge(_case: &Case<'_>) -> Judgement {
    Judgement { verdicts: Vec::new() }
}
