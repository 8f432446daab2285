//! Predecessors.

use super::super::{Condition, PlacedBefore};
use super::story::{placement, row, undone};
use super::*;

fn asks(stages: &[&str], any: bool) -> Condition {
    Condition::Predecessor { stages: stages.iter().map(|stage| stage.parse().unwrap()).collect(), any }
}

fn once(stage: &str, number: u32) -> PlacedBefore {
    placement(stage, number, at(-DAY), None)
}

fn before(stage: &str, number: u32) -> PlacedBefore {
    placement(stage, number, at(-DAY), Some(at(-HOUR)))
}

pub(super) fn rows() -> Vec<Row> {
    [of_the_predecessors(), of_named_stages(), of_many_versions()].into_iter().flatten().collect()
}

fn of_the_predecessors() -> Vec<Row> {
    vec![
        row("what is on the predecessor passes", Story::new(asks(&[], false)).placed(&[once("staging", 1)]), Passed, "on `staging`")
            .evidence(&["promotions/1"]),
        row("what was there before passes", Story::new(asks(&[], false)).placed(&[before("staging", 1)]), Passed, "`tool 1.2.0` was"),
        row("what was nowhere fails", Story::new(asks(&[], false)), Failed, "`tool 1.2.0` was not placed on `staging`: promote it there")
            .evidence(&[]),
        row(
            "what was elsewhere fails",
            Story::new(asks(&[], false)).placed(&[once("testing", 1)]),
            Failed,
            "`tool 1.2.0` was not placed on `staging`: promote",
        ),
        row("what was undone fails", Story::new(asks(&[], false)).placed(&[undone(before("staging", 1))]), Failed, "or that was undone"),
        row(
            "what was undone once, and placed again, passes",
            Story::new(asks(&[], false)).placed(&[undone(before("staging", 1)), once("staging", 2)]),
            Passed,
            "was placed on `staging`",
        )
        .evidence(&["promotions/2"]),
        row(
            "what was placed, and undone when it was placed again, passes by the first time",
            Story::new(asks(&[], false)).placed(&[before("staging", 1), undone(before("staging", 2))]),
            Passed,
            "was placed on `staging`",
        )
        .evidence(&["promotions/1"]),
    ]
}

fn of_named_stages() -> Vec<Row> {
    vec![
        row(
            "named stages take the place of the predecessors",
            Story::new(asks(&["testing"], false)).placed(&[once("staging", 1)]),
            Failed,
            "not placed on `testing`: promote it there first",
        ),
        row(
            "all named stages are needed",
            Story::new(asks(&["testing", "staging"], false)).placed(&[once("staging", 1)]),
            Failed,
            "not placed on `testing`: promote it there first",
        )
        .evidence(&["promotions/1"]),
        row(
            "all stages that are missing are named",
            Story::new(asks(&["a", "b", "staging"], false)).placed(&[once("staging", 1)]),
            Failed,
            "not placed on `a`, `b`: promote it to each of them first",
        ),
        row(
            "having been on all of them passes",
            Story::new(asks(&["a", "b"], false)).placed(&[before("a", 1), once("b", 2)]),
            Passed,
            "was placed on `a`, `b`",
        )
        .evidence(&["promotions/1", "promotions/2"]),
        row(
            "one of them is enough where that is said",
            Story::new(asks(&["a", "b"], true)).placed(&[once("b", 2)]),
            Passed,
            "was placed on `b`, and one is enough",
        )
        .evidence(&["promotions/2"]),
        row("none of them is too few", Story::new(asks(&["a", "b"], true)), Failed, "on none of `a`, `b`: promote it to one of them first"),
        row("the only one is named as such", Story::new(asks(&["a"], true)), Failed, "not placed on `a`: promote it there first"),
        row(
            "one of them that was undone is not enough",
            Story::new(asks(&["a", "b"], true)).placed(&[undone(before("a", 1))]),
            Failed,
            "on none of `a`, `b`, or that was undone",
        ),
        row(
            "of many stages the first few are named",
            Story::new(asks(&["a", "b", "c", "d", "e", "f", "g"], false)),
            Failed,
            "`e` and 2 more",
        ),
    ]
}

fn of_many_versions() -> Vec<Row> {
    vec![
        row(
            "the version that fails is named among those that pass",
            Story::new(asks(&[], false)).placed(&[once("staging", 1)]).other_item(|_| {}),
            Failed,
            "`lib 3.0` was not placed on `staging`: promote it there first",
        ),
        row(
            "the others that fail are counted",
            Story::new(asks(&[], false)).other_item(|_| {}).other_item(|_| {}),
            Failed,
            "promote it there first; it does not hold for 2 more versions either",
        ),
        row(
            "all versions that pass are counted",
            Story::new(asks(&[], false)).placed(&[once("staging", 1)]).other_item(|item| item.placements = vec![once("staging", 2)]),
            Passed,
            "`tool 1.2.0` was placed on `staging`; it holds for 1 more version too",
        )
        .evidence(&["promotions/1", "promotions/2"]),
        row("nothing passes where nothing is placed", Story::new(asks(&[], false)).with(|story| story.items.clear()), Passed, "nothing"),
    ]
}
