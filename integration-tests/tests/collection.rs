//! Garbage collection, scrubbing and `fsck`: what is needed stays, what is not goes, what is wrong is found.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use clap::Parser;
use consign_blobs::check::Leftover;
use consign_server::{Finding, FsckSettings, fsck};
use consign_types::{CopyName, Digest};
use integration_tests::rest::{Rest, file};
use integration_tests::service::files;
use integration_tests::{BOTH, Builder, Engine, TestService, load, wait};

fn collecting(engine: Engine) -> Builder {
    Builder::on(engine).with("--gc-interval-seconds", 1).with("--gc-grace-seconds", 1).with("--trash-seconds", 1)
}

fn content(number: usize) -> Vec<u8> {
    format!("content {number} ").repeat(1 + number % 300).into_bytes()
}

fn trashed(service: &TestService) -> usize {
    files(&service.directory().join("data/trash")).len()
}

/// Compares planes and says what is wrong.
async fn findings(service: &TestService, options: &[&str]) -> Vec<Finding> {
    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        settings: FsckSettings,
    }
    let arguments = service.data_options().into_iter().chain(options.iter().map(|option| (*option).to_owned()));
    let command = Command::parse_from(std::iter::once("fsck".to_owned()).chain(arguments));
    let mut found = Vec::new();
    fsck(&command.settings, |finding| found.push(finding.clone())).await.unwrap();
    found
}

#[tokio::test]
async fn bytes_go_when_their_last_file_is_gone_for_good_and_those_of_others_stay() {
    for engine in BOTH {
        let (service, rest) = collecting(engine).demo().await;
        for (version, path, body) in [("1.0", "a", "only here"), ("1.0", "b", "in two"), ("2.0", "b", "in two")] {
            assert_eq!(rest.put(&file("tool", version, path), body).await.status, 201);
        }
        assert_eq!(service.stored().blobs.len(), 2);
        delete(&service, "path = 'a'");

        wait::until("the collection", async || (service.stored().blobs.len() == 1).then_some(())).await;

        assert_eq!(rest.get(&file("tool", "2.0", "b")).await.text(), "in two");
        wait::until("the emptying of the trash", async || (trashed(&service) == 0).then_some(())).await;
        assert_eq!(rest.put(&file("tool", "3.0", "a"), "only here").await.status, 201, "the same bytes may come again");
        assert_eq!(rest.get(&file("tool", "3.0", "a")).await.text(), "only here");
        assert_eq!(findings(&service, &["--read", "--gc-grace-seconds", "0"]).await, []);
    }
}

#[tokio::test]
async fn garbage_is_collected_where_the_planes_are_apart() {
    let keys = tempfile::tempdir().unwrap();
    let key_file = keys.path().join("keys");
    let apart = |engine: Engine, role| collecting(engine).role(role).with("--key-file", key_file.display());
    let blob = apart(Engine::Sqlite, "blob").with("--internal-listen", "127.0.0.1:0").start().await;
    let internal = format!("http://{}", blob.internal());
    let metadata = apart(Engine::Postgres, "metadata").with("--blob-internal-endpoint", internal).start().await;
    let (_gateway, rest) = Builder::gateway(&metadata, &blob).demo().await;
    for number in 0..30 {
        assert_eq!(rest.put(&file("tool", "1.0", &format!("f{number}")), content(number)).await.status, 201);
    }
    let stray = CopyName { digest: Digest::of(b"nobody's"), generation: 7 };
    place(&blob, stray, b"nobody's");
    delete(&metadata, "path <> 'f0'");

    wait::until("the collection", async || (blob.stored().blobs.len() == 1).then_some(())).await;

    assert!(rest.get(&file("tool", "1.0", "f0")).await.body == content(0));
    wait::until("the emptying of the trash", async || (trashed(&blob) == 0).then_some(())).await;
}

/// Puts bytes into the store that nobody has published.
fn place(service: &TestService, name: CopyName, bytes: &[u8]) {
    let digest = name.digest.to_string();
    let directory = service.directory().join("data/blobs").join(&digest[..2]).join(&digest[2..4]);
    fs::create_dir_all(&directory).unwrap();
    let path = directory.join(name.to_string());
    fs::write(&path, bytes).unwrap();
    age(&path);
}

