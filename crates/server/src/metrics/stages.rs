//! The stages that are told apart.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use consign_types::promotion::StageName;

use super::OTHER;

/// How many stages are told apart at most.
const MAX_STAGES: usize = 100;

/// The stages that are told apart: the first that something happens on. Projects call theirs as they like, and each name costs whoever
/// reads the metrics some series. Clones know the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Stages(Arc<Mutex<HashSet<StageName>>>);

impl Stages {
    /// What a stage counts as: itself, or [`OTHER`] where there are too many.
    pub(super) fn label(&self, stage: &StageName) -> String {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = known.contains(stage) || (known.len() < MAX_STAGES && known.insert(stage.clone()));
        if is_known { stage.to_string() } else { OTHER.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_stages_are_told_apart_and_the_others_are_one() {
        let stages = Stages::default();
        let name = |number: usize| format!("stage-{number}").parse::<StageName>().unwrap();
        for round in 0..2 {
            for number in 0..MAX_STAGES {
                assert_eq!(stages.label(&name(number)), name(number).as_str(), "round {round}");
            }
            assert_eq!(stages.clone().label(&name(MAX_STAGES + round)), OTHER);
        }
    }
}
