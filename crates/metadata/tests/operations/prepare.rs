//! Preparing uploads, and the stored copies behind them.

use std::collections::HashSet;

use consign_metadata::{DeleteFile, Error, Force, Metadata, Page, PrepareDownloads, PrepareUploads, UploadFile, UploadPlan, Wanted};
use consign_types::resource::FileRef;
use consign_types::ticket::{UNRESERVED_BYTES, UploadTicket};
use consign_types::{CopyName, Digest};
use futures::future::join_all;
use integration_tests::{BOTH, Database};

use crate::support::{NOW, config, opened, prepare, prepare_small, principal, publish, receipt, rules, version};

#[tokio::test]
async fn bytes_that_came_twice_are_referred_to_once_and_the_older_copy_is_dead() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        publish(&metadata, &[("a", receipt("one", 1))]).await.unwrap();
        publish(&metadata, &[("b", receipt("one", 9))]).await.unwrap();

        let files = Wanted::All(Page::first(10));
        let plans = metadata
            .prepare_downloads(PrepareDownloads { version: version("1.0"), files, as_directory: false, is_counted: true })
            .await
            .unwrap()
            .items;
        assert_eq!(plans.iter().map(|plan| plan.ticket.generation).collect::<Vec<_>>(), [9, 9]);
        assert_eq!(database.count("tombstones"), 1);
        let UploadPlan::Present(receipt) = prepare(&metadata, "one").await else { panic!("the project has these bytes") };
        assert_eq!(receipt.generation, 9);
    }
}

#[tokio::test]
async fn a_copy_that_is_being_removed_is_not_published_and_a_newer_one_is() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        publish(&metadata, &[("a", receipt("one", 1))]).await.unwrap();
        publish(&metadata, &[("b", receipt("one", 5))]).await.unwrap();
        database.execute("delete from files");
        let copy = CopyName { digest: Digest::of(b"one"), generation: 5 };
        assert_eq!(metadata.condemn(vec![copy]).await.unwrap(), [copy], "files referred to the younger copy at last");

        let result = publish(&metadata, &[("c", receipt("one", 5))]).await;
        assert!(matches!(result, Err(Error::BlobExpired { .. })), "{result:?}");
        let min_generation = async || match prepare(&metadata, "one").await {
            UploadPlan::Send(UploadTicket { min_generation, .. }) => min_generation,
            UploadPlan::Present(receipt) => panic!("{receipt:?}"),
        };
        assert_eq!(min_generation().await, 6, "the dead copy is not to be used again");
        publish(&metadata, &[("c", receipt("one", 6))]).await.unwrap();
        database.execute("delete from files");
        assert_eq!(min_generation().await, 0, "beside a living copy, dead ones do not matter");
    }
}

#[tokio::test]
async fn a_repeated_prepare_gives_the_same_uploads() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        let file = UploadFile { path: "a".parse().unwrap(), digest: None, size: Some(3), always_send: false };
        let request_id = Some("0b9d7f0e-6d3b-4b0a-9d5e-1f2a3b4c5d6e".parse().unwrap());
        let wanted = PrepareUploads { principal: principal(), version: version("1.0"), files: vec![file], request_id, known_only: false };
        let upload = async || match metadata.prepare_uploads(wanted.clone()).await.unwrap().remove(0) {
            UploadPlan::Send(ticket) => ticket.upload,
            UploadPlan::Present(receipt) => panic!("{receipt:?}"),
        };
        assert_eq!(upload().await, upload().await);
        assert_eq!(database.count("leases"), 1);
    }
}

#[tokio::test]
async fn a_copy_that_came_in_vain_is_dead_even_where_the_publish_was_a_retry() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        publish(&metadata, &[("a", receipt("one", 1))]).await.unwrap();
        let again = publish(&metadata, &[("a", receipt("one", 2))]).await.unwrap();
        assert!(again.replayed);
        assert_eq!(database.count("tombstones"), 1);

        let twice = publish(&metadata, &[("b", receipt("two", 3)), ("c", receipt("two", 4))]).await.unwrap();
        assert_eq!(twice.files.len(), 2);
        assert_eq!(database.count("tombstones"), 2);
    }
}

