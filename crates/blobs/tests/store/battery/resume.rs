//! Uploads that break off and go on.

use consign_blobs::{Blobs, Error, Opened, Share, UploadState};
use consign_types::Digest;
use consign_types::ticket::UploadTicket;
use futures::FutureExt as _;

use crate::fixture::{EARLY, Fixture, NOW, begin, blobs, bytes, declared, grain, pattern, read, ticket, upload};

/// Sends the first bytes of an upload and breaks off. Returns how far it had come.
async fn break_off(blobs: &Blobs, upload: i64, content: &[u8]) -> i64 {
    let mut stream = begin(blobs, ticket(upload), 0, Share::Rest).await.unwrap();
    for (number, chunk) in content.chunks(100_000).enumerate() {
        stream.write(i64::try_from(number * 100_000).unwrap(), bytes(chunk)).await.unwrap();
    }
    stream.pause().await.unwrap()
}

pub(crate) async fn an_upload_goes_on_where_it_stopped_in_this_process_and_in_another(fixture: &impl Fixture) {
    let content = pattern(25_000_000);
    for (number, is_other) in [(1, false), (2, true)] {
        let first = blobs(fixture).await;
        let grain = i64::try_from(grain(&first, &ticket(number)).await).unwrap();
        let committed = break_off(&first, number, &content[..18_765_432]).await;
        assert_eq!(committed, 18_765_432 / grain * grain, "what is committed is all that the store can keep");

        let next = if is_other { blobs(fixture).await } else { first };
        let state = next.query_upload(&ticket(number)).await.unwrap();
        assert_eq!((state.committed, state.hashed, state.receipt), (committed, committed, None));
        let too_far = begin(&next, ticket(number), committed + 1, Share::Rest).await;
        assert!(matches!(too_far, Err(Error::Offset { received, .. }) if received == committed));
        let mut stream = begin(&next, ticket(number), committed - 1000, Share::Rest).await.unwrap();
        let from = usize::try_from(committed - 1000).unwrap();
        stream.write(committed - 1000, bytes(&content[from..])).await.unwrap();
        let receipt = stream.finish().await.unwrap();

        assert_eq!((receipt.digest, receipt.size), (Digest::of(&content), 25_000_000));
        assert!(read(&next, &receipt, 0, None).await.unwrap() == content);
        assert_eq!(fixture.leftovers().await, Vec::<String>::new());
    }
}

pub(crate) async fn an_upload_that_nobody_asked_to_keep_leaves_nothing(fixture: &impl Fixture) {
    let blobs = blobs(fixture).await;
    for (size, is_paused) in [(10, false), (10, true), (11 << 20, false), (11 << 20, true)] {
        let mut stream = begin(&blobs, ticket(1), 0, Share::Rest).await.unwrap().fleeting();
        stream.write(0, bytes(&pattern(size))).await.unwrap();
        if is_paused {
            assert_eq!(stream.pause().await.unwrap(), 0);
        } else {
            drop(stream);
        }
        integration_tests::wait::until("the removal of the spool", async || fixture.leftovers().await.is_empty().then_some(())).await;
    }
    let mut kept = begin(&blobs, ticket(1), 0, Share::Rest).await.unwrap();
    kept.write(0, bytes(&pattern(11 << 20))).await.unwrap();
    drop(kept);
    let committed = async || Some(blobs.query_upload(&ticket(1)).await.unwrap().committed).filter(|committed| *committed > 0);
    let committed = integration_tests::wait::until("the keeping of a broken upload", committed).await;
    let grain = grain(&blobs, &ticket(1)).await;
    assert_eq!(usize::try_from(committed).unwrap(), (11 << 20) / grain * grain);
}

pub(crate) async fn a_refused_upload_leaves_nothing_though_nobody_waits(fixture: &impl Fixture) {
    let (blobs, content) = (blobs(fixture).await, pattern(17 << 20));
    let declared = UploadTicket { size: Some(17 << 20), ..ticket(1) };
    let mut stream = begin(&blobs, declared, 0, Share::Rest).await.unwrap();
    stream.write(0, bytes(&content)).await.unwrap();
    let refusal = stream.write(17 << 20, bytes(b"!")).now_or_never();
    assert!(refusal.is_none(), "its answer takes a while");
    drop(stream);
    integration_tests::wait::until("the removal of the spool", async || fixture.leftovers().await.is_empty().then_some(())).await;
}

pub(crate) async fn a_stream_that_breaks_off_does_not_end_the_newer_one(fixture: &impl Fixture) {
    let (blobs, content) = (blobs(fixture).await, pattern(6 << 20));
    for upload in 1..=10 {
        let mut old = begin(&blobs, ticket(upload), 0, Share::Rest).await.unwrap().fleeting();
        old.write(0, bytes(&content)).await.unwrap();
        drop(old);
        let mut new = begin(&blobs, ticket(upload), 0, Share::Rest).await.unwrap();
        new.write(0, bytes(&content)).await.unwrap();
        let receipt = new.finish().await.unwrap();
        assert_eq!(receipt.size, 6 << 20);
    }
}

