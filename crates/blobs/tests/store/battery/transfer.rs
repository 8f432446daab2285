//! Bytes that come and go.

use bytes::Bytes;
use consign_blobs::{Error, Share};
use consign_types::Digest;
use consign_types::ticket::UploadTicket;

use crate::fixture::{EARLY, Fixture, begin, blobs, bytes, declared, grain, pattern, read, reading, ticket, upload};

pub(crate) async fn bytes_come_back_whatever_their_number_and_their_chunks(fixture: &impl Fixture) {
    let blobs = blobs(fixture).await;
    let sizes = [0, 1, 1000, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5_000_000, 17_000_000];
    for (size, number) in sizes.into_iter().zip(1..) {
        let content = pattern(size);
        let chunks: Vec<&[u8]> = content.chunks(70_001).collect();
        for (number, ticket) in [(number * 2, ticket(number * 2)), (number * 2 + 1, declared(number * 2 + 1, &content))] {
            let receipt = upload(&blobs, ticket, &chunks).await.unwrap();

            assert_eq!((receipt.digest, receipt.size), (Digest::of(&content), i64::try_from(size).unwrap()));
            assert_eq!((receipt.upload, receipt.project), (number, 1));
            assert!(receipt.expires > EARLY);
            assert!(read(&blobs, &receipt, 0, None).await.unwrap() == content, "{size}");
        }
    }
    assert_eq!(fixture.leftovers().await, Vec::<String>::new());
}

pub(crate) async fn an_upload_that_hurries_is_the_same(fixture: &impl Fixture) {
    let blobs = blobs(fixture).await;
    let content = pattern(21_000_003);
    let mut stream = begin(&blobs, ticket(1), 0, Share::Rest).await.unwrap();
    assert_eq!(stream.hurry_bytes(), None, "of an upload that has brought nothing");
    let mut offset = 0;
    for chunk in content.chunks(270_001) {
        stream.write(offset, bytes(chunk)).await.unwrap();
        offset += i64::try_from(chunk.len()).unwrap();
        if offset > 12_000_000 {
            stream.hurry();
        }
    }
    let is_free = grain(&blobs, &ticket(1)).await == 1;
    assert_eq!(stream.hurry_bytes().is_some(), is_free, "a store that has a grain gets blocks of it");
    let receipt = stream.finish().await.unwrap();

    assert_eq!((receipt.digest, receipt.size), (Digest::of(&content), offset));
    assert!(read(&blobs, &receipt, 0, None).await.unwrap() == content);
    assert_eq!(fixture.leftovers().await, Vec::<String>::new());
}

pub(crate) async fn a_range_is_read_alone(fixture: &impl Fixture) {
    let blobs = blobs(fixture).await;
    for (number, size) in [(1, 3_000_000), (2, 300_000)] {
        let content = pattern(size);
        let receipt = upload(&blobs, ticket(number), &[&content]).await.unwrap();
        let end = i64::try_from(size).unwrap();
        let ranges = [(0, Some(1)), (262_143, Some(2)), (262_144, None), (end - 1, None), (end, None), (5, Some(1 << 40)), (7, Some(0))];
        for (offset, limit) in ranges {
            let found = read(&blobs, &receipt, offset, limit).await.unwrap();
            let rest = &content[usize::try_from(offset).unwrap()..];
            let expected = limit.map_or(rest, |limit| &rest[..rest.len().min(usize::try_from(limit).unwrap())]);
            assert!(found == expected, "{offset} {limit:?}");
        }
        for offset in [-1, end + 1, i64::MAX] {
            assert!(matches!(read(&blobs, &receipt, offset, None).await, Err(Error::Range { size, .. }) if size == end));
        }
    }
}