#[tokio::test]
async fn a_version_is_judged_anew_as_a_directory_when_it_has_changed() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        let fetch = async || {
            let files = Wanted::All(Page::first(1));
            let wanted = PrepareDownloads { version: version("1.0"), files, as_directory: true, is_counted: false };
            metadata.prepare_downloads(wanted).await.map(|plans| plans.items.len())
        };
        publish(&metadata, &[("a", receipt("one", 1)), ("a.b/c", receipt("two", 2))]).await.unwrap();
        for _ in 0..2 {
            assert_eq!(fetch().await.unwrap(), 1, "{engine:?}");
        }
        publish(&metadata, &[("a/b", receipt("three", 3))]).await.unwrap();
        for _ in 0..2 {
            let refused = fetch().await;
            assert!(
                matches!(&refused, Err(Error::PathsClash { file, below }) if (file.as_str(), below.as_str()) == ("a", "a/b")),
                "{engine:?} {refused:?}"
            );
        }
        let name = FileRef { version: version("1.0"), path: "a".parse().unwrap() };
        let gone = DeleteFile {
            principal: principal(),
            name,
            revision: None,
            etag: None,
            force: Force::No,
            request_id: None,
            validate_only: false,
        };
        metadata.delete_file(gone).await.unwrap();
        assert_eq!(fetch().await.unwrap(), 1, "{engine:?}");
    }
}

#[tokio::test]
async fn small_files_take_no_lease_and_have_numbers_of_their_own_all_the_same() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        let upload = async |size: i64, request_id: Option<&str>| {
            let file = UploadFile { path: "a".parse().unwrap(), digest: None, size: Some(size), always_send: true };
            let request_id = request_id.map(|id| id.parse().unwrap());
            let wanted =
                PrepareUploads { principal: principal(), version: version("1.0"), files: vec![file], request_id, known_only: false };
            match metadata.prepare_uploads(wanted).await.map(|mut plans| plans.remove(0)) {
                Ok(UploadPlan::Send(ticket)) => Ok((ticket.upload, ticket.size, ticket.max_bytes)),
                Ok(UploadPlan::Present(receipt)) => panic!("{receipt:?}"),
                Err(error) => Err(error),
            }
        };
        let mut numbers = HashSet::new();
        for size in [1, UNRESERVED_BYTES] {
            let (number, told, most) = upload(size, None).await.unwrap();
            assert_eq!((told, most), (Some(size), size));
            numbers.insert(number);
        }
        let others = Metadata::open(&config(&database), rules(), || NOW).await.unwrap();
        let takers = [&metadata, &others].into_iter().cycle().take(200).map(prepare_small);
        numbers.extend(join_all(takers).await);
        assert_eq!(numbers.len(), 202, "{engine:?}: a number was given out twice");
        assert_eq!((database.count("leases"), database.count("idempotency_records")), (0, 0));

        let id = "0b9d7f0e-6d3b-4b0a-9d5e-1f2a3b4c5d6e";
        for (size, request_id, leases) in [(UNRESERVED_BYTES + 1, None, 1), (1, Some(id), 2)] {
            assert!(numbers.insert(upload(size, request_id).await.unwrap().0), "{engine:?}");
            assert_eq!(database.count("leases"), leases);
        }
        let many = |size: i64, count: usize| {
            let file = |at| UploadFile { path: format!("{at}").parse().unwrap(), digest: None, size: Some(size), always_send: true };
            let files = (0..count).map(file).collect();
            metadata.prepare_uploads(PrepareUploads {
                principal: principal(),
                version: version("1.0"),
                files,
                request_id: None,
                known_only: false,
            })
        };
        many(1, 16).await.unwrap();
        assert_eq!(database.count("leases"), 2, "{engine:?}: so many are few");
        many(1, 17).await.unwrap();
        assert_eq!(database.count("leases"), 19, "{engine:?}: so many are not");

        database.execute("update counters set logical_bytes = 4611686018427387904 - reserved_bytes - 10 where project_id = 1");
        let refused = upload(11, None).await;
        assert!(matches!(refused, Err(Error::QuotaExceeded { wanted: 11, .. })), "{engine:?}: {refused:?}");
        assert_eq!(database.count("leases"), 19, "{engine:?}: what was refused left nothing");
    }
}
