//! Settings: what they do.

use consign_proto::metadata::upload_plan::Action;
use consign_proto::metadata::version::State;
use consign_proto::metadata::{
    CreateProjectRequest, DedupScope, DuplicatePolicy, PrepareUploadsRequest, PublishVersionRequest, Settings, UpdateSettingsRequest,
    VersionMode, Visibility,
};
use consign_proto::status::told;
use consign_types::{Digest, Reason};
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::publishing::{PACKAGE, brought, get_version, prepare, publish, read, refused, upload_file};
use integration_tests::rest::{Rest, file};
use integration_tests::{BOTH, Builder};
use tonic::{Code, Status};

const DUPLICATE: (Code, Option<Reason>) = (Code::AlreadyExists, Some(Reason::DuplicateFile));
const TOO_LARGE: (Code, Option<Reason>) = (Code::ResourceExhausted, Some(Reason::FileTooLarge));

async fn set(grpc: &Grpc, name: &str, settings: Settings) {
    let settings = Settings { name: name.to_owned(), ..settings };
    let request = UpdateSettingsRequest { settings: Some(settings), ..UpdateSettingsRequest::default() };
    grpc.projects().update_settings(authorized(request)).await.unwrap();
}

async fn set_policy(grpc: &Grpc, allowed: bool, exception_regex: &str, reject_identical: bool) {
    let policy = DuplicatePolicy { allowed: Some(allowed), exception_regex: exception_regex.to_owned(), reject_identical };
    set(grpc, "projects/1", Settings { duplicate_policy: Some(policy), ..Settings::default() }).await;
}

/// Publishes the file `a` into an open version.
async fn publish_open(grpc: &Grpc, package: &str, version: &str, content: &'static [u8]) -> Result<(), Status> {
    let request = brought(grpc, &format!("projects/1/packages/{package}"), version, &[("a", content)]).await;
    publish(grpc, PublishVersionRequest { keep_open: true, ..request }).await.map(|_| ())
}

/// Prepares the file `a` of a version.
async fn prepare_open(grpc: &Grpc, package: &str, version: &str, content: &[u8]) -> Result<(), Status> {
    let parent = format!("projects/1/packages/{package}/versions/{version}");
    let request = PrepareUploadsRequest { parent, files: vec![upload_file("a", content)], ..PrepareUploadsRequest::default() };
    grpc.files().prepare_uploads(authorized(request)).await.map(|_| ())
}

#[tokio::test]
async fn duplicates_are_judged_by_policy_and_exception_before_and_at_the_publish() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let versions = [("tool", "1.0.0"), ("tool", "1-SNAPSHOT"), ("snapshot-tool", "1.0.0")];
        for (package, version) in versions {
            publish_open(&grpc, package, version, b"one").await.unwrap();
        }
        let exception = ".*-SNAPSHOT|snapshot-.*";
        for (allowed, regex, taken) in [
            (false, "", [false, false, false]),
            (false, exception, [false, true, true]),
            (true, exception, [true, false, false]),
            (true, "", [true, true, true]),
            (false, "SNAPSHOT|snapshot", [false, false, false]),
        ] {
            set_policy(&grpc, allowed, regex, false).await;
            for ((package, version), taken) in versions.into_iter().zip(taken) {
                let what = format!("{package} {version} allowed: {allowed} except `{regex}`");
                let refusal = (!taken).then_some(DUPLICATE);
                let other = [prepare_open(&grpc, package, version, b"two").await, publish_open(&grpc, package, version, b"two").await];
                assert_eq!(other.map(|answer| answer.err().map(|status| refused::<()>(Err(status)))), [refusal; 2], "{what}");
                prepare_open(&grpc, package, version, b"one").await.unwrap_or_else(|status| panic!("{what}: {status}"));
                publish_open(&grpc, package, version, b"one").await.unwrap_or_else(|status| panic!("{what}: {status}"));
            }
        }
        set_policy(&grpc, false, "", false).await;
        publish_open(&grpc, "tool", "1.0.0", b"one").await.expect("the same bytes are a retry");
        let status = publish_open(&grpc, "tool", "1.0.0", b"two").await.unwrap_err();
        let details = told(&status).details;
        assert_eq!((details["path"].as_str(), &details["existing_sha256"]), ("a", &Digest::of(b"one").to_string()));
    }
}

