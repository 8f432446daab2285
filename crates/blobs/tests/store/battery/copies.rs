//! Copies that are there: found, damaged, listed, removed.

use bytes::Bytes;
use consign_blobs::Error;
use consign_types::CopyName;
use consign_types::ticket::UploadTicket;
use consign_types::{Digest, Timestamp};

use crate::fixture::{Fixture, NOW, blobs, copy_of, pattern, read, ticket, upload};

pub(crate) async fn the_same_bytes_are_stored_once_and_a_copy_on_its_way_out_is_not_used(fixture: &impl Fixture) {
    let blobs = blobs(fixture).await;
    let store = fixture.open().await;
    for content in [&b"hello"[..], &pattern(9_000_000)] {
        let old = upload(&blobs, ticket(3), &[content]).await.unwrap();
        assert_eq!(old.generation, 3);
        assert_eq!(upload(&blobs, ticket(7), &[content]).await.unwrap().generation, 3);
        let copies = async || store.list(None, 10).await.unwrap().iter().filter(|copy| copy.name.digest == old.digest).count();
        assert_eq!(copies().await, 1);

        let newer = UploadTicket { min_generation: 4, ..ticket(8) };
        let receipt = upload(&blobs, newer, &[content]).await.unwrap();
        assert_eq!(receipt.generation, 8);
        assert_eq!(copies().await, 2);
        store.discard(copy_of(&old)).await.unwrap();
        assert!(read(&blobs, &receipt, 0, None).await.unwrap() == content, "the newer copy stands by itself");
        blobs.cancel_upload(&ticket(3)).await.unwrap();
        blobs.cancel_upload(&ticket(7)).await.unwrap();
        blobs.cancel_upload(&ticket(8)).await.unwrap();
    }
}

pub(crate) async fn uploads_of_the_same_bytes_at_once_all_succeed(fixture: &impl Fixture) {
    for size in [1000, 2_000_000] {
        let blobs = blobs(fixture).await;
        let content = pattern(size);
        let uploads = (1..=8).map(|number| {
            let (blobs, content) = (blobs.clone(), content.clone());
            tokio::spawn(async move { upload(&blobs, ticket(number), &[&content]).await })
        });
        for running in uploads.collect::<Vec<_>>() {
            let receipt = running.await.unwrap().unwrap();
            assert!(read(&blobs, &receipt, 0, None).await.unwrap() == content);
        }
        assert_eq!(fixture.leftovers().await, Vec::<String>::new());
    }
}

pub(crate) async fn a_damaged_blob_ends_in_an_error_and_is_healed_by_the_next_upload_of_its_bytes(fixture: &impl Fixture) {
    let blobs = blobs(fixture).await;
    for (first, size) in [(10, 2_500_000), (20, 1000)] {
        let content = pattern(size);
        let receipt = upload(&blobs, ticket(first), &[&content]).await.unwrap();
        let mut flipped = content.clone();
        flipped[size / 2] ^= 1;
        for (number, damaged) in (1..).zip([&flipped[..], &content[..size - 1], &[]]) {
            fixture.damage(copy_of(&receipt), Some(damaged)).await;
            assert!(matches!(read(&blobs, &receipt, 0, None).await, Err(Error::Corrupt(_))));

            let healed = upload(&blobs, ticket(first + number), &[&content]).await.unwrap();
            assert_eq!(healed.generation, first, "those who refer to it have it again");
            assert!(read(&blobs, &receipt, 0, None).await.unwrap() == content);
        }
        fixture.damage(copy_of(&receipt), None).await;
        assert!(matches!(read(&blobs, &receipt, 0, None).await, Err(Error::Missing(_))));
    }
}

pub(crate) async fn copies_are_listed_in_order_page_by_page(fixture: &impl Fixture) {
    let (blobs, store) = (blobs(fixture).await, fixture.open().await);
    let content = |number: i64| Bytes::from(format!("content {number}"));
    let receipts = blobs.write_batch((1..=60).map(|number| (ticket(number), content(number))).collect()).await;
    let again = UploadTicket { min_generation: 70, ..ticket(71) };
    let second = upload(&blobs, again, &[&content(7)]).await.unwrap();
    let mut expected: Vec<CopyName> = receipts.iter().map(|receipt| copy_of(receipt.as_ref().unwrap())).chain([copy_of(&second)]).collect();
    expected.sort_unstable();

    for limit in [1, 7, 61, 1000] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = store.list(after, limit).await.unwrap();
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            after = Some(last.name);
            found.extend(page);
        }
        assert_eq!(found.iter().map(|copy| copy.name).collect::<Vec<_>>(), expected, "{limit}");
        let content = |digest: Digest| (1..=60).map(content).find(|content| Digest::of(content) == digest).unwrap();
        assert!(found.iter().all(|copy| copy.size == i64::try_from(content(copy.name.digest).len()).unwrap()));
        assert!(found.iter().all(|copy| Timestamp::from_micros(1_700_000_000_000_000) < copy.stored && copy.stored < NOW));
    }
}

pub(crate) async fn a_discarded_copy_is_gone_and_a_quarantined_one_is_damaged(fixture: &impl Fixture) {
    let (blobs, store) = (blobs(fixture).await, fixture.open().await);
    let (one, two) = (pattern(2_000_000), pattern(2_000_001));
    let discarded = upload(&blobs, ticket(1), &[&one]).await.unwrap();
    let quarantined = upload(&blobs, ticket(2), &[&two]).await.unwrap();
    store.quarantine(copy_of(&quarantined)).await.unwrap();
    assert!(read(&blobs, &quarantined, 0, None).await.unwrap() == two, "one that is whole stays, whoever thinks that it is damaged");
    fixture.damage(copy_of(&quarantined), Some(&two[1..])).await;

    for _ in 0..2 {
        store.discard(copy_of(&discarded)).await.unwrap();
        store.quarantine(copy_of(&quarantined)).await.unwrap();
    }

    assert!(matches!(read(&blobs, &discarded, 0, None).await, Err(Error::Missing(_))));
    assert!(matches!(read(&blobs, &quarantined, 0, None).await, Err(Error::Corrupt(_))));
    assert_eq!(store.list(None, 10).await.unwrap(), []);
    assert_eq!(store.list_quarantined().await.unwrap(), [copy_of(&quarantined)]);
    assert!(!store.has(copy_of(&discarded)).await.unwrap());
    let early = Timestamp::from_micros(1_700_000_000_000_000);
    assert_eq!(store.list_trash(early, 10).await.unwrap(), [], "it came there just now");
    assert_eq!(store.list_trash(NOW, 10).await.unwrap(), [copy_of(&discarded)]);
    for _ in 0..2 {
        store.remove_trash(copy_of(&discarded)).await.unwrap();
    }
    assert_eq!(store.list_trash(NOW, 10).await.unwrap(), []);
    let healed = upload(&blobs, ticket(3), &[&two]).await.unwrap();
    assert_eq!(healed.generation, 2, "those who refer to it have it again");
    assert!(read(&blobs, &quarantined, 0, None).await.unwrap() == two);
    assert_eq!(store.list_quarantined().await.unwrap(), []);
}
