//! Publishing, alone and in races.

use consign_metadata::{BytesOf, Error, Metadata, PublishMode, PublishVersion};
use consign_types::ContentDigest;
use consign_types::receipt::Receipt;
use consign_types::version::VersionState;
use integration_tests::{BOTH, Database};

use crate::races::duplicates;
use crate::support::{NOW, config, opened, opened_with, publish, receipt, request, rules, version};

#[tokio::test]
async fn of_many_publishers_of_one_path_one_wins_where_duplicates_are_rejected() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened_with(&database, duplicates(false, ""), || NOW).await;
        let publishers = (0..16).map(|n| {
            let metadata = metadata.clone();
            tokio::spawn(async move { publish(&metadata, &[("a", receipt(&format!("content {n}"), n + 1))]).await })
        });
        let (mut won, mut refused) = (0, 0);
        for publisher in publishers.collect::<Vec<_>>() {
            match publisher.await.unwrap() {
                Ok(_) => won += 1,
                Err(Error::DuplicateFile { .. }) => refused += 1,
                Err(error) => panic!("{engine:?}: {error:?}"),
            }
        }
        assert_eq!((won, refused), (1, 15), "{engine:?}");
        assert_eq!(database.count("files"), 1);
    }
}

#[tokio::test]
async fn publishers_of_crossing_sets_wait_for_each_other_and_all_arrive() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        let publishers = (0..16).map(|n| {
            let metadata = metadata.clone();
            tokio::spawn(async move {
                let mut files = vec![("a", receipt("one", 1)), ("b", receipt("two", 2)), ("c", receipt("three", 3))];
                files.rotate_left(n % 3);
                let version = version(&format!("1.{}", n % 4));
                metadata.publish_version(PublishVersion { version, ..request(&files) }).await
            })
        });
        for publisher in publishers.collect::<Vec<_>>() {
            publisher.await.unwrap().unwrap();
        }
    }
}

#[tokio::test]
async fn a_failed_publish_leaves_no_version_behind() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        let foreign = Receipt { project: 2, ..receipt("two", 2) };

        let result = publish(&metadata, &[("a", receipt("one", 1)), ("b", foreign)]).await;

        assert!(matches!(result, Err(Error::ReceiptInvalid(BytesOf::File(path))) if path.as_str() == "b"));
        assert!(matches!(metadata.find_version(version("1.0")).await, Err(Error::VersionNotFound(_))));
    }
}

#[tokio::test]
async fn ten_thousand_files_are_published_at_once_and_one_more_is_too_many() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        let paths: Vec<String> = (0..10_001).map(|n| format!("folder/{n}")).collect();
        let files: Vec<(&str, Receipt)> = paths.iter().zip(1..).map(|(path, n)| (path.as_str(), receipt(path, n))).collect();

        let result = publish(&metadata, &files).await;
        assert!(matches!(result, Err(Error::ArgumentInvalid { field: "files", .. })), "{result:?}");
        let published = metadata.publish_version(PublishVersion { mode: PublishMode::Seal, ..request(&files[..10_000]) }).await.unwrap();
        assert_eq!((published.version.file_count, published.version.state), (10_000, VersionState::Published));
        let again = metadata.publish_version(PublishVersion { mode: PublishMode::Seal, ..request(&files[..10_000]) }).await.unwrap();
        assert!(again.replayed);
    }
}

#[tokio::test]
async fn the_retry_of_a_seal_is_known_though_the_version_has_more_files() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        publish(&metadata, &[("a", receipt("one", 1))]).await.unwrap();
        let seal = PublishVersion { mode: PublishMode::Seal, ..request(&[("b", receipt("two", 2))]) };
        let sealed = metadata.publish_version(seal.clone()).await.unwrap();

        let again = metadata.publish_version(seal.clone()).await.unwrap();
        assert!(again.replayed);
        assert_eq!(again.version.content_digest, sealed.version.content_digest);
        let other = PublishVersion { mode: PublishMode::Seal, ..request(&[("a", receipt("one", 1))]) };
        assert!(matches!(metadata.publish_version(other).await, Err(Error::VersionContentMismatch { .. })));
        let wrong = PublishVersion { expected_content: Some(ContentDigest::of([])), ..seal.clone() };
        assert!(matches!(metadata.publish_version(wrong).await, Err(Error::ContentUnexpected { .. })));

        let hide = PublishVersion { hidden: Some(true), ..seal };
        assert!(metadata.publish_version(hide).await.unwrap().version.hidden, "hiding has nothing to do with sealing");
        assert!(metadata.find_version(version("1.0")).await.unwrap().hidden);
    }
}

#[tokio::test]
async fn a_request_that_was_done_is_answered_though_its_receipts_are_old_and_a_new_one_is_not() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        let request_id = Some("0b9d7f0e-6d3b-4b0a-9d5e-1f2a3b4c5d6e".parse().unwrap());
        let done = PublishVersion { request_id, ..request(&[("a", receipt("one", 1))]) };
        metadata.publish_version(done.clone()).await.unwrap();

        let later = Metadata::open(&config(&database), rules(), || NOW.plus_seconds(1)).await.unwrap();
        assert!(later.publish_version(done.clone()).await.unwrap().replayed);
        let new = PublishVersion { request_id: None, ..done };
        assert!(matches!(later.publish_version(new).await, Err(Error::BlobExpired { .. })));
    }
}