pub(crate) async fn what_was_kept_is_durable_while_the_transfer_goes_on(fixture: &impl Fixture) {
    let (first, content) = (blobs(fixture).await, pattern(80 << 20));
    let mut stream = begin(&first, ticket(1), 0, Share::Rest).await.unwrap();
    for (number, chunk) in content.chunks(1 << 20).enumerate() {
        stream.write(i64::try_from(number << 20).unwrap(), bytes(chunk)).await.unwrap();
    }
    let committed = async || Some(first.query_upload(&ticket(1)).await.unwrap().committed).filter(|committed| *committed > 0);
    let committed = integration_tests::wait::until("the first durable bytes", committed).await;

    // As if this process were killed now: the other finds what is durable, and no more.
    let other = blobs(fixture).await;
    assert_eq!(other.query_upload(&ticket(1)).await.unwrap().committed, committed);
    assert!(committed >= 64 << 20);
    std::mem::forget(stream);
    let mut stream = begin(&other, ticket(1), committed, Share::Rest).await.unwrap();
    stream.write(committed, bytes(&content[usize::try_from(committed).unwrap()..])).await.unwrap();
    assert_eq!(stream.finish().await.unwrap().digest, Digest::of(&content));
}

pub(crate) async fn the_newest_of_two_writers_wins(fixture: &impl Fixture) {
    let (blobs, content) = (blobs(fixture).await, pattern(22 << 20));
    let mut old = begin(&blobs, ticket(1), 0, Share::Rest).await.unwrap();
    old.write(0, bytes(&content[..18 << 20])).await.unwrap();

    let committed = blobs.query_upload(&ticket(1)).await.unwrap().committed;
    let mut new = begin(&blobs, ticket(1), committed.max(1), Share::Rest).await.unwrap();
    new.write(committed, bytes(&content[usize::try_from(committed).unwrap()..])).await.unwrap();

    let superseded = async {
        old.write(18 << 20, bytes(&content[18 << 20..])).await?;
        old.finish().await
    };
    assert!(matches!(superseded.await, Err(Error::Superseded)));
    assert_eq!(new.finish().await.unwrap().digest, Digest::of(&content));
}

pub(crate) async fn a_cancelled_upload_starts_over(fixture: &impl Fixture) {
    let blobs = blobs(fixture).await;
    break_off(&blobs, 1, &pattern(9 << 20)).await;
    let mut running = begin(&blobs, ticket(1), 0, Share::Rest).await.unwrap();
    running.write(0, bytes(&pattern(9 << 20))).await.unwrap();

    blobs.cancel_upload(&ticket(1)).await.unwrap();
    blobs.cancel_upload(&ticket(1)).await.unwrap();

    assert!(matches!(running.finish().await, Err(Error::Superseded)));
    let state = blobs.query_upload(&ticket(1)).await.unwrap();
    assert_eq!(UploadState { grain: 0, ..state }, UploadState::default());
    integration_tests::wait::until("the removal of the spool", async || fixture.leftovers().await.is_empty().then_some(())).await;
    assert_eq!(upload(&blobs, ticket(1), &[b"hello"]).await.unwrap().size, 5);
}

pub(crate) async fn a_finished_upload_answers_its_receipt_again(fixture: &impl Fixture) {
    for (number, content) in [(1, pattern(10)), (2, pattern(9_000_000))] {
        let first = blobs(fixture).await;
        let receipt = upload(&first, declared(number, &content), &[&content]).await.unwrap();
        // The second process knows it by the copy alone.
        for blobs in [first, blobs(fixture).await] {
            let state = blobs.query_upload(&declared(number, &content)).await.unwrap();
            assert_eq!((state.receipt, state.committed), (Some(receipt.clone()), receipt.size));
            let again = blobs.upload(declared(number, &content), receipt.size, Share::Rest).await.unwrap();
            assert!(matches!(again, Opened::Finished(again) if again == receipt));
        }
    }
}

pub(crate) async fn a_digest_alone_is_no_receipt(fixture: &impl Fixture) {
    let (blobs, content) = (blobs(fixture).await, pattern(9_000_000));
    upload(&blobs, declared(1, &content), &[&content]).await.unwrap();

    let state = blobs.query_upload(&declared(2, &content)).await.unwrap();
    assert_eq!((state.receipt, state.committed), (None, 0), "whoever knows a digest has not brought its bytes");
    let nothing = begin(&blobs, declared(2, &content), 9_000_000, Share::Rest).await;
    assert!(matches!(nothing, Err(Error::Offset { received: 0, .. })), "{nothing:?}");
    assert_eq!(upload(&blobs, declared(2, &content), &[&content]).await.unwrap().generation, 1, "but the copy is used");
}

pub(crate) async fn uploads_that_nobody_goes_on_with_are_dropped(fixture: &impl Fixture) {
    let young = Blobs::over(fixture.open().await, || EARLY);
    break_off(&young, 1, &pattern(9 << 20)).await;
    assert_eq!(young.expire_uploads().await.unwrap(), 0);

    let old = Blobs::over(fixture.open().await, || NOW);
    let mut running = begin(&old, ticket(2), 0, Share::Rest).await.unwrap();
    running.write(0, bytes(&pattern(9 << 20))).await.unwrap();
    assert_eq!(old.expire_uploads().await.unwrap(), 1);
    assert_eq!(old.query_upload(&ticket(1)).await.unwrap().committed, 0);
    assert_eq!(running.finish().await.unwrap().size, 9 << 20, "one that somebody writes to stays");
    assert_eq!(fixture.leftovers().await, Vec::<String>::new());
}