#[tokio::test]
async fn garbage_is_collected_while_others_publish_and_no_file_loses_its_bytes() {
    for engine in BOTH {
        let (service, rest) = collecting(engine).demo().await;
        let (stop, published) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let clients: Vec<_> = (0..8)
            .map(|client| {
                let (rest, stop, published) = (rest.clone(), Arc::clone(&stop), Arc::clone(&published));
                tokio::spawn(async move { churn(client, &rest, &stop, &published).await })
            })
            .collect();
        let end = Instant::now() + Duration::from_secs(load::collection_seconds());
        while Instant::now() < end {
            delete(&service, "id % 100 <> 0");
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        stop.store(true, Ordering::Relaxed);
        let mut kept = HashMap::new();
        for client in clients {
            kept.extend(client.await.unwrap());
        }

        for (path, number) in &kept {
            let found = rest.get(path).await;
            assert!(found.status == 404 || found.body == content(*number), "{engine:?} {path}: {}", found.status);
        }
        let settled = async || {
            let is_purged = service.database().count("files where deleted_at is not null") == 0;
            let digests = service.database().count("(select distinct digest from files) as f");
            let is_clean = service.stored().blobs.len() == usize::try_from(digests).unwrap() && trashed(&service) == 0;
            (is_purged && is_clean).then_some(())
        };
        wait::until("the end of all garbage", settled).await;
        assert_eq!(findings(&service, &["--read", "--gc-grace-seconds", "0"]).await, []);
        assert!(published.load(Ordering::Relaxed) > 100, "{engine:?}");
        assert!(service.database().count("tombstones") > 10, "{engine:?}: garbage and publishes did meet");
    }
}

/// Publishes few different bytes over and over, so that garbage and publish meet. Returns what was acknowledged.
async fn churn(client: usize, rest: &Rest, stop: &AtomicBool, published: &AtomicUsize) -> HashMap<String, usize> {
    let mut kept = HashMap::new();
    let mut round = client;
    while !stop.load(Ordering::Relaxed) {
        round += 8;
        let number = round * 7 % 1000;
        let path = file("tool", &format!("{client}.{}", round % 40), &format!("f{round}"));
        let answer = rest.put(&path, content(number)).await;
        match answer.status {
            201 => {
                published.fetch_add(1, Ordering::Relaxed);
                let found = rest.get(&path).await;
                assert!(found.status == 404 || found.body == content(number), "{path}: {} {}", found.status, found.text());
                kept.insert(path, number);
            }
            // The copy that the bytes were found in is on its way out: the next try brings them anew.
            503 => {}
            status => panic!("{status} {}", answer.text()),
        }
    }
    kept
}

/// Deletes files for good, past all operations: what is deleted by them can be brought back for a while.
fn delete(service: &TestService, files: &str) {
    let database = service.database();
    let past = database.ago(3600);
    database.execute(&format!("update files set deleted_at = {past}, purge_at = {past} where deleted_at is null and {files}"));
}

/// Makes a file look as if it had been written long ago.
#[expect(clippy::disallowed_methods, reason = "the file system has its own clock")]
fn age(path: &Path) {
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_hours(72)).unwrap();
}

/// Says which findings are on one side alone.
fn assert_same(found: &[Finding], expected: &[Finding]) {
    let lines = |findings: &[Finding]| findings.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    let (lines_found, lines_expected) = (lines(found), lines(expected));
    let differ: Vec<_> = lines_found.symmetric_difference(&lines_expected).collect();
    assert!(differ.is_empty() && found.len() == expected.len(), "{differ:?}");
}

/// What has come of an upload and can't go on, or what stands beside none.
fn plant_leftover(service: &TestService, upload: i64) -> Finding {
    let is_upload = upload % 2 == 0;
    let name = if is_upload { format!("spool/{upload}") } else { format!("spool/{upload}.sums") };
    let path = service.directory().join("data").join(&name);
    fs::write(&path, "half").unwrap();
    age(&path);
    Finding::Leftover(if is_upload { Leftover::Upload(upload) } else { Leftover::Stray(name) })
}

