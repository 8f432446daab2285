//! Tags and age.

use super::super::{Condition, Tagged};
use super::story::{row, tagged};
use super::*;
use crate::pattern::NamePattern;

fn of_tags(glob: &str, immutable: bool, tags: &[Tagged]) -> Story {
    let condition = Condition::Tag { tags: NamePattern::glob(glob).unwrap(), immutable };
    Story::new(condition).item(|item| item.tags = tags.to_vec())
}

fn of_age(minimum_age: i64) -> Story {
    Story::new(Condition::Age { minimum_age: span(minimum_age) })
}

pub(super) fn rows() -> Vec<Row> {
    [tags(), ages()].into_iter().flatten().collect()
}

fn tags() -> Vec<Row> {
    let regex = Condition::Tag { tags: NamePattern::regex("release-[0-9]+").unwrap(), immutable: false };
    vec![
        row("a tag that fits passes", of_tags("release-*", false, &[tagged("release-7", false)]), Passed, "has the tag `release-7`")
            .evidence(&["release-7"]),
        row("no tag fails", of_tags("release-*", false, &[]), Failed, "`tool 1.2.0` has no tag that fits `release-*`: set one")
            .evidence(&[]),
        row("a tag that does not fit fails", of_tags("release-*", false, &[tagged("latest-7", true)]), Failed, "has no tag that fits"),
        row("a tag fits as a whole", of_tags("release", false, &[tagged("release-7", true)]), Failed, "has no tag that fits `release`"),
        row(
            "one of many is enough",
            of_tags("rc-?", false, &[tagged("a", false), tagged("rc-1", false), tagged("b", false)]),
            Passed,
            "`rc-1`",
        ),
        row("all that fit are evidence", of_tags("rc-?", false, &[tagged("rc-1", false), tagged("rc-2", true)]), Passed, "`rc-1`")
            .evidence(&["rc-1", "rc-2"]),
        row(
            "a regular expression fits too",
            Story::new(regex).item(|item| item.tags = vec![tagged("release-7", false)]),
            Passed,
            "`release-7`",
        ),
        row(
            "a tag that may be moved fails where none must",
            of_tags("release-*", true, &[tagged("release-7", false)]),
            Failed,
            "the tag `release-7` of `tool 1.2.0` may be moved: add a rule that makes `release-*` immutable",
        )
        .evidence(&["release-7"]),
        row("a tag that may not be moved passes", of_tags("release-*", true, &[tagged("release-7", true)]), Passed, "`release-7`"),
        row("one that stays counts beside one that moves", of_tags("*", true, &[tagged("rc", false), tagged("x", true)]), Passed, "`x`")
            .evidence(&["x"]),
        row("a tag that stays, and does not fit, is none", of_tags("a", true, &[tagged("b", true)]), Failed, "has no tag that fits `a`"),
        row(
            "every version needs one",
            of_tags("*", false, &[tagged("rc", false)]).other_item(|_| {}),
            Failed,
            "`lib 3.0` has no tag that fits `*`",
        ),
    ]
}

fn ages() -> Vec<Row> {
    vec![
        row("what is old enough passes", of_age(HOUR / 2), Passed, "`tool 1.2.0` was published at 2026-06-01T11:00:00Z, at least 30m ago"),
        row("the very instant passes", of_age(HOUR), Passed, "at least 1h ago"),
        row("a microsecond too young waits for it", of_age(HOUR + 1), Pending, "less than 1h ago: wait until").retry(at(1)),
        row("a microsecond older passes", of_age(HOUR - 1), Passed, "ago"),
        row("what is too young waits", of_age(DAY), Pending, "published less than 1d ago: wait until 2026-06-02T11:00:00Z")
            .retry(at(DAY - HOUR)),
        row("what was published in the future waits", of_age(1).item(|item| item.published_at = at(DAY)), Pending, "wait")
            .retry(at(DAY + 1)),
        row("an age beyond all time is waited for", of_age(i64::MAX), Pending, "wait until").retry(Timestamp::from_micros(i64::MAX)),
        row("at the end of time all are old enough", of_age(i64::MAX).now(Timestamp::from_micros(i64::MAX)), Passed, "was published at"),
        row(
            "the youngest version decides",
            of_age(2 * HOUR).other_item(|item| item.published_at = at(-1)),
            Pending,
            "`lib 3.0` was published less than 2h ago: wait until 2026-06-01T13:59:59.999999Z; it does not hold for 1 more version either",
        )
        .retry(at(2 * HOUR - 1)),
    ]
}
