//! Words on promotions to stages where no gate asks for approvals.

use super::*;

/// A gate that waits, and is no approval gate.
fn unasked(reviews: &[Review]) -> Story {
    Story::new(Condition::Age { minimum_age: span(DAY) }).reviewed(reviews)
}

pub(crate) fn rows() -> Vec<Row> {
    let no = |story: Story, words| row("a maintainer's rejection ends it", story, Failed, words).of("rejection");
    let silent = Review { comment: "".parse().unwrap(), ..rejected("bob") };
    vec![
        no(unasked(&[rejected("bob")]), "`users/bob` has rejected it with the comment `too slow`: ask for it anew when they agree")
            .evidence(&["users/bob"]),
        no(unasked(&[as_role(Role::Owner, silent)]), "`users/bob` has rejected it without a comment"),
        no(unasked(&[rejected("cleo")]), "`users/cleo`"),
        no(unasked(&[approved("bob"), rejected("bob")]), "`users/bob`"),
        no(unasked(&[later(rejected("ann")), rejected("bob")]), "`users/bob`"),
        no(unasked(&[rejected("bob")]).with(|story| story.policy.gates.clear()), "`users/bob`"),
        row("it does not change what the gates say", unasked(&[rejected("bob")]), Pending, "wait until").retry(at(23 * HOUR)),
    ]
}

#[test]
fn a_rejection_stands_behind_everything_else_and_only_where_it_counts() {
    let window = policy::full().freeze_windows[0].clone();
    let last = |story: &Story| story.judge().last().map(|verdict| (verdict.gate.to_string(), verdict.outcome));
    let rejection = Some(("rejection".to_owned(), Failed));
    assert_eq!(last(&unasked(&[rejected("bob")]).with(|story| story.policy.freeze_windows.push(window))), rejection);

    let gate = Some(("gate".to_owned(), Pending));
    for (what, story) in [
        ("by a lower role", unasked(&[as_role(Role::Developer, rejected("bob"))])),
        ("by a token", unasked(&[Review { is_user: false, ..rejected("bob") }])),
        ("taken back", unasked(&[rejected("bob"), later(approved("bob"))])),
        ("of a gate", unasked(&[meant(rejected("bob"), &["other"])])),
    ] {
        assert_eq!(last(&story), gate, "{what}");
    }
    let asked = ONE.of(&[as_role(Role::Owner, rejected("bob"))]);
    assert_eq!(asked.judge().len(), 1, "where people are asked, the gate says it");
}
