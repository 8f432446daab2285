//! Yanking and quarantine: into the states, and back into the one before.

use consign_proto::metadata::version::State;
use consign_proto::metadata::{
    CreateVersionRequest, DeleteVersionRequest, GetFileRequest, PublishVersionRequest, QuarantineVersionRequest, ReleaseVersionRequest,
    UnyankVersionRequest, Version, YankVersionRequest,
};
use consign_types::Reason;
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::publishing::{PACKAGE, brought, get_version, prepare, publish, read, refused, upload_file};
use integration_tests::rest::{Rest, file};
use integration_tests::{BOTH, Builder};
use tonic::{Code, Status};

const CONFLICT: (Code, Option<Reason>) = (Code::FailedPrecondition, Some(Reason::VersionStateConflict));

/// What moves a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Yank,
    Unyank,
    Quarantine,
    Release,
}

const VERBS: [Verb; 4] = [Verb::Yank, Verb::Unyank, Verb::Quarantine, Verb::Release];

/// What goes with a verb.
#[derive(Clone, Copy, Debug, Default)]
struct Said<'a> {
    reason: &'a str,
    etag: &'a str,
    request_id: &'a str,
}

async fn change(grpc: &Grpc, verb: Verb, version: &str, said: Said<'_>) -> Result<Version, Status> {
    let (name, mut packages) = (format!("{PACKAGE}/versions/{version}"), grpc.packages());
    let [reason, etag, request_id] = [said.reason, said.etag, said.request_id].map(str::to_owned);
    let version = match verb {
        Verb::Yank => {
            let request = YankVersionRequest { name, reason, etag, request_id };
            packages.yank_version(authorized(request)).await?.into_inner().version
        }
        Verb::Unyank => {
            let request = UnyankVersionRequest { name, reason, etag, request_id };
            packages.unyank_version(authorized(request)).await?.into_inner().version
        }
        Verb::Quarantine => {
            let request = QuarantineVersionRequest { name, reason, etag, request_id };
            packages.quarantine_version(authorized(request)).await?.into_inner().version
        }
        Verb::Release => {
            let request = ReleaseVersionRequest { name, reason, etag, request_id };
            packages.release_version(authorized(request)).await?.into_inner().version
        }
    };
    Ok(version.unwrap())
}

/// Publishes a version with the file `a`.
async fn publish_one(grpc: &Grpc, version: &str, keep_open: bool) -> Version {
    let set = brought(grpc, PACKAGE, version, &[("a", b"one")]).await;
    publish(grpc, PublishVersionRequest { keep_open, ..set }).await.unwrap().version.unwrap()
}

#[tokio::test]
async fn a_version_comes_back_into_the_state_that_it_had() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        for (version, keep_open, start) in [("1.0.0", true, State::Open), ("2.0.0", false, State::Published)] {
            let before = publish_one(&grpc, version, keep_open).await;
            for (verb, reason, state, shown) in [
                (Verb::Yank, "bad build", State::Yanked, "bad build"),
                (Verb::Yank, "another", State::Yanked, "bad build"),
                (Verb::Quarantine, "malware", State::Quarantined, "malware"),
                (Verb::Quarantine, "another", State::Quarantined, "malware"),
                (Verb::Release, "false alarm", State::Yanked, "bad build"),
                (Verb::Release, "again", State::Yanked, "bad build"),
                (Verb::Unyank, "", start, ""),
                (Verb::Unyank, "", start, ""),
                (Verb::Quarantine, "once more", State::Quarantined, "once more"),
                (Verb::Release, "fine", start, ""),
            ] {
                let changed = change(&grpc, verb, version, Said { reason, ..Said::default() }).await.unwrap();
                assert_eq!((changed.state(), changed.state_reason.as_str()), (state, shown), "{verb:?} for `{reason}` from {start:?}");
                assert!(shown.is_empty() || changed.state_actor == before.creator, "{verb:?} for `{reason}` from {start:?}");
                assert_eq!(get_version(&grpc, version).await.unwrap(), changed);
            }
            let after = get_version(&grpc, version).await.unwrap();
            assert_eq!((after.state(), after.content_digest), (before.state(), before.content_digest));
        }
    }
}

#[tokio::test]
async fn who_yanked_a_version_is_told_while_it_is_yanked() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let said = Said { reason: "why", ..Said::default() };
        let published = publish_one(&grpc, "1.0.0", false).await;
        let yanked = change(&grpc, Verb::Yank, "1.0.0", said).await.unwrap();
        let unyanked = change(&grpc, Verb::Unyank, "1.0.0", said).await.unwrap();
        let open = publish_one(&grpc, "2.0.0", true).await;
        assert_eq!(yanked.state_actor, published.creator);
        for version in [&published, &unyanked, &open] {
            assert_eq!(version.state_actor, "", "{:?}", version.state());
        }
    }
}

