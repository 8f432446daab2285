//! Approvals that count at one gate alone.

use super::*;

const APART: Asks = Asks { distinct: true, ..ONE };

/// The gates `gate` and `other`.
fn two(first: Asks, second: Asks, reviews: &[Review]) -> Story {
    first.of(reviews).gate("other", second.condition())
}

pub(crate) fn rows() -> Vec<Row> {
    let ann = || vec![approved("ann")];
    let both = [approved("ann"), approved("bob")];
    let owners = Asks { role: Role::Owner, ..APART };
    vec![
        row("one counts for all gates that are not distinct", two(ONE, ONE, &ann()), Passed, "`users/ann`"),
        row("and for the second of them", two(ONE, ONE, &ann()), Passed, "`users/ann`").of("other"),
        row("one counts for the first distinct gate", two(APART, APART, &ann()), Passed, "`users/ann`"),
        row(
            "and not for the second",
            two(APART, APART, &ann()),
            Pending,
            "that of `users/ann` does not count, because it counts for the gate `gate`",
        )
        .of("other"),
        row(
            "whoever counts for a plain gate counts for no distinct one before it",
            two(APART, ONE, &ann()),
            Pending,
            "counts for the gate `other`",
        ),
        row("nor for one behind it", two(ONE, APART, &ann()), Pending, "it counts for the gate `gate`").of("other"),
        row("but counts for the plain one", two(APART, ONE, &ann()), Passed, "`users/ann`").of("other"),
        row("a distinct gate alone asks for nothing more", APART.of(&ann()), Passed, "`users/ann`"),
        row("two people do not count for two gates by themselves", two(APART, APART, &both), Pending, "0 of 1 approvals").of("other"),
        row(
            "two people who say which gate they mean do",
            two(APART, APART, &[meant(approved("ann"), &["gate"]), meant(approved("bob"), &["other"])]),
            Passed,
            "`users/bob`",
        )
        .of("other"),
        row(
            "one person does not count twice by two words",
            two(APART, APART, &[meant(approved("ann"), &["other"]), meant(later(approved("ann")), &["gate"])]),
            Pending,
            "it counts for the gate `gate`",
        )
        .of("other"),
        row("whoever does not count for the first gate counts for the second", two(owners, APART, &ann()), Passed, "`users/ann`")
            .of("other"),
        row("an approval that lapsed counts for no gate before", two(Asks { validity: Some(1), ..APART }, APART, &ann()), Passed, "ann")
            .of("other"),
        row("who asked for it counts where it is allowed", two(APART, Asks { own: true, ..APART }, &[approved("cleo")]), Passed, "cleo")
            .of("other"),
        row(
            "a rejection fails every gate that it is meant for",
            two(APART, APART, &[rejected("ann"), approved("bob")]),
            Failed,
            "`users/ann` has rejected it",
        )
        .of("other"),
        row(
            "a gate between them does not matter",
            APART.of(&ann()).gate("plain", ONE.condition()).gate("last", APART.condition()),
            Pending,
            "`plain`",
        )
        .of("last"),
    ]
}