pub(crate) async fn what_was_not_declared_is_refused_and_leaves_nothing(fixture: &impl Fixture) {
    let blobs = blobs(fixture).await;
    let result = upload(&blobs, declared(1, b"hello"), &[b"hullo"]).await;
    assert!(matches!(result, Err(Error::DigestMismatch { expected, .. }) if expected == Digest::of(b"hello")));
    assert!(matches!(upload(&blobs, declared(1, b"hello"), &[b"hell"]).await, Err(Error::SizeMismatch { expected: 5, actual: 4 })));
    let result = upload(&blobs, declared(1, b"hello"), &[b"hello", b"!"]).await;
    assert!(matches!(result, Err(Error::SizeMismatch { expected: 5, actual: 6 })));

    let large = pattern(9_000_001);
    let mut flipped = large.clone();
    flipped[8_500_000] ^= 1;
    assert!(matches!(upload(&blobs, declared(1, &large), &[&flipped]).await, Err(Error::DigestMismatch { .. })));
    let limited = UploadTicket { max_bytes: 9_000_000, ..ticket(1) };
    assert!(matches!(upload(&blobs, limited.clone(), &[&large]).await, Err(Error::TooLarge { limit: 9_000_000 })));
    assert_eq!(fixture.leftovers().await, Vec::<String>::new());
    assert_eq!(fixture.open().await.list(None, 10).await.unwrap(), []);
    assert!(upload(&blobs, limited, &[&large[..9_000_000]]).await.is_ok());
}

pub(crate) async fn bytes_that_come_twice_are_skipped_and_a_gap_is_refused(fixture: &impl Fixture) {
    let blobs = blobs(fixture).await;
    let mut upload = begin(&blobs, ticket(1), 0, Share::Rest).await.unwrap();
    upload.write(0, bytes(b"hel")).await.unwrap();
    upload.write(1, bytes(b"el")).await.unwrap();
    upload.write(2, bytes(b"ll")).await.unwrap();
    for offset in [5, -1, i64::MIN, i64::MAX] {
        assert!(matches!(upload.write(offset, bytes(b"!")).await, Err(Error::Offset { received: 4, .. })), "{offset}");
    }
    upload.write(4, bytes(b"o")).await.unwrap();
    assert_eq!(upload.finish().await.unwrap().digest, Digest::of(b"hello"));
}

pub(crate) async fn small_blobs_are_written_and_read_together_each_with_its_own_answer(fixture: &impl Fixture) {
    let blobs = blobs(fixture).await;
    let contents: Vec<Vec<u8>> = (0..40_usize).map(|number| pattern(number * 100)).collect();
    let items = (1..).zip(&contents).map(|(number, content)| {
        let content = Bytes::copy_from_slice(content);
        let wrong = declared(number, b"something else");
        (if number % 10 == 0 { wrong } else { declared(number, &content) }, content)
    });

    let receipts = blobs.write_batch(items.collect()).await;

    assert_eq!(receipts.len(), 40);
    let mut tickets = Vec::new();
    for (number, receipt) in (1..).zip(&receipts) {
        match receipt {
            Err(Error::SizeMismatch { .. }) => assert_eq!(number % 10, 0),
            Ok(receipt) => tickets.push((receipt.upload, reading(receipt))),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(tickets.len(), 36);
    assert_eq!(fixture.leftovers().await, Vec::<String>::new());
    let again = fixture.open().await;
    assert_eq!(again.list(None, 100).await.unwrap().len(), 36);
    fixture.damage(consign_types::CopyName { digest: tickets[5].1.digest, generation: tickets[5].1.generation }, None).await;
    let found = blobs.read_batch(tickets.iter().map(|(_, ticket)| ticket.clone()).collect()).await;
    for (number, ((upload, _), found)) in tickets.iter().zip(found).enumerate() {
        match found {
            Ok(bytes) => assert!(bytes == contents[usize::try_from(*upload).unwrap() - 1]),
            Err(Error::Missing(_)) => assert_eq!(number, 5),
            Err(error) => panic!("{error}"),
        }
    }
}
