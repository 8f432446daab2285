//! `kill -9` at any step of a publish: what was acknowledged is there, what was not is not half there, a retry succeeds.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use integration_tests::rest::{Rest, file};
use integration_tests::{BOTH, Binary, Builder, Engine};

const PROGRAM: &str = env!("CARGO_BIN_EXE_service-under-test");

/// The steps of a publish, in their order, and whether the file is visible when the service dies there.
const STEPS: &[(&str, bool)] = &[
    ("uploads prepared", false),
    ("spool made", false),
    ("bytes spooled", false),
    ("spool synced", false),
    ("checksums placed", false),
    ("blob placed", false),
    ("blob durable", false),
    ("publish written", false),
    ("publish committed", true),
];

/// Three batches, so that the second step is reached in the middle of the body.
fn body() -> Vec<u8> {
    (0..3_000_000_u32).map(|n| n.to_le_bytes()[(n % 3) as usize]).collect()
}

async fn start(engine: Engine) -> Binary {
    let service = Builder::on(engine).spawn(PROGRAM, &[]).await;
    let rest = Rest::to(service.http());
    rest.create_project("demo").await;
    assert_eq!(rest.put(&file("tool", "1.0", "kept"), "acknowledged").await.status, 201);
    service
}

#[tokio::test]
async fn a_kill_at_any_step_of_a_publish_loses_nothing_and_shows_nothing_half_done() {
    for engine in BOTH {
        let mut service = start(engine).await;
        for (number, (step, visible)) in STEPS.iter().enumerate() {
            service.kill().await;
            service.start(&[("CONSIGN_TEST_KILL_AT", step)]).await;
            let path = file("tool", "1.0", &format!("file-{number}"));
            // Other bytes at each step, so that none finds the blob of the step before.
            let body = [body(), vec![u8::try_from(number).unwrap()]].concat();

            let request = Rest::to(service.http()).request(reqwest::Method::PUT, &path).body(body.clone());
            assert!(request.send().await.is_err(), "{step}: the service must die before it answers");
            assert_eq!(service.ended().await, Some(9), "{step}");

            service.start(&[]).await;
            let rest = Rest::to(service.http());
            assert_eq!(rest.get(&file("tool", "1.0", "kept")).await.text(), "acknowledged", "{step}");
            let found = rest.get(&path).await;
            assert_eq!(found.status, if *visible { 200 } else { 404 }, "{engine:?} {step}");
            assert!(!visible || found.body == body, "{engine:?} {step}: a visible file must be whole");
            assert_eq!(service.stored().spools.len(), 0, "{step}: a start removes abandoned spools");

            assert_eq!(rest.put(&path, body.clone()).await.status, 201, "{engine:?} {step}: a retry succeeds");
            assert!(rest.get(&path).await.body == body, "{engine:?} {step}");
        }
    }
}
