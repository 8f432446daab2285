//! Changes that share a transaction: each is answered as if it had been alone.

use std::collections::HashSet;

use consign_metadata::{Error, Metadata, PublishVersion, Published};
use consign_types::resource::{ProjectRef, VersionRef};
use consign_types::settings::{DuplicateSetting, InForce};
use futures::future::join_all;
use integration_tests::{BOTH, Database};

use crate::support::{NOW, defaults, opened, opened_with, prepare_small_at, publish, receipt, request, version};

const PUBLISHERS: i64 = 100;

/// Publishes so many files at once, and answers which of them were taken.
async fn publish_all(metadata: &Metadata, path: impl Fn(i64) -> String) -> Vec<Result<i64, Error>> {
    let publish = |number: i64| {
        let (metadata, path) = (metadata.clone(), path(number));
        tokio::spawn(async move {
            let published = publish(&metadata, &[(&path, receipt(&format!("content {number}"), number))]).await?;
            Ok(published.files[0].id)
        })
    };
    join_all((1..=PUBLISHERS).map(publish)).await.into_iter().map(Result::unwrap).collect()
}

#[tokio::test]
async fn many_who_publish_at_once_are_all_answered() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;

        let published = publish_all(&metadata, |number| format!("file-{number}")).await;

        let ids: HashSet<i64> = published.into_iter().map(Result::unwrap).collect();
        assert_eq!(ids.len(), 100, "{engine:?}");
        assert_eq!(metadata.find_version(version("1.0")).await.unwrap().row.file_count, PUBLISHERS, "{engine:?}");
        assert_eq!(metadata.recount().await.unwrap(), [], "{engine:?}");
    }
}

#[tokio::test]
async fn many_who_prepare_at_once_are_each_judged_by_what_they_bring() {
    let rejected = DuplicateSetting { allowed: false, exception: String::new(), reject_identical: true };
    for engine in BOTH {
        let database = Database::create(engine);
        let rules = consign_metadata::Rules::new(InForce { duplicate_policy: rejected.clone(), ..defaults() }, 0);
        let metadata = opened_with(&database, rules, || NOW).await;
        publish(&metadata, &[("file-7", receipt("one", 1))]).await.unwrap();

        let prepare = async |number: i64| {
            let nowhere = VersionRef { project: ProjectRef::Id(99), ..version("1.0") };
            // Three of four ask about the same version.
            let at = [version("1.0"), version("1.0"), version("2.0"), nowhere][usize::try_from(number % 4).unwrap()].clone();
            let path = format!("file-{}", number / 4);
            (number, prepare_small_at(&metadata, at, &path).await)
        };
        let mut uploads = HashSet::new();
        for (number, prepared) in join_all((0..PUBLISHERS).map(prepare)).await {
            match (number % 4, number / 4, prepared) {
                (0 | 1, 7, prepared) => assert!(matches!(prepared, Err(Error::DuplicateFile { .. })), "{engine:?} {prepared:?}"),
                (3, _, prepared) => assert!(matches!(prepared, Err(Error::ProjectNotFound(_))), "{engine:?} {prepared:?}"),
                (_, _, prepared) => assert!(uploads.insert(prepared.unwrap()), "{engine:?}: each has a number of its own"),
            }
        }
        assert_eq!(uploads.len(), 73, "{engine:?}");

        publish(&metadata, &[("file-8", receipt("two", 2))]).await.unwrap();
        let late = prepare_small_at(&metadata, version("1.0"), "file-8").await;
        assert!(matches!(late, Err(Error::DuplicateFile { .. })), "{engine:?}: nothing is remembered {late:?}");
    }
}

#[tokio::test]
async fn whoever_is_refused_takes_nothing_from_the_others() {
    let rejected = DuplicateSetting { allowed: false, exception: String::new(), reject_identical: false };
    for engine in BOTH {
        let database = Database::create(engine);
        let rules = consign_metadata::Rules::new(InForce { duplicate_policy: rejected.clone(), ..defaults() }, 0);
        let metadata = opened_with(&database, rules, || NOW).await;

        // Four want each path, with other bytes each.
        let published = publish_all(&metadata, |number| format!("file-{}", number / 4)).await;

        let (taken, refused): (Vec<_>, Vec<_>) = published.into_iter().partition(Result::is_ok);
        assert_eq!(taken.len(), 26, "{engine:?}: one of each path");
        assert!(refused.iter().all(|refused| matches!(refused, Err(Error::DuplicateFile { .. }))), "{engine:?}");
        assert_eq!(metadata.find_version(version("1.0")).await.unwrap().row.file_count, 26, "{engine:?}");
        assert_eq!(metadata.recount().await.unwrap(), [], "{engine:?}");
    }
}

#[tokio::test]
async fn a_request_that_comes_again_at_once_is_answered_as_it_was() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        let publish = |number: i64| {
            let request_id = Some(format!("0b9d7f0e-6d3b-4b0a-9d5e-1f2a3b4c{:04}", number / 4).parse().unwrap());
            let files = [(&*format!("file-{}", number / 4), receipt(&format!("content {}", number / 4), number / 4 + 1))];
            let (metadata, request) = (metadata.clone(), PublishVersion { request_id, ..request(&files) });
            tokio::spawn(async move { metadata.publish_version(request).await })
        };

        let published = join_all((0..PUBLISHERS).map(publish)).await.into_iter().map(|published| published.unwrap().unwrap());
        let (again, new): (Vec<_>, Vec<_>) = published.partition(|published| published.replayed);

        let ids: HashSet<i64> = new.iter().map(|new| new.files[0].id).collect();
        assert_eq!((new.len(), ids.len()), (25, 25), "{engine:?}");
        assert!(again.iter().all(|again| ids.contains(&again.files[0].id)), "{engine:?}");
        assert_eq!(metadata.recount().await.unwrap(), [], "{engine:?}");
    }
}

async fn publish_one(metadata: Metadata, path: String) -> Result<Published, Error> {
    publish(&metadata, &[(&path, receipt("content", 1))]).await
}

#[tokio::test]
async fn whoever_goes_away_keeps_nobody_waiting() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        for round in 0..20 {
            let publish = |number| tokio::spawn(publish_one(metadata.clone(), format!("{round}-{number}")));
            let tasks: Vec<_> = (0..12).map(publish).collect();
            tokio::task::yield_now().await;
            tasks.iter().step_by(2).for_each(tokio::task::JoinHandle::abort);

            for (number, task) in tasks.into_iter().enumerate() {
                let published = task.await;
                assert!(number % 2 == 0 || published.unwrap().is_ok(), "{engine:?}");
            }
        }
        assert_eq!(metadata.recount().await.unwrap(), [], "{engine:?}");
    }
}
