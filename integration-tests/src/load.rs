//! How long the races of the tests go on: short in `make test`, long in `make stress`.

/// How many rounds a race has: `CONSIGN_TEST_ROUNDS`, or 3.
pub fn rounds() -> usize {
    number("CONSIGN_TEST_ROUNDS", 3)
}

/// How long garbage is collected under load: `CONSIGN_TEST_COLLECTION_SECONDS`, or 5.
pub fn collection_seconds() -> u64 {
    number("CONSIGN_TEST_COLLECTION_SECONDS", 5) as u64
}

/// How many uploads a failing object store has to bear: `CONSIGN_TEST_CHAOS`, or 150.
pub fn chaos() -> usize {
    number("CONSIGN_TEST_CHAOS", 150)
}

/// How many faults of each kind are planted: `CONSIGN_TEST_FAULTS`, or 20.
pub fn faults() -> usize {
    number("CONSIGN_TEST_FAULTS", 20)
}

#[expect(clippy::disallowed_methods, reason = "the harness is told by `make stress` how long its races are")]
fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number of rounds or operations"))
}
