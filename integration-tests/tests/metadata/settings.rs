//! Settings: where they are set, what is in force, and where it comes from.

use std::collections::HashMap;

use consign_proto::metadata::{
    CreateNamespaceRequest, CreateProjectRequest, DedupScope, DuplicatePolicy, GetSettingsRequest, GetSettingsResponse, Project, Settings,
    UpdateSettingsRequest, UpdateSettingsResponse, VersionMode, Visibility,
};
use consign_types::Reason;
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::publishing::refused;
use integration_tests::{BOTH, Builder, Engine, TestService};
use prost_types::FieldMask;
use tonic::{Code, Status};

const FIELDS: [&str; 6] = ["duplicate_policy", "max_file_bytes", "quota_bytes", "default_version_mode", "visibility", "dedup_scope"];
const INVALID: (Code, Option<Reason>) = (Code::InvalidArgument, Some(Reason::ArgumentInvalid));

/// A service with the project `group/sub/tool`.
async fn chain(engine: Engine) -> (TestService, Grpc) {
    let (service, grpc) = Builder::on(engine).demo_grpc().await;
    for path in ["group", "group/sub"] {
        let request = CreateNamespaceRequest { path: path.to_owned(), ..CreateNamespaceRequest::default() };
        grpc.projects().create_namespace(authorized(request)).await.unwrap();
    }
    assert_eq!(create_project(&grpc, "tool").await.id, 2);
    (service, grpc)
}

async fn create_project(grpc: &Grpc, id: &str) -> Project {
    let parent = "namespaces/group/sub".to_owned();
    let request = CreateProjectRequest { parent, project_id: id.to_owned(), ..CreateProjectRequest::default() };
    grpc.projects().create_project(authorized(request)).await.unwrap().into_inner().project.unwrap()
}

async fn get(grpc: &Grpc, name: &str) -> Result<GetSettingsResponse, Status> {
    Ok(grpc.projects().get_settings(authorized(GetSettingsRequest { name: name.to_owned() })).await?.into_inner())
}

async fn send(grpc: &Grpc, request: UpdateSettingsRequest) -> Result<UpdateSettingsResponse, Status> {
    Ok(grpc.projects().update_settings(authorized(request)).await?.into_inner())
}

fn change(name: &str, settings: Settings, paths: &[&str]) -> UpdateSettingsRequest {
    let update_mask = Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() });
    UpdateSettingsRequest {
        settings: Some(Settings { name: name.to_owned(), ..settings }),
        update_mask,
        ..UpdateSettingsRequest::default()
    }
}

fn origins(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    let defaults = FIELDS.iter().filter(|field| **field != "quota_bytes").map(|field| (*field, "default"));
    defaults.chain(pairs.iter().copied()).map(|(field, origin)| (field.to_owned(), origin.to_owned())).collect()
}

/// The origins that were told; that of a quota which there is not may be told as built in, or not at all.
fn told(mut origins: HashMap<String, String>) -> HashMap<String, String> {
    if origins.get("quota_bytes").is_some_and(|origin| origin == "default") {
        origins.remove("quota_bytes");
    }
    origins
}

#[tokio::test]
async fn what_nobody_sets_has_its_default() {
    for engine in BOTH {
        let (_service, grpc) = chain(engine).await;
        for name in ["instance", "namespaces/group/sub", "projects/2", "projects/group%2Fsub%2Ftool"] {
            let answer = get(&grpc, name).await.unwrap();
            let (own, in_force) = (answer.settings.unwrap(), answer.effective_settings.unwrap());
            assert_eq!(own.name, if name.starts_with("projects") { "projects/2" } else { name });
            assert_eq!((&own.duplicate_policy, own.max_file_bytes, own.quota_bytes, own.update_time), (&None, None, None, None));
            assert_eq!(in_force.duplicate_policy, Some(DuplicatePolicy { allowed: Some(true), ..DuplicatePolicy::default() }));
            assert_eq!((in_force.max_file_bytes, in_force.quota_bytes), (Some(5 << 30), None));
            assert_eq!(in_force.default_version_mode(), VersionMode::Open);
            assert_eq!((in_force.visibility(), in_force.dedup_scope()), (Visibility::Private, DedupScope::Readable));
            let of_its_own: &[(&str, &str)] = if name.starts_with("projects") { &[("visibility", "projects/2")] } else { &[] };
            assert_eq!(told(answer.origins), origins(of_its_own), "{name}");
        }
        for (name, code, reason) in [
            ("projects/9", Code::NotFound, Reason::ProjectNotFound),
            ("namespaces/nowhere", Code::NotFound, Reason::NamespaceNotFound),
            ("nonsense", Code::InvalidArgument, Reason::NameInvalid),
        ] {
            assert_eq!(refused(get(&grpc, name).await), (code, Some(reason)), "{name}");
            let settings = Settings { quota_bytes: Some(1), ..Settings::default() };
            assert_eq!(refused(send(&grpc, change(name, settings, &[])).await), (code, Some(reason)), "{name}");
        }
    }
}

