//! Many publishers at once: exactly those win of whom the rule says so.

use std::collections::BTreeMap;

use consign_metadata::{Metadata, PublishMode, PublishVersion, Rules};
use consign_types::settings::{DuplicateSetting, InForce};
use consign_types::{Reason, Refusal as _};
use integration_tests::{BOTH, Database, Engine, rounds};

use crate::support::{NOW, RESTORE_SECONDS, defaults, opened_with, receipt, request, version};

const PUBLISHERS: usize = 64;

/// Rules by which duplicates are allowed or not, but for the names and versions that fit the pattern.
pub(crate) fn duplicates(allowed: bool, exception: &str) -> Rules {
    let duplicate_policy = DuplicateSetting { allowed, exception: exception.to_owned(), reject_identical: false };
    Rules::new(InForce { duplicate_policy, ..defaults() }, RESTORE_SECONDS)
}

/// A race, run in many rounds.
struct Race {
    name: &'static str,
    rules: fn() -> Rules,
    mode: PublishMode,
    /// Whether all bring the same bytes.
    same_bytes: bool,
    /// How many win.
    winners: usize,
    /// Why the others do not.
    refusal: Reason,
    /// How many rows are there in the end.
    rows: usize,
}

const RACES: [Race; 6] = [
    Race {
        name: "one version is sealed with different files",
        rules: || duplicates(true, ""),
        mode: PublishMode::Seal,
        same_bytes: false,
        winners: 1,
        refusal: Reason::VersionContentMismatch,
        rows: 1,
    },
    Race {
        name: "one path, duplicates allowed",
        rules: || duplicates(true, ""),
        mode: PublishMode::KeepOpen,
        same_bytes: false,
        winners: PUBLISHERS,
        refusal: Reason::DuplicateFile,
        rows: PUBLISHERS,
    },
    Race {
        name: "one path, duplicates rejected",
        rules: || duplicates(false, ""),
        mode: PublishMode::KeepOpen,
        same_bytes: false,
        winners: 1,
        refusal: Reason::DuplicateFile,
        rows: 1,
    },
    Race {
        name: "one path, duplicates allowed, and the version is an exception",
        rules: || duplicates(true, r"1\.\d+"),
        mode: PublishMode::KeepOpen,
        same_bytes: false,
        winners: 1,
        refusal: Reason::DuplicateFile,
        rows: 1,
    },
    Race {
        name: "one path, duplicates rejected, and the package is an exception",
        rules: || duplicates(false, "tool"),
        mode: PublishMode::KeepOpen,
        same_bytes: false,
        winners: PUBLISHERS,
        refusal: Reason::DuplicateFile,
        rows: PUBLISHERS,
    },
    Race {
        name: "one path, duplicates rejected, and all bring the same",
        rules: || duplicates(false, ""),
        mode: PublishMode::KeepOpen,
        same_bytes: true,
        winners: PUBLISHERS,
        refusal: Reason::DuplicateFile,
        rows: 1,
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn exactly_those_publishers_win_of_whom_the_rule_says_so() {
    for race in &RACES {
        let [one, other] = BOTH;
        tokio::join!(run(one, race), run(other, race));
    }
}

#[expect(clippy::print_stdout, reason = "`make stress` shows how long the races took")]
async fn run(engine: Engine, race: &Race) {
    let database = Database::create(engine);
    let metadata = opened_with(&database, (race.rules)(), || NOW).await;
    let started = std::time::Instant::now();
    for round in 0..rounds() {
        let (winners, refusals) = publish_all(&metadata, race, round).await;
        let expected = BTreeMap::from_iter((race.winners < PUBLISHERS).then(|| (race.refusal.as_str(), PUBLISHERS - race.winners)));
        assert_eq!((winners, &refusals), (race.winners, &expected), "{engine:?}, {}, round {round}", race.name);
    }
    let rows = i64::try_from(race.rows * rounds()).unwrap();
    assert_eq!(database.count("files"), rows, "{engine:?}, {}", race.name);
    assert_eq!(metadata.recount().await.unwrap(), [], "{engine:?}, {}", race.name);
    println!("{engine:?}, {}: {} rounds of {PUBLISHERS} in {:.1?}", race.name, rounds(), started.elapsed());
}

/// How many publishers won, and why the others did not.
async fn publish_all(metadata: &Metadata, race: &Race, round: usize) -> (usize, BTreeMap<&'static str, usize>) {
    let publishers = (0..PUBLISHERS).map(|n| {
        let (metadata, upload) = (metadata.clone(), i64::try_from(round * PUBLISHERS + n + 1).unwrap());
        let content = if race.same_bytes { format!("round {round}") } else { format!("round {round}, publisher {n}") };
        let wanted =
            PublishVersion { version: version(&format!("1.{round}")), mode: race.mode, ..request(&[("a", receipt(&content, upload))]) };
        tokio::spawn(async move { metadata.publish_version(wanted).await })
    });
    let (mut winners, mut refusals) = (0, BTreeMap::new());
    for publisher in publishers.collect::<Vec<_>>() {
        match publisher.await.unwrap() {
            Ok(_) => winners += 1,
            Err(error) => *refusals.entry(error.reason().as_str()).or_default() += 1,
        }
    }
    (winners, refusals)
}
