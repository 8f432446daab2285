//! Quotas, and what a project, a namespace and the instance hold.

use consign_proto::metadata::{
    CancelUploadsRequest, CreateProjectRequest, DeleteFileRequest, DeletePackageRequest, DeleteVersionRequest, GetUsageRequest,
    PackageUsage, PrepareUploadsRequest, PublishVersionRequest, Settings, UndeleteVersionRequest, UpdateSettingsRequest, Usage,
};
use consign_proto::status::told;
use consign_types::Reason;
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::publishing::{PACKAGE, brought, message, prepare, publish, publish_request, refused, ticket, upload_file, write};
use integration_tests::rest::{Rest, file};
use integration_tests::{BOTH, Builder};
use tonic::{Code, Status};

const EXCEEDED: (Code, Option<Reason>) = (Code::ResourceExhausted, Some(Reason::QuotaExceeded));

async fn set_quota(grpc: &Grpc, name: &str, quota: i64) {
    let settings = Settings { name: name.to_owned(), quota_bytes: Some(quota), ..Settings::default() };
    let request = UpdateSettingsRequest { settings: Some(settings), ..UpdateSettingsRequest::default() };
    grpc.projects().update_settings(authorized(request)).await.unwrap();
}

async fn usage(grpc: &Grpc, name: &str) -> Usage {
    let request = GetUsageRequest { name: name.to_owned(), top_count: 0 };
    grpc.projects().get_usage(authorized(request)).await.unwrap().into_inner().usage.unwrap()
}

/// Logical, stored and reserved bytes, and the number of file rows.
async fn sums(grpc: &Grpc, name: &str) -> [i64; 4] {
    let usage = usage(grpc, name).await;
    [usage.logical_bytes, usage.stored_bytes, usage.reserved_bytes, usage.file_count]
}

async fn publish_open(grpc: &Grpc, package: &str, path: &str, content: &'static [u8]) {
    let set = brought(grpc, package, "1.0.0", &[(path, content)]).await;
    publish(grpc, PublishVersionRequest { keep_open: true, ..set }).await.unwrap();
}

/// What a refusal says of the quota.
fn facts(status: &Status) -> [i64; 4] {
    let details = told(status).details;
    ["limit", "used", "reserved", "wanted"].map(|key| details[key].parse().unwrap())
}

#[tokio::test]
async fn a_quota_is_kept_before_and_at_the_publish() {
    for engine in BOTH {
        let (service, grpc) = Builder::on(engine).demo_grpc().await;
        publish_open(&grpc, PACKAGE, "a", b"four").await;
        let late = brought(&grpc, PACKAGE, "1.0.0", &[("b", b"seven77")]).await;
        assert_eq!(sums(&grpc, "projects/1").await, [4, 4, 7, 1], "what is under way is reserved");
        set_quota(&grpc, "projects/1", 10).await;

        let status = prepare(&grpc, "1.0.0", vec![upload_file("c", b"hello")]).await.unwrap_err();
        assert_eq!(facts(&status), [10, 4, 7, 5]);
        assert_eq!(refused::<()>(Err(status)), EXCEEDED);
        let status = publish(&grpc, PublishVersionRequest { keep_open: true, ..late.clone() }).await.unwrap_err();
        assert_eq!(facts(&status), [10, 4, 0, 7], "its own reservation does not stand in the way");
        assert_eq!(refused::<()>(Err(status)), EXCEEDED);
        assert_eq!(sums(&grpc, "projects/1").await, [4, 4, 7, 1]);
        let answer = Rest::to(service.http()).put(&file("tool", "1.0.0", "f"), "hello").await;
        assert!((400..500).contains(&answer.status), "{}", answer.status);

        set_quota(&grpc, "projects/1", 11).await;
        publish(&grpc, PublishVersionRequest { keep_open: true, ..late }).await.expect("it just fits");
        let after = usage(&grpc, "projects/1").await;
        assert_eq!((after.logical_bytes, after.reserved_bytes, after.quota_bytes), (11, 0, Some(11)));
        assert_eq!(refused(prepare(&grpc, "1.0.0", vec![upload_file("c", b"1")]).await), EXCEEDED);
        prepare(&grpc, "1.0.0", vec![upload_file("c", b"")]).await.expect("nothing is more than nothing");
        let again = prepare(&grpc, "1.0.0", vec![upload_file("a", b"four")]).await;
        assert_eq!(refused(again), EXCEEDED, "bytes that are there count once more");
    }
}

#[tokio::test]
async fn a_quota_of_nothing_lets_nothing_in_and_a_set_is_judged_whole() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        set_quota(&grpc, "namespaces/root", 0).await;
        assert_eq!(refused(prepare(&grpc, "1.0.0", vec![upload_file("a", b"1")]).await), EXCEEDED);
        set_quota(&grpc, "projects/1", 5).await;
        let set = vec![upload_file("a", b"one"), upload_file("b", b"two")];
        assert_eq!(refused(prepare(&grpc, "1.0.0", set).await), EXCEEDED);
        assert_eq!(sums(&grpc, "projects/1").await, [0; 4], "what is refused reserves nothing");
        let unknown = consign_proto::metadata::UploadFile { size_bytes: None, sha256: bytes::Bytes::new(), ..upload_file("a", b"") };
        let ticket = ticket(prepare(&grpc, "1.0.0", vec![unknown]).await.unwrap().remove(0));
        assert_eq!(ticket.max_bytes, 5, "no more may come than there is room for");
        let over = write(&grpc, vec![message(&ticket, 0, b"sixsix", true)]).await;
        assert_eq!(refused(over), (Code::ResourceExhausted, Some(Reason::FileTooLarge)));
    }
}