#[tokio::test]
async fn the_nearest_value_wins_and_a_removed_one_is_inherited_again() {
    for engine in BOTH {
        let (_service, grpc) = chain(engine).await;
        let strict = DuplicatePolicy { allowed: Some(false), exception_regex: ".*-SNAPSHOT".to_owned(), reject_identical: true };
        let instance = Settings { quota_bytes: Some(1000), max_file_bytes: Some(100), ..Settings::default() };
        let instance = Settings { visibility: Visibility::Internal.into(), ..instance };
        let group = Settings { duplicate_policy: Some(strict.clone()), max_file_bytes: Some(50), ..Settings::default() };
        let sub = Settings { default_version_mode: VersionMode::Sealed.into(), quota_bytes: Some(500), ..Settings::default() };
        let project = Settings { dedup_scope: DedupScope::Instance.into(), quota_bytes: Some(0), ..Settings::default() };
        for (name, settings) in
            [("instance", instance), ("namespaces/group", group), ("namespaces/group/sub", sub), ("projects/2", project)]
        {
            let answer = send(&grpc, change(name, settings.clone(), &[])).await.unwrap();
            let own = answer.settings.clone().unwrap();
            assert!(own.update_time.is_some() && !own.etag.is_empty());
            assert_eq!((own.quota_bytes, own.max_file_bytes), (settings.quota_bytes, settings.max_file_bytes));
            let read = get(&grpc, name).await.unwrap();
            assert_eq!((read.settings, read.effective_settings, read.origins), (Some(own), answer.effective_settings, answer.origins));
        }
        let answer = get(&grpc, "projects/2").await.unwrap();
        let in_force = answer.effective_settings.unwrap();
        assert_eq!((in_force.duplicate_policy.as_ref(), in_force.max_file_bytes, in_force.quota_bytes), (Some(&strict), Some(50), Some(0)));
        assert_eq!(
            (in_force.visibility(), in_force.default_version_mode()),
            (Visibility::Private, VersionMode::Sealed),
            "its own, and what is set above"
        );
        assert_eq!(in_force.dedup_scope(), DedupScope::Instance);
        let expected = [
            ("duplicate_policy", "namespaces/group"),
            ("max_file_bytes", "namespaces/group"),
            ("quota_bytes", "projects/2"),
            ("default_version_mode", "namespaces/group/sub"),
            ("visibility", "projects/2"),
            ("dedup_scope", "projects/2"),
        ];
        assert_eq!(answer.origins, origins(&expected));
        let visible = Settings { visibility: Visibility::Public.into(), ..Settings::default() };
        let refusal = refused(send(&grpc, change("projects/2", visible, &[])).await);
        assert_eq!(refusal, (Code::InvalidArgument, Some(Reason::ArgumentInvalid)), "that is `UpdateProject`");
        let elsewhere = get(&grpc, "projects/1").await.unwrap();
        assert_eq!(elsewhere.effective_settings.unwrap().max_file_bytes, Some(100), "what is set beside does not matter");
        assert_eq!(elsewhere.origins["max_file_bytes"], "instance");

        let removed = send(&grpc, change("projects/2", Settings::default(), &["quota_bytes", "dedup_scope"])).await.unwrap();
        let in_force = removed.effective_settings.unwrap();
        assert_eq!((removed.settings.unwrap().quota_bytes, in_force.quota_bytes), (None, Some(500)));
        assert_eq!((in_force.dedup_scope(), removed.origins["dedup_scope"].as_str()), (DedupScope::Readable, "default"));
        assert_eq!(removed.origins["quota_bytes"], "namespaces/group/sub");
        let removed = send(&grpc, change("namespaces/group", Settings::default(), &FIELDS)).await.unwrap();
        assert_eq!(removed.effective_settings.unwrap().max_file_bytes, Some(100));
        assert_eq!(get(&grpc, "projects/2").await.unwrap().origins["duplicate_policy"], "default");
    }
}

#[tokio::test]
async fn what_is_only_tried_shows_what_would_be_in_force_and_changes_nothing() {
    for engine in BOTH {
        let (_service, grpc) = chain(engine).await;
        for name in ["instance", "namespaces/group/sub", "projects/2"] {
            let before = get(&grpc, name).await.unwrap();
            let settings = Settings { quota_bytes: Some(7), ..Settings::default() };
            let tried = UpdateSettingsRequest { validate_only: true, ..change(name, settings, &[]) };
            let answer = send(&grpc, tried).await.unwrap();
            assert_eq!((answer.settings.unwrap().quota_bytes, answer.effective_settings.unwrap().quota_bytes), (Some(7), Some(7)));
            assert_eq!(answer.origins["quota_bytes"], name);
            assert_eq!(get(&grpc, name).await.unwrap(), before);
        }
    }
}