#[tokio::test]
async fn identical_bytes_are_refused_where_the_policy_is_as_strict_as_gitlabs() {
    for engine in BOTH {
        let (service, grpc) = Builder::on(engine).demo_grpc().await;
        let rest = Rest::to(service.http());
        set_policy(&grpc, false, ".*-SNAPSHOT", true).await;
        publish_open(&grpc, "tool", "1.0.0", b"one").await.unwrap();
        assert_eq!(refused(prepare_open(&grpc, "tool", "1.0.0", b"one").await), DUPLICATE);
        assert_eq!(refused(publish_open(&grpc, "tool", "1.0.0", b"one").await), DUPLICATE);
        assert_eq!(refused(publish_open(&grpc, "tool", "1.0.0", b"two").await), DUPLICATE);

        let path = file("tool", "2.0.0", "f");
        assert_eq!(rest.put(&path, "hello").await.status, 201);
        for body in ["hello", "other"] {
            let answer = rest.put(&path, body).await;
            let refusal = r#"{"message":"400 Bad request - Duplicate package is not allowed"}"#;
            assert_eq!((answer.status, answer.text()), (400, refusal), "{body}");
        }
        assert_eq!(rest.get(&path).await.text(), "hello");
        let excepted = file("tool", "1-SNAPSHOT", "f");
        for body in ["hello", "hello", "other"] {
            assert_eq!(rest.put(&excepted, body).await.status, 201, "{body}");
        }
        set_policy(&grpc, true, "", true).await;
        assert_eq!(rest.put(&path, "hello").await.status, 201, "only where duplicates are not allowed");
    }
}

#[tokio::test]
async fn the_largest_file_is_what_the_settings_say() {
    for engine in BOTH {
        let (service, grpc) = Builder::on(engine).demo_grpc().await;
        let rest = Rest::to(service.http());
        let large = brought(&grpc, PACKAGE, "1.0.0", &[("a", b"hello")]).await;
        set(&grpc, "instance", Settings { max_file_bytes: Some(4), ..Settings::default() }).await;
        let status = prepare(&grpc, "1.0.0", vec![upload_file("a", b"hello")]).await.unwrap_err();
        let details = told(&status).details;
        assert_eq!(["path", "size", "limit"].map(|key| details[key].as_str()), ["a", "5", "4"]);
        assert_eq!(refused::<()>(Err(status)), TOO_LARGE);
        assert_eq!(refused(publish(&grpc, large.clone()).await), TOO_LARGE);
        assert_eq!(rest.put(&file("tool", "2.0.0", "f"), "hello").await.status, 400);
        let unknown = consign_proto::metadata::UploadFile { size_bytes: None, sha256: bytes::Bytes::new(), ..upload_file("a", b"") };
        match prepare(&grpc, "1.0.0", vec![unknown]).await.unwrap().remove(0) {
            Action::Ticket(ticket) => assert_eq!(ticket.max_bytes, 4),
            Action::Receipt(_) => panic!("nothing is known of the bytes"),
        }
        assert_eq!(rest.put(&file("tool", "2.0.0", "f"), "four").await.status, 201);

        set(&grpc, "projects/1", Settings { max_file_bytes: Some(5), ..Settings::default() }).await;
        publish(&grpc, large).await.expect("the nearest value counts");
    }
}

