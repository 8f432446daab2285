//! How long the races of the tests go on: short in `make test`, long in `make stress`.

/// How many rounds a race has: `CONSIGN_TEST_ROUNDS`, or 3.
pub fn rounds() -> usize {
    number("CONSIGN_TEST_ROUNDS", 3)
}

#[expect(clippy::disallowed_methods, reason = "the harness is told by `make stress` how long its races are")]
fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number of rounds or operations"))
}