#[tokio::test]
async fn fsck_finds_every_fault_that_is_planted_and_nothing_else_and_repairs_what_it_can() {
    let each = load::faults();
    let (mut service, rest) = Builder::on(Engine::Sqlite).demo().await;
    for number in 0..5 * each {
        assert_eq!(rest.put(&file("tool", "1.0", &format!("f{number}")), format!("content {number}")).await.status, 201);
    }
    let mut blobs = service.stored().blobs;
    blobs.sort();
    let name = |path: &PathBuf| CopyName::parse(path.file_name().unwrap().to_str().unwrap()).unwrap();
    let mut expected = Vec::new();
    for path in &blobs[..each] {
        fs::remove_file(path).unwrap();
        expected.push(Finding::Missing(name(path)));
    }
    for path in &blobs[each..2 * each] {
        fs::write(path, "cut").unwrap();
        expected.push(Finding::Damaged(name(path)));
    }
    for path in &blobs[2 * each..3 * each] {
        let mut bytes = fs::read(path).unwrap();
        bytes[3] ^= 1;
        fs::write(path, bytes).unwrap();
        expected.push(Finding::Damaged(name(path)));
    }
    for (number, path) in blobs[3 * each..4 * each].iter().enumerate() {
        // A copy of bytes that nobody publishes, and one beside a copy that is published.
        let bytes = format!("extra {number}").into_bytes();
        let extra = if number % 2 == 0 {
            CopyName { digest: Digest::of(&bytes), generation: 7 }
        } else {
            CopyName { generation: 99_999_999, ..name(path) }
        };
        let digest = extra.digest.to_string();
        let shelf = service.directory().join("data/blobs").join(&digest[..2]).join(&digest[2..4]);
        fs::create_dir_all(&shelf).unwrap();
        fs::write(shelf.join(extra.to_string()), bytes).unwrap();
        age(&shelf.join(extra.to_string()));
        expected.push(Finding::Extra(extra));
    }
    expected.extend((1_000_000..).take(each).map(|upload| plant_leftover(&service, upload)));

    assert_same(&findings(&service, &["--read"]).await, &expected);
    let unread = findings(&service, &[]).await.len();
    assert_eq!(unread, expected.len() - each, "what is flipped is found by reading alone");

    service.shut_down().await;
    assert_same(&findings(&service, &["--read", "--repair"]).await, &expected);
    let still: Vec<Finding> = expected.into_iter().filter(|finding| matches!(finding, Finding::Missing(_) | Finding::Damaged(_))).collect();
    // What is quarantined stays damaged until its bytes come again.
    assert_same(&findings(&service, &["--read"]).await, &still);
    service.start_again().await;
    let rest = Rest::to(service.http());
    for number in 0..5 * each {
        assert_eq!(rest.put(&file("tool", "2.0", &format!("f{number}")), format!("content {number}")).await.status, 201);
    }
    assert_same(&findings(&service, &["--read"]).await, &[]);
    for number in 0..5 * each {
        let found = rest.get(&file("tool", "1.0", &format!("f{number}"))).await;
        assert_eq!(found.text(), format!("content {number}"), "the same bytes came again, for whoever has them");
    }
}

#[tokio::test]
async fn bytes_that_are_gone_from_the_disk_come_back_with_the_next_publish_of_the_same() {
    for engine in BOTH {
        let (service, rest) = Builder::on(engine).demo().await;
        assert_eq!(rest.put(&file("tool", "1.0", "a"), "the same").await.status, 201);
        fs::remove_file(&service.stored().blobs[0]).unwrap();
        assert_eq!(rest.get(&file("tool", "1.0", "a")).await.status, 500);

        assert_eq!(rest.put(&file("tool", "2.0", "b"), "the same").await.status, 201);

        for (version, path) in [("1.0", "a"), ("2.0", "b")] {
            assert_eq!(rest.get(&file("tool", version, path)).await.text(), "the same", "{engine:?} {path}");
        }
        assert_eq!(findings(&service, &["--read", "--gc-grace-seconds", "0"]).await, []);
    }
}