#[tokio::test]
async fn repeated_prepares_reserve_once_by_request_id() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        set_quota(&grpc, "projects/1", 5).await;
        let request = PrepareUploadsRequest {
            parent: format!("{PACKAGE}/versions/1.0.0"),
            files: vec![upload_file("a", b"hello")],
            request_id: "0b9d7f0e-6d3b-4b0a-9d5e-1f2a3b4c5d6e".to_owned(),
            known_only: false,
        };
        let known = PrepareUploadsRequest { known_only: true, ..request.clone() };
        let unknown = grpc.files().prepare_uploads(authorized(known.clone())).await;
        assert_eq!(refused(unknown), (Code::NotFound, Some(Reason::UploadNotFound)));
        let first = grpc.files().prepare_uploads(authorized(request.clone())).await.unwrap().into_inner();
        let found = grpc.files().prepare_uploads(authorized(known)).await.unwrap().into_inner();
        assert_eq!(found.plans.len(), 1, "whoever made it finds it");
        let again = grpc.files().prepare_uploads(authorized(request.clone())).await.unwrap().into_inner();
        let upload = |answer: consign_proto::metadata::PrepareUploadsResponse| {
            ticket(answer.plans.into_iter().next().unwrap().action.unwrap()).upload_id
        };
        assert_eq!(upload(first), upload(again), "the same upload once more");
        assert_eq!(usage(&grpc, "projects/1").await.reserved_bytes, 5);
        let other = PrepareUploadsRequest { files: vec![upload_file("b", b"hello")], ..request };
        let other = grpc.files().prepare_uploads(authorized(other)).await;
        assert_eq!(refused(other), (Code::InvalidArgument, Some(Reason::RequestIdReused)));
    }
}

#[tokio::test]
async fn uploads_that_are_given_up_hold_no_room_and_are_found_no_more() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let (parent, request_id) = (format!("{PACKAGE}/versions/1.0.0"), "0b9d7f0e-6d3b-4b0a-9d5e-1f2a3b4c5d6e".to_owned());
        let files = vec![upload_file("a", b"hello"), upload_file("b", b"you")];
        let request = PrepareUploadsRequest { parent: parent.clone(), files, request_id: request_id.clone(), known_only: false };
        let prepared = grpc.files().prepare_uploads(authorized(request.clone())).await.unwrap().into_inner();
        assert!(!prepared.published && usage(&grpc, "projects/1").await.reserved_bytes == 8);
        let second = CreateProjectRequest { project_id: "second".to_owned(), ..Default::default() };
        grpc.projects().create_project(authorized(second)).await.unwrap();
        let cancel = CancelUploadsRequest { parent, request_id };
        let elsewhere = CancelUploadsRequest { parent: "projects/2/packages/tool/versions/1.0.0".to_owned(), ..cancel.clone() };
        grpc.files().cancel_uploads(authorized(elsewhere)).await.unwrap();
        assert_eq!(usage(&grpc, "projects/1").await.reserved_bytes, 8, "they are of another project");
        for _ in 0..2 {
            grpc.files().cancel_uploads(authorized(cancel.clone())).await.unwrap();
            assert_eq!(usage(&grpc, "projects/1").await.reserved_bytes, 0);
        }
        let known = PrepareUploadsRequest { known_only: true, ..request.clone() };
        let known = grpc.files().prepare_uploads(authorized(known)).await;
        assert_eq!(refused(known), (Code::NotFound, Some(Reason::UploadNotFound)));
        let again = grpc.files().prepare_uploads(authorized(request)).await.unwrap().into_inner();
        assert_eq!((again.plans.len(), usage(&grpc, "projects/1").await.reserved_bytes), (2, 8), "the same request may come anew");
        let other = CancelUploadsRequest { parent: "projects/9/packages/tool/versions/1.0.0".to_owned(), ..cancel.clone() };
        let other = grpc.files().cancel_uploads(authorized(other)).await;
        assert_eq!(refused(other), (Code::NotFound, Some(Reason::ProjectNotFound)));
        let none = grpc.files().cancel_uploads(authorized(CancelUploadsRequest { request_id: String::new(), ..cancel })).await;
        assert_eq!(refused(none), (Code::InvalidArgument, Some(Reason::ArgumentInvalid)));
    }
}