#[tokio::test]
async fn what_a_state_does_not_allow_is_refused() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let said = Said { reason: "why", ..Said::default() };
        let draft = CreateVersionRequest { parent: PACKAGE.to_owned(), version_id: "0.1.0".to_owned(), ..CreateVersionRequest::default() };
        grpc.packages().create_version(authorized(draft)).await.unwrap();
        for verb in VERBS {
            assert_eq!(refused(change(&grpc, verb, "0.1.0", said).await), CONFLICT, "{verb:?} of a draft");
            assert_eq!(refused(change(&grpc, verb, "9", said).await), (Code::NotFound, Some(Reason::VersionNotFound)), "{verb:?}");
        }
        publish_one(&grpc, "1.0.0", false).await;
        change(&grpc, Verb::Quarantine, "1.0.0", said).await.unwrap();
        for verb in [Verb::Yank, Verb::Unyank] {
            assert_eq!(refused(change(&grpc, verb, "1.0.0", said).await), CONFLICT, "{verb:?} of a quarantined version");
        }
        let request = DeleteVersionRequest { name: format!("{PACKAGE}/versions/1.0.0"), ..DeleteVersionRequest::default() };
        grpc.packages().delete_version(authorized(request)).await.unwrap();
        for verb in VERBS {
            let answer = change(&grpc, verb, "1.0.0", said).await;
            assert_eq!(refused(answer), (Code::NotFound, Some(Reason::VersionNotFound)), "{verb:?} of a deleted version");
        }
    }
}

#[tokio::test]
async fn a_reason_is_needed_and_the_etag_is_checked() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let before = publish_one(&grpc, "1.0.0", false).await;
        let long = "x".repeat(4097);
        let invalid = (Code::InvalidArgument, Some(Reason::ArgumentInvalid));
        for verb in VERBS {
            if verb != Verb::Unyank {
                assert_eq!(refused(change(&grpc, verb, "1.0.0", Said::default()).await), invalid, "{verb:?}");
            }
            let said = Said { reason: &long, ..Said::default() };
            assert_eq!(refused(change(&grpc, verb, "1.0.0", said).await), invalid, "{verb:?}");
        }
        let said = Said { reason: "why", etag: &before.etag, ..Said::default() };
        let yanked = change(&grpc, Verb::Yank, "1.0.0", said).await.unwrap();
        let stale = (Code::Aborted, Some(Reason::EtagMismatch));
        for verb in VERBS {
            assert_eq!(refused(change(&grpc, verb, "1.0.0", said).await), stale, "{verb:?}");
        }
        change(&grpc, Verb::Unyank, "1.0.0", Said { etag: &yanked.etag, ..Said::default() }).await.unwrap();
    }
}

#[tokio::test]
async fn a_repeated_request_changes_nothing_even_when_the_state_has_changed_since() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        publish_one(&grpc, "1.0.0", false).await;
        let said = Said { reason: "why", request_id: "0b9d7f0e-6d3b-4b0a-9d5e-1f2a3b4c5d6e", ..Said::default() };
        change(&grpc, Verb::Yank, "1.0.0", said).await.unwrap();
        change(&grpc, Verb::Unyank, "1.0.0", Said::default()).await.unwrap();

        change(&grpc, Verb::Yank, "1.0.0", said).await.unwrap();

        assert_eq!(get_version(&grpc, "1.0.0").await.unwrap().state(), State::Published);
        let other = Said { reason: "something else", ..said };
        assert_eq!(refused(change(&grpc, Verb::Yank, "1.0.0", other).await), (Code::InvalidArgument, Some(Reason::RequestIdReused)));
    }
}

#[tokio::test]
async fn a_yanked_version_is_read_and_a_quarantined_one_is_not() {
    for engine in BOTH {
        let (service, grpc) = Builder::on(engine).demo_grpc().await;
        let rest = Rest::to(service.http());
        publish_one(&grpc, "1.0.0", true).await;
        let said = Said { reason: "why", ..Said::default() };
        let path = file("tool", "1.0.0", "a");

        change(&grpc, Verb::Yank, "1.0.0", said).await.unwrap();
        assert_eq!(read(&grpc, "1.0.0", "a", 0, 0).await.unwrap(), b"one");
        assert_eq!(rest.get(&path).await.text(), "one");
        takes_nothing(&grpc).await;

        change(&grpc, Verb::Quarantine, "1.0.0", said).await.unwrap();
        let quarantined = (Code::FailedPrecondition, Some(Reason::VersionQuarantined));
        assert_eq!(refused(read(&grpc, "1.0.0", "a", 0, 0).await), quarantined);
        assert_eq!(refused(read(&grpc, "1.0.0", "unknown", 0, 0).await), quarantined);
        assert_ne!(rest.get(&path).await.status, 200);
        takes_nothing(&grpc).await;
        let request = GetFileRequest { name: format!("{PACKAGE}/versions/1.0.0/files/a"), revision: 0 };
        grpc.files().get_file(authorized(request)).await.expect("what is said about the file is still told");

        for verb in [Verb::Release, Verb::Unyank] {
            change(&grpc, verb, "1.0.0", said).await.unwrap();
        }
        assert_eq!(rest.get(&path).await.text(), "one");
        publish(&grpc, brought(&grpc, PACKAGE, "1.0.0", &[("b", b"two")]).await).await.expect("it takes files again");
    }
}

/// Asserts that no file comes into the version as it is.
async fn takes_nothing(grpc: &Grpc) {
    let set = brought(grpc, PACKAGE, "1.0.0", &[("b", b"two")]).await;
    assert_eq!(refused(prepare(grpc, "1.0.0", vec![upload_file("b", b"two")]).await), CONFLICT);
    assert_eq!(refused(publish(grpc, PublishVersionRequest { keep_open: true, ..set.clone() }).await), CONFLICT);
    assert_eq!(refused(publish(grpc, set).await), CONFLICT);
}
