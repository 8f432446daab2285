//! A full disk: a typed refusal, reads go on, and room that is made is used at once.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;

use integration_tests::rest::{Rest, file};
use integration_tests::{Binary, Builder};

const PROGRAM: &str = env!("CARGO_BIN_EXE_service-under-test");
const FILE_BYTES: usize = 1 << 20;

/// A service whose data directory is a file system of 24 MiB in memory, of which 8 MiB are taken by a ballast.
async fn start(reserve_bytes: u64) -> Binary {
    // A mount that only the service sees, and that goes with it; whoever is not root becomes it in a namespace of its own.
    let as_root = rustix::process::getuid().is_root();
    let unshare: &[&str] = if as_root { &["unshare", "--mount"] } else { &["unshare", "--mount", "--map-root-user"] };
    let script = "mount -t tmpfs -o size=24m tmpfs \"$0\" && head -c 8388608 /dev/zero > \"$0/ballast\" && exec \"$@\"";
    Builder::by_default().with("--reserve-bytes", reserve_bytes).wrapped(unshare, script).spawn(PROGRAM, &[]).await
}

async fn fill(rest: &Rest, name: &str) -> usize {
    for number in 0..64 {
        let body: Vec<u8> = (0..FILE_BYTES).map(|n| u8::try_from((n * (number + 7) / 3) % 251).unwrap()).collect();
        let answer = rest.put(&file("tool", "1.0", &format!("{name}-{number}")), body).await;
        if answer.status != 201 {
            assert_eq!((answer.status, answer.text()), (507, r#"{"message":"507 Insufficient Storage"}"#));
            return number;
        }
    }
    panic!("the disk did not get full");
}

async fn a_full_disk_refuses_what_is_new(reserve_bytes: u64) {
    let service = start(reserve_bytes).await;
    let rest = Rest::to(service.http());
    rest.create_project("demo").await;

    let published = fill(&rest, "before").await;
    assert!(published > 2, "{published}");

    for number in 0..published {
        assert_eq!(rest.get(&file("tool", "1.0", &format!("before-{number}"))).await.body.len(), FILE_BYTES);
    }
    assert_eq!(rest.get(&file("tool", "1.0", &format!("before-{published}"))).await.status, 404);
    assert_eq!(fs::read_dir(service.directory().join("data/spool")).unwrap().count(), 0, "a refused upload leaves no spool");

    fs::remove_file(service.directory().join("ballast")).unwrap();
    assert!(fill(&rest, "after").await > 2, "the room that was made is used");
}

#[tokio::test]
async fn a_full_disk_refuses_what_is_new_and_recovers() {
    a_full_disk_refuses_what_is_new(0).await;
}

#[tokio::test]
async fn a_disk_is_full_for_uploads_while_the_reserve_is_left() {
    a_full_disk_refuses_what_is_new(4 << 20).await;
}
