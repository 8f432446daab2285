//! How long the races and the tortures of the tests go on: short in `make test`, long in `make stress`.

use std::fmt::Debug;
use std::str::FromStr;

/// How many rounds a race has: `CONSIGN_TEST_ROUNDS`, or 3.
pub fn rounds() -> usize {
    number("CONSIGN_TEST_ROUNDS").unwrap_or(3)
}

/// How often each service is killed: `CONSIGN_TEST_KILLS`, or 4 times.
pub fn kills() -> usize {
    number("CONSIGN_TEST_KILLS").unwrap_or(4)
}

/// How often each disk loses its power or fails: `CONSIGN_TEST_POWER_CUTS`, or twice.
pub fn power_cuts() -> usize {
    number("CONSIGN_TEST_POWER_CUTS").unwrap_or(2)
}

/// What a random load is made from: `CONSIGN_TEST_SEED`, by which a load is repeated, or a new number.
pub fn seed() -> u64 {
    number("CONSIGN_TEST_SEED").unwrap_or_else(|| rand::random::<u32>().into())
}

#[expect(clippy::disallowed_methods, reason = "the harness is told by `make stress` how long its races are")]
fn number<N: FromStr<Err: Debug>>(variable: &str) -> Option<N> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number of rounds, or a seed"))
}
