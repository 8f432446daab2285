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

/// How long garbage is collected under load: `CONSIGN_TEST_COLLECTION_SECONDS`, or 5.
pub fn collection_seconds() -> u64 {
    number("CONSIGN_TEST_COLLECTION_SECONDS").unwrap_or(5)
}

/// How many uploads a failing object store has to bear: `CONSIGN_TEST_CHAOS`, or 150.
pub fn chaos() -> usize {
    number("CONSIGN_TEST_CHAOS").unwrap_or(150)
}

/// How many connections mean no good at once: `CONSIGN_TEST_STRANGERS`, or 2000.
pub fn strangers() -> usize {
    number("CONSIGN_TEST_STRANGERS").unwrap_or(2000)
}

/// Says what a test has measured, to whoever runs it with `--nocapture`.
#[expect(clippy::print_stdout, reason = "a figure is the output of a test")]
pub fn report(line: &str) {
    println!("{line}");
}

/// How many mutations of notes and of secrets are tried: `CONSIGN_TEST_MUTATIONS`, or 20,000.
pub fn mutations() -> u64 {
    number("CONSIGN_TEST_MUTATIONS").unwrap_or(20_000)
}

/// How many faults of each kind are planted: `CONSIGN_TEST_FAULTS`, or 20.
pub fn faults() -> usize {
    number("CONSIGN_TEST_FAULTS").unwrap_or(20)
}

#[expect(clippy::disallowed_methods, reason = "the harness is told by `make stress` how long its races are")]
fn number<N: FromStr<Err: Debug>>(variable: &str) -> Option<N> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number of rounds, or a seed"))
}