#[tokio::test]
async fn a_first_publish_over_rest_leaves_the_version_as_the_settings_say() {
    for engine in BOTH {
        let (service, grpc) = Builder::on(engine).demo_grpc().await;
        let rest = Rest::to(service.http());
        rest.put(&file("tool", "1.0.0", "a"), "one").await;
        assert_eq!(get_version(&grpc, "1.0.0").await.unwrap().state(), State::Open);
        set(&grpc, "namespaces/root", Settings { default_version_mode: VersionMode::Sealed.into(), ..Settings::default() }).await;

        assert_eq!(rest.put(&file("tool", "2.0.0", "a"), "one").await.status, 201);
        let sealed = get_version(&grpc, "2.0.0").await.unwrap();
        assert_eq!((sealed.state(), sealed.content_digest.len()), (State::Published, 32));
        assert_eq!(rest.put(&file("tool", "2.0.0", "a"), "one").await.status, 201, "the same bytes are a retry");
        for path in ["a", "b"] {
            let status = rest.put(&file("tool", "2.0.0", path), "two").await.status;
            assert!((400..500).contains(&status), "{status}");
        }
        assert_eq!(rest.put(&file("tool", "1.0.0", "b"), "two").await.status, 201);
        assert_eq!(get_version(&grpc, "1.0.0").await.unwrap().state(), State::Open, "what is open stays so");
        let open = brought(&grpc, PACKAGE, "3.0.0", &[("a", b"one")]).await;
        let open = publish(&grpc, PublishVersionRequest { keep_open: true, ..open }).await.unwrap();
        assert_eq!(open.version.unwrap().state(), State::Open, "who says what is wanted gets it");
        assert_eq!(read(&grpc, "2.0.0", "a", 0, 0).await.unwrap(), b"one");
    }
}

#[tokio::test]
async fn new_projects_are_as_visible_as_the_settings_say() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let create = async |id: &str, visibility: Visibility| {
            let request =
                CreateProjectRequest { project_id: id.to_owned(), visibility: visibility.into(), ..CreateProjectRequest::default() };
            grpc.projects().create_project(authorized(request)).await.unwrap().into_inner().project.unwrap().visibility()
        };
        assert_eq!(create("a", Visibility::Unspecified).await, Visibility::Private);
        set(&grpc, "instance", Settings { visibility: Visibility::Internal.into(), ..Settings::default() }).await;
        assert_eq!(create("b", Visibility::Unspecified).await, Visibility::Internal);
        set(&grpc, "namespaces/root", Settings { visibility: Visibility::Public.into(), ..Settings::default() }).await;
        assert_eq!(create("c", Visibility::Unspecified).await, Visibility::Public);
        assert_eq!(create("d", Visibility::Private).await, Visibility::Private, "who says what is wanted gets it");
    }
}

#[tokio::test]
async fn bytes_of_other_projects_need_not_be_sent_where_the_instance_shares_them() {
    for engine in BOTH {
        let (service, grpc) = Builder::on(engine).demo_grpc().await;
        let request = CreateProjectRequest { project_id: "second".to_owned(), ..CreateProjectRequest::default() };
        grpc.projects().create_project(authorized(request)).await.unwrap();
        publish(&grpc, brought(&grpc, PACKAGE, "1.0.0", &[("a", b"one")]).await).await.unwrap();
        let plan = async |content: &[u8]| {
            let parent = "projects/2/packages/other/versions/1.0.0".to_owned();
            let request = PrepareUploadsRequest { parent, files: vec![upload_file("x", content)], ..PrepareUploadsRequest::default() };
            grpc.files().prepare_uploads(authorized(request)).await.unwrap().into_inner().plans.remove(0).action.unwrap()
        };
        assert!(matches!(plan(b"one").await, Action::Ticket(_)), "that the bytes are there is not told");
        set(&grpc, "instance", Settings { dedup_scope: DedupScope::Instance.into(), ..Settings::default() }).await;
        assert!(matches!(plan(b"nowhere").await, Action::Ticket(_)));
        let Action::Receipt(receipt) = plan(b"one").await else { panic!("the bytes are there") };

        let mut request = brought(&grpc, "projects/2/packages/other", "1.0.0", &[]).await;
        let file = consign_proto::metadata::PublishFile { path: "x".to_owned(), receipt, ..Default::default() };
        request.files.push(file);
        publish(&grpc, request).await.unwrap();
        assert_eq!(service.stored().blobs.len(), 1);
        set(&grpc, "projects/2", Settings { dedup_scope: DedupScope::Readable.into(), ..Settings::default() }).await;
        assert!(matches!(plan(b"one").await, Action::Receipt(_)), "the project has the bytes itself by now");
    }
}
