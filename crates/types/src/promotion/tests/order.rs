//! The order of versions.

use std::cmp::Ordering;

use super::super::{Condition, Placed};
use super::story::{current, row};
use super::*;

fn of(allow_same: bool, placed: impl Into<Option<Placed>>) -> Story {
    Story::new(Condition::Order { allow_same }).item(|item| item.current = placed.into())
}

pub(super) fn rows() -> Vec<Row> {
    let same = || current("1.2.0", "new", Ordering::Equal);
    let changed = || current("1.2.0", "old", Ordering::Equal);
    let build = |text| current("1.2.0+b", text, Ordering::Equal);
    vec![
        row("what takes the place of nothing passes", of(false, None), Passed, "`tool 1.2.0` takes the place of nothing"),
        row(
            "a higher version passes",
            of(false, current("1.1.0", "old", Ordering::Greater)),
            Passed,
            "is higher than `1.1.0`, which is placed",
        ),
        row(
            "a lower version fails",
            of(false, current("1.3.0", "old", Ordering::Less)),
            Failed,
            "`tool 1.2.0` is lower than `1.3.0`, which is placed: promote a higher version, or roll the stage back",
        ),
        row("a lower version fails where the same is allowed", of(true, current("1.3.0", "old", Ordering::Less)), Failed, "is lower than"),
        row("a lower version fails with the same content", of(true, current("1.3.0", "new", Ordering::Less)), Failed, "is lower than"),
        row("a higher version passes with the same content", of(false, current("1.1.0", "new", Ordering::Greater)), Passed, "is higher"),
        row("what is placed fails", of(false, same()), Failed, "`tool 1.2.0` is placed already: there is nothing to do"),
        row("what is placed passes where it is allowed", of(true, same()), Passed, "`tool 1.2.0` is placed already"),
        row(
            "a version whose content changed passes",
            of(false, changed()),
            Passed,
            "as high as `1.2.0`, which is placed, and it is another",
        ),
        row("a version whose content changed passes where the same is allowed", of(true, changed()), Passed, "as high as `1.2.0`"),
        row("another version of the same rank passes", of(false, build("old")), Passed, "is as high as `1.2.0+b`"),
        row("another version of the same rank and content passes", of(false, build("new")), Passed, "is as high as `1.2.0+b`"),
        row(
            "one lower version among higher ones fails",
            of(false, None).other_item(|item| item.current = Some(current("4.0", "old", Ordering::Less))),
            Failed,
            "`lib 3.0` is lower than `4.0`",
        ),
    ]
}
