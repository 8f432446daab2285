//! Parts of one file, on several streams.

use consign_blobs::{Error, Share};
use consign_types::Digest;

use crate::fixture::{Fixture, begin, blobs, bytes, declared, grain, part, pattern, read, ticket};

pub(crate) async fn parts_come_in_any_order_on_several_streams(fixture: &impl Fixture) {
    let blobs = blobs(fixture).await;
    let content = pattern(45_000_000);
    let ticket = declared(1, &content);
    let step = grain(&blobs, &ticket).await.max(3 << 20);
    let starts: Vec<usize> = (0..content.len()).step_by(step).collect();
    let order = starts.iter().rev().step_by(2).chain(starts.iter().rev().skip(1).step_by(2));
    let streams: Vec<_> = order
        .map(|&start| {
            let (blobs, ticket, content) = (blobs.clone(), ticket.clone(), content.clone());
            tokio::spawn(async move { part(&blobs, &ticket, &content, start, step.min(content.len() - start)).await })
        })
        .collect();
    for stream in streams {
        stream.await.unwrap().unwrap();
    }
    let state = blobs.query_upload(&ticket).await.unwrap();
    assert_eq!((state.committed, state.ahead), (45_000_000, vec![]));

    let last = begin(&blobs, ticket.clone(), 45_000_000, Share::Rest).await.unwrap();
    let receipt = last.finish().await.unwrap();

    assert_eq!(receipt.digest, Digest::of(&content));
    assert!(read(&blobs, &receipt, 0, None).await.unwrap() == content);
    assert_eq!(fixture.leftovers().await, Vec::<String>::new());
}

pub(crate) async fn parts_that_came_are_there_in_another_process(fixture: &impl Fixture) {
    let content = pattern(33 << 20);
    let ticket = declared(1, &content);
    let first = blobs(fixture).await;
    let step = grain(&first, &ticket).await.max(8 << 20);
    assert_eq!(part(&first, &ticket, &content, 2 * step, step).await.unwrap(), 0);
    assert_eq!(part(&first, &ticket, &content, 0, step).await.unwrap(), i64::try_from(step).unwrap());
    let tail = content.len() / step * step;
    part(&first, &ticket, &content, tail, content.len() - tail).await.unwrap();

    let other = blobs(fixture).await;
    let state = other.query_upload(&ticket).await.unwrap();
    let range = |start: usize, end: usize| i64::try_from(start).unwrap()..i64::try_from(end).unwrap();
    assert_eq!(state.committed, i64::try_from(step).unwrap());
    assert_eq!(state.ahead, [range(2 * step, 3 * step), range(tail, content.len())]);
    for start in (step..tail).step_by(step).filter(|start| *start != 2 * step) {
        part(&other, &ticket, &content, start, step).await.unwrap();
    }
    let receipt = begin(&other, ticket.clone(), i64::try_from(content.len()).unwrap(), Share::Rest).await.unwrap().finish().await.unwrap();
    assert!(read(&other, &receipt, 0, None).await.unwrap() == content);
    assert_eq!(fixture.leftovers().await, Vec::<String>::new());
}

pub(crate) async fn a_part_that_comes_again_supersedes_the_one_before(fixture: &impl Fixture) {
    let (blobs, content) = (blobs(fixture).await, pattern(32 << 20));
    let ticket = declared(1, &content);
    let step = grain(&blobs, &ticket).await.max(8 << 20);
    let size = i64::try_from(step).unwrap();
    let open = async |offset: i64| begin(&blobs, ticket.clone(), offset, Share::Part { offset, size }).await.unwrap();
    let mut beside = open(0).await;
    let mut old = open(size).await;
    old.write(size, bytes(&content[step..step + 100])).await.unwrap();

    part(&blobs, &ticket, &content, step, step).await.unwrap();

    let rest = async {
        old.write(size + 100, bytes(&content[step + 100..2 * step])).await?;
        old.pause().await
    };
    assert!(matches!(rest.await, Err(Error::Superseded)));
    beside.write(0, bytes(&content[..step])).await.unwrap();
    beside.pause().await.unwrap();
    assert_eq!(blobs.query_upload(&ticket).await.unwrap().committed, 2 * size);
}

pub(crate) async fn a_part_must_lie_within_an_upload_and_be_aligned(fixture: &impl Fixture) {
    let (blobs, content) = (blobs(fixture).await, pattern(20 << 20));
    let end = i64::try_from(content.len()).unwrap();
    for (offset, size) in [(-1, 5), (0, 0), (0, -1), (0, end + 1), (end, 1), (i64::MAX, 1), (1, i64::MAX)] {
        let refused = blobs.upload(declared(1, &content), offset.max(0), Share::Part { offset, size }).await;
        assert!(matches!(refused, Err(Error::Part { .. })), "{offset} {size}");
    }
    let grain = i64::try_from(grain(&blobs, &declared(1, &content)).await).unwrap();
    if grain > 1 {
        for (offset, size) in [(1, grain), (0, grain + 1), (grain, 1)] {
            let refused = blobs.upload(declared(1, &content), offset, Share::Part { offset, size }).await;
            assert!(matches!(refused, Err(Error::Alignment { .. })), "{offset} {size}");
        }
        assert!(blobs.upload(declared(1, &content), 0, Share::Part { offset: 0, size: end }).await.is_ok());
    }
    let mut stream = begin(&blobs, ticket(2), 0, Share::Part { offset: 0, size: grain }).await.unwrap();
    let more = vec![7; usize::try_from(grain + 1).unwrap()];
    assert!(matches!(stream.write(0, bytes(&more)).await, Err(Error::Part { .. })));
}

pub(crate) async fn an_upload_with_a_gap_is_not_finished_and_goes_on(fixture: &impl Fixture) {
    let (blobs, content) = (blobs(fixture).await, pattern(24 << 20));
    let ticket = declared(1, &content);
    let step = grain(&blobs, &ticket).await.max(8 << 20);
    part(&blobs, &ticket, &content, 0, step).await.unwrap();
    part(&blobs, &ticket, &content, 2 * step, step).await.unwrap();
    let first = i64::try_from(step).unwrap();

    let early = begin(&blobs, ticket.clone(), first, Share::Rest).await.unwrap().finish().await;
    assert!(matches!(early, Err(Error::Gap { committed }) if committed == first), "{early:?}");

    part(&blobs, &ticket, &content, step, step).await.unwrap();
    let receipt = begin(&blobs, ticket.clone(), 3 * first, Share::Rest).await.unwrap().finish().await.unwrap();
    assert_eq!(receipt.digest, Digest::of(&content));
}