#[tokio::test]
async fn how_many_files_are_kept_is_said_of_projects_and_told_with_the_next_run() {
    for engine in BOTH {
        let (_service, grpc) = chain(engine).await;
        let kept = |kept: i32| Settings { keep_revisions: Some(kept), ..Settings::default() };
        for name in ["instance", "namespaces/group/sub"] {
            assert_eq!(refused(send(&grpc, change(name, kept(7), &[])).await), INVALID, "{name}");
        }
        for number in [1, 7, 1000] {
            let answer = send(&grpc, change("projects/2", kept(number), &[])).await.unwrap();
            let (own, in_force) = (answer.settings.unwrap(), answer.effective_settings.unwrap());
            assert_eq!((own.keep_revisions, own.next_cleanup_time), (Some(number), None), "{engine:?}");
            assert_eq!((in_force.keep_revisions, in_force.next_cleanup_time.is_some()), (Some(number), true), "{engine:?}");
            assert_eq!(in_force.cleanup_end_time, None, "{engine:?}");
            assert_eq!(answer.origins["keep_revisions"], "projects/2");
        }
        let other = Settings { default_version_mode: VersionMode::Open.into(), ..Settings::default() };
        let in_force = send(&grpc, change("projects/2", other, &[])).await.unwrap().effective_settings.unwrap();
        assert_eq!(in_force.keep_revisions, Some(1000), "what is not named stays");
        let in_force =
            send(&grpc, change("projects/2", Settings::default(), &["keep_revisions"])).await.unwrap().effective_settings.unwrap();
        let told = (in_force.keep_revisions, in_force.next_cleanup_time, in_force.cleanup_end_time.is_some());
        assert_eq!(told, (None, None, true), "{engine:?}");
    }
}

#[tokio::test]
async fn wrong_values_and_stale_etags_are_refused() {
    for engine in BOTH {
        let (_service, grpc) = chain(engine).await;
        let policy = |regex: &str| {
            let policy = DuplicatePolicy { allowed: Some(true), exception_regex: regex.to_owned(), reject_identical: false };
            Settings { duplicate_policy: Some(policy), ..Settings::default() }
        };
        for (n, name) in ["instance", "namespaces/group", "projects/2"].into_iter().enumerate() {
            for settings in [
                policy("("),
                policy("(?=x)"),
                policy(r"(a)\1"),
                policy(&"x".repeat(256)),
                Settings { max_file_bytes: Some(-1), ..Settings::default() },
                Settings { quota_bytes: Some(-1), ..Settings::default() },
                Settings { default_version_mode: 77, ..Settings::default() },
                Settings { visibility: 77, ..Settings::default() },
                Settings { dedup_scope: 77, ..Settings::default() },
                Settings { keep_revisions: Some(0), ..Settings::default() },
                Settings { keep_revisions: Some(-1), ..Settings::default() },
                Settings { keep_revisions: Some(1001), ..Settings::default() },
            ] {
                let what = format!("{name} {settings:?}");
                assert_eq!(refused(send(&grpc, change(name, settings, &[])).await), INVALID, "{what}");
            }
            assert_eq!(refused(send(&grpc, change(name, Settings::default(), &["etag"])).await), INVALID);
            send(&grpc, change(name, policy(&"x".repeat(255)), &[])).await.expect("255 bytes are allowed");

            let before = get(&grpc, name).await.unwrap().settings.unwrap();
            let with_etag = |quota: i64| {
                let settings = Settings { quota_bytes: Some(quota), etag: before.etag.clone(), ..Settings::default() };
                UpdateSettingsRequest { request_id: format!("0b9d7f0e-6d3b-4b0a-9d5e-1f2a3b4c5d6{n}"), ..change(name, settings, &[]) }
            };
            let after = send(&grpc, with_etag(7)).await.unwrap().settings.unwrap();
            assert_ne!(after.etag, before.etag);
            let stale = UpdateSettingsRequest { request_id: String::new(), ..with_etag(8) };
            assert_eq!(refused(send(&grpc, stale).await), (Code::Aborted, Some(Reason::EtagMismatch)), "{name}");
            assert_eq!(send(&grpc, with_etag(7)).await.unwrap().settings.unwrap(), after, "a repeated request is answered");
            assert_eq!(refused(send(&grpc, with_etag(8)).await), (Code::InvalidArgument, Some(Reason::RequestIdReused)));
        }
        assert_eq!(refused(send(&grpc, UpdateSettingsRequest::default()).await), INVALID);
    }
}
