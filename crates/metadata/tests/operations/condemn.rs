//! Copies are declared dead when nothing refers to them, and never under a publisher's hands.

use consign_metadata::{Error, Metadata, PublishVersion};
use consign_types::{CopyName, Digest, Timestamp};
use integration_tests::{BOTH, Database, rounds};

use crate::support::{NOW, config, opened, prepare, publish, receipt, request, rules, version};

fn copy(content: &str, generation: i64) -> CopyName {
    CopyName { digest: Digest::of(content.as_bytes()), generation }
}

/// Two days on, when no lease is left.
fn later() -> Timestamp {
    NOW.plus_seconds(2 * 24 * 60 * 60)
}

async fn opened_later(database: &Database) -> Metadata {
    Metadata::open(&config(database), rules(), later).await.unwrap()
}

#[tokio::test]
async fn what_a_file_has_lives_and_what_none_has_dies() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        publish(&metadata, &[("a", receipt("kept", 1))]).await.unwrap();
        let stored = vec![copy("kept", 1), copy("kept", 2), copy("never published", 3)];

        let mut dead = metadata.condemn(stored.clone()).await.unwrap();

        dead.sort_unstable();
        let mut expected = stored[1..].to_vec();
        expected.sort_unstable();
        assert_eq!(dead, expected, "{engine:?}: another copy of the same bytes is as dead as one that nobody knows");
        assert_eq!(metadata.list_kept(stored.clone()).await.unwrap(), stored[..1]);
        assert_eq!(metadata.list_copies(None, 10).await.unwrap(), [(stored[0], 4)]);
        assert_eq!(database.count("blobs"), 1, "{engine:?}: nothing is left of what was held");

        let refused = publish(&metadata, &[("b", receipt("never published", 3))]).await;
        assert!(matches!(refused, Err(Error::BlobExpired { .. })), "{engine:?}");
        publish(&metadata, &[("b", receipt("never published", 4))]).await.unwrap();
        publish(&metadata, &[("c", receipt("kept", 2))]).await.unwrap();
        assert_eq!(metadata.list_kept(stored.clone()).await.unwrap(), stored[..1], "{engine:?}: files refer to the copy that is kept");
    }
}

#[tokio::test]
async fn what_somebody_is_about_to_publish_lives_as_long_as_the_lease() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        prepare(&metadata, "wanted").await;

        assert_eq!(metadata.condemn(vec![copy("wanted", 1)]).await.unwrap(), []);

        let metadata = opened_later(&database).await;
        assert_eq!(metadata.condemn(vec![copy("wanted", 1)]).await.unwrap(), [copy("wanted", 1)]);
    }
}

#[tokio::test]
async fn bytes_that_lost_their_last_file_die_after_the_grace_unless_they_are_wanted_again() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        publish(&metadata, &[("a", receipt("gone", 1)), ("b", receipt("back", 2)), ("c", receipt("leased", 3))]).await.unwrap();
        database.execute("update files set deleted_at = created_at, purge_at = created_at");
        let after_purge = Metadata::open(&config(&database), rules(), || NOW.plus_seconds(3600)).await.unwrap();
        while after_purge.purge().await.unwrap() {}
        assert_eq!(after_purge.condemn_loose(3600, 10).await.unwrap(), (vec![], false), "{engine:?}: the grace is not over");
        publish(&metadata, &[("b", receipt("back", 2))]).await.unwrap();
        let half_a_day = Metadata::open(&config(&database), rules(), || NOW.plus_seconds(12 * 3600)).await.unwrap();
        prepare(&half_a_day, "leased").await;

        assert_eq!(half_a_day.condemn_loose(3600, 10).await.unwrap(), (vec![copy("gone", 1)], false), "{engine:?}");
        assert_eq!(half_a_day.condemn_loose(3600, 10).await.unwrap(), (vec![], false), "{engine:?}");

        let metadata = opened_later(&database).await;
        assert_eq!(metadata.condemn_loose(3600, 10).await.unwrap(), (vec![copy("leased", 3)], false), "{engine:?}: it was put off");
        assert_eq!(database.count("loose_blobs"), 0);
        assert_eq!(metadata.list_copies(None, 10).await.unwrap(), [(copy("back", 2), 4)]);
    }
}

/// Publishes bytes into a version of their own, and counts: 0 where they are on their way out.
async fn publish_one(metadata: Metadata, content: String, generation: i64) -> usize {
    let wanted = PublishVersion { version: version(&content.replace(' ', "-")), ..request(&[("f", receipt(&content, generation))]) };
    match metadata.publish_version(wanted).await {
        Ok(_) => 1,
        Err(Error::BlobExpired { .. }) => 0,
        Err(error) => panic!("{error:?}"),
    }
}

async fn condemn_all(metadata: Metadata, copies: Vec<CopyName>) -> usize {
    metadata.condemn(copies).await.unwrap().len()
}

#[tokio::test]
async fn no_file_refers_to_a_dead_copy_whoever_is_faster() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        let (mut published, mut dead) = (0, 0);
        for round in 0..rounds() * 10 {
            let contents: Vec<String> = (0..8).map(|number| format!("{round} {number}")).collect();
            let copies: Vec<CopyName> = contents.iter().zip(1..).map(|(content, generation)| copy(content, generation)).collect();
            let publishers = contents.into_iter().zip(1..);
            let publishers: Vec<_> =
                publishers.map(|(content, generation)| tokio::spawn(publish_one(metadata.clone(), content, generation))).collect();
            let collector = tokio::spawn(condemn_all(metadata.clone(), copies));
            for publisher in publishers {
                published += publisher.await.unwrap();
            }
            dead += collector.await.unwrap();
        }
        let referred =
            "files f join blobs b on b.digest = f.digest join tombstones t on t.digest = b.digest and t.generation = b.generation";
        assert_eq!(database.count(referred), 0, "{engine:?}");
        assert_eq!(database.count("blobs where generation < 0"), 0, "{engine:?}");
        assert_eq!(published + dead, rounds() * 80, "{engine:?}: each copy is published or dead");
    }
}
