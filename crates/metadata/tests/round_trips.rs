//! How many statements an operation sends to PostgreSQL: each is a trip over the network while rows are locked.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "operations/promoting.rs"]
mod promoting;
#[path = "operations/support.rs"]
mod support;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use consign_metadata::{Metadata, PublishVersion, ResolveVersion, Selector};
use consign_types::resource::PackageRef;
use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use integration_tests::{Database, Engine};

use promoting::{create_stage, of_package, publish_sealed, wanted};
use support::{opened, prepare, prepare_small, publish, receipt, request, version};

static STATEMENTS: Mutex<Vec<String>> = Mutex::new(Vec::new());
static TRANSACTIONS: AtomicUsize = AtomicUsize::new(0);

/// Notes each statement but for those that begin and end transactions, and those by which the pool makes connections.
#[expect(clippy::unnecessary_wraps, reason = "diesel asks for a function of this shape")]
fn note() -> Option<Box<dyn Instrumentation>> {
    Some(Box::new(|event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            match text.split([' ', ';']).next() {
                // The lock of a project comes along with it, in one trip.
                Some("BEGIN") => {
                    TRANSACTIONS.fetch_add(1, Ordering::Relaxed);
                }
                Some("COMMIT" | "ROLLBACK" | "SET" | "set" | "prepare") => {}
                _ => STATEMENTS.lock().unwrap().push(text),
            }
        }
    }))
}

/// The statements that an operation sends the second time, when all is there that it needs.
async fn statements<T>(operation: impl AsyncFn(usize) -> T) -> Vec<String> {
    operation(0).await;
    STATEMENTS.lock().unwrap().clear();
    operation(1).await;
    std::mem::take(&mut STATEMENTS.lock().unwrap())
}

#[tokio::test]
async fn a_publish_a_promotion_a_prepare_and_a_resolve_take_two_trips_each() {
    set_default_instrumentation(note).unwrap();
    let database = Database::create(Engine::Postgres);
    let metadata = opened(&database).await;

    let new_version = statements(async |round| {
        let content = format!("content {round}");
        let receipt = receipt(&content, i64::try_from(round).unwrap() + 1);
        let wanted = PublishVersion { version: version(&format!("1.{round}.0")), ..request(&[("a", receipt)]) };
        metadata.publish_version(wanted).await.unwrap()
    });
    assert_count(&new_version.await, 2);

    let open_version = statements(async |round| {
        let content = format!("more {round}");
        publish(&metadata, &[(&format!("b{round}"), receipt(&content, i64::try_from(round).unwrap() + 10))]).await.unwrap()
    });
    assert_count(&open_version.await, 2);

    TRANSACTIONS.store(0, Ordering::Relaxed);
    let at_once = async |round: usize| {
        let publish = |number: usize| {
            let number = round * 100 + number;
            let request_id = Some(format!("1b9d7f0e-6d3b-4b0a-9d5e-1f2a3b4c{number:04}").parse().unwrap());
            let receipt = receipt(&format!("at once {number}"), i64::try_from(number).unwrap() + 1000);
            let wanted = PublishVersion { request_id, ..request(&[(&format!("d{number}"), receipt)]) };
            let metadata = metadata.clone();
            tokio::spawn(async move { metadata.publish_version(wanted).await.unwrap() })
        };
        for published in (0..32).map(publish).collect::<Vec<_>>() {
            published.await.unwrap();
        }
    };
    // Those that come while another one is made share a transaction.
    let shared = statements(at_once).await;
    assert!(TRANSACTIONS.load(Ordering::Relaxed) <= 32, "64 publishes took a transaction each");
    assert_count(&shared, 32 * 2);

    let repeatable = statements(async |round| {
        let request_id = Some(format!("0b9d7f0e-6d3b-4b0a-9d5e-1f2a3b4c5d{round:02}").parse().unwrap());
        let content = format!("again {round}");
        let receipt = receipt(&content, i64::try_from(round).unwrap() + 20);
        let wanted = PublishVersion { request_id, ..request(&[(&format!("c{round}"), receipt)]) };
        metadata.publish_version(wanted).await.unwrap()
    });
    assert_count(&repeatable.await, 2);

    create_stage(&metadata, "dev", &[], Vec::new()).await;
    assert_count(&promotion(&metadata, 1).await, 2);
    assert_count(&promotion(&metadata, 100).await, 2);

    assert_count(&statements(async |round| prepare(&metadata, &format!("new {round}")).await).await, 2);
    assert_count(&statements(async |_| prepare_small(&metadata).await).await, 1);
    assert_count(&statements(async |_| resolve(&metadata, Selector::Latest).await).await, 2);
    assert_count(&statements(async |_| resolve(&metadata, Selector::Range("^1".parse().unwrap())).await).await, 2);
    assert_count(&statements(async |_| resolve(&metadata, Selector::Exact("1.1.0".parse().unwrap())).await).await, 2);
}

/// The statements of a promotion of so many versions of packages, where others stand.
async fn promotion(metadata: &Metadata, packages: usize) -> Vec<String> {
    for (package, version) in (0..packages).flat_map(|package| [(package, "1.0"), (package, "2.0")]) {
        publish_sealed(metadata, of_package(&format!("of-{packages}-{package}"), version)).await;
    }
    statements(async |round| {
        let version = ["1.0", "2.0"][round];
        let items: Vec<_> = (0..packages).map(|package| of_package(&format!("of-{packages}-{package}"), version)).collect();
        metadata.create_promotion(wanted("dev", &items)).await.unwrap()
    })
    .await
}

async fn resolve(metadata: &Metadata, selector: Selector) {
    let package = PackageRef { project: version("1.0").project, package: "tool".parse().unwrap() };
    let resolved = metadata.resolve_version(ResolveVersion { package, selector, include_prerelease: false, path: None }).await;
    assert!(!resolved.unwrap().files.is_empty());
}

fn assert_count(statements: &[String], most: usize) {
    assert!(!statements.is_empty() && statements.len() <= most, "{} statements: {statements:#?}", statements.len());
}