#[tokio::test]
async fn concurrent_prepares_never_reserve_more_than_the_quota() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        set_quota(&grpc, "projects/1", 50).await;
        let prepares = (0..40).map(|n| {
            let grpc = grpc.clone();
            tokio::spawn(async move { prepare(&grpc, &format!("1.{n}.0"), vec![upload_file("a", b"hello")]).await })
        });
        let mut taken = 0;
        for prepared in prepares.collect::<Vec<_>>() {
            match prepared.await.unwrap() {
                Ok(_) => taken += 1,
                refusal => assert_eq!(refused(refusal), EXCEEDED),
            }
        }
        assert_eq!((taken, sums(&grpc, "projects/1").await), (10, [0, 0, 50, 0]), "{engine:?}");
    }
}

#[tokio::test]
async fn usage_counts_rows_and_stored_bytes_once() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        publish_open(&grpc, PACKAGE, "a", b"four").await;
        publish_open(&grpc, PACKAGE, "b", b"four").await;
        assert_eq!(sums(&grpc, "projects/1").await, [8, 4, 0, 2], "the same bytes are stored once");
        publish_open(&grpc, PACKAGE, "a", b"newer").await;
        assert_eq!(sums(&grpc, "projects/1").await, [13, 9, 0, 3], "a covered row still counts");
        publish_open(&grpc, PACKAGE, "a", b"newer").await;
        assert_eq!(sums(&grpc, "projects/1").await, [13, 9, 0, 3], "a retry adds nothing");

        let request = DeleteFileRequest { name: format!("{PACKAGE}/versions/1.0.0/files/a"), ..DeleteFileRequest::default() };
        grpc.files().delete_file(authorized(request)).await.unwrap();
        assert_eq!(sums(&grpc, "projects/1").await, [8, 9, 0, 2], "what is deleted is still stored");
        let name = format!("{PACKAGE}/versions/1.0.0");
        let request = DeleteVersionRequest { name: name.clone(), ..DeleteVersionRequest::default() };
        grpc.packages().delete_version(authorized(request)).await.unwrap();
        assert_eq!(sums(&grpc, "projects/1").await, [0, 9, 0, 0]);
        let request = UndeleteVersionRequest { name, ..UndeleteVersionRequest::default() };
        grpc.packages().undelete_version(authorized(request)).await.unwrap();
        assert_eq!(sums(&grpc, "projects/1").await, [8, 9, 0, 2]);
        publish(&grpc, publish_request("1.0.0", vec![])).await.unwrap();
        let request = DeletePackageRequest { name: PACKAGE.to_owned(), ..DeletePackageRequest::default() };
        grpc.packages().delete_package(authorized(request)).await.unwrap();
        assert_eq!(sums(&grpc, "projects/1").await, [0, 9, 0, 0]);
        assert_eq!(usage(&grpc, "projects/1").await.top_packages, []);
    }
}

#[tokio::test]
async fn namespaces_and_the_instance_hold_what_their_projects_hold() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let namespace = consign_proto::metadata::CreateNamespaceRequest { path: "group".to_owned(), ..Default::default() };
        grpc.projects().create_namespace(authorized(namespace)).await.unwrap();
        for parent in ["", "namespaces/group"] {
            let request =
                CreateProjectRequest { parent: parent.to_owned(), project_id: "more".to_owned(), ..CreateProjectRequest::default() };
            grpc.projects().create_project(authorized(request)).await.unwrap();
        }
        let packages = ["projects/1/packages/tool", "projects/2/packages/other", "projects/3/packages/third"];
        for package in packages {
            publish_open(&grpc, package, "a", b"four").await;
        }
        publish_open(&grpc, packages[1], "b", b"nine nine").await;
        brought(&grpc, packages[2], "2.0.0", &[("under-way", b"12")]).await;

        assert_eq!(sums(&grpc, "namespaces/root").await, [17, 13, 0, 3]);
        assert_eq!(sums(&grpc, "namespaces/group").await, [4, 4, 2, 1]);
        assert_eq!(sums(&grpc, "instance").await, [21, 13, 2, 4], "what projects share is stored once");
        let top = |package: &str, logical_bytes, file_count| PackageUsage { package: package.to_owned(), logical_bytes, file_count };
        let instance = usage(&grpc, "instance").await;
        assert_eq!((instance.name.as_str(), instance.top_packages.len()), ("instance", 3));
        assert_eq!(instance.top_packages[0], top(packages[1], 13, 2));
        assert_eq!(usage(&grpc, "namespaces/group").await.top_packages, [top(packages[2], 4, 1)]);
        assert_eq!(usage(&grpc, "projects/root%2Fmore").await.name, "projects/2");
        for (top_count, expected) in [(1, 1), (2, 2), (1000, 3)] {
            let request = GetUsageRequest { name: "instance".to_owned(), top_count };
            let usage = grpc.projects().get_usage(authorized(request)).await.unwrap().into_inner().usage.unwrap();
            assert_eq!(usage.top_packages.len(), expected);
        }
        for (name, reason) in [("projects/9", Reason::ProjectNotFound), ("namespaces/nowhere", Reason::NamespaceNotFound)] {
            let request = GetUsageRequest { name: name.to_owned(), top_count: 0 };
            assert_eq!(refused(grpc.projects().get_usage(authorized(request)).await), (Code::NotFound, Some(reason)));
        }
    }
}
