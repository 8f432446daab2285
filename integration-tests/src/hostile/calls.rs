//! Calls of which one field is hostile and the others are not, so that the one decides.

use std::collections::HashMap;

use consign_proto::metadata::resolve_version_request::Selector;
use consign_proto::metadata::tag_rule::{Action, Pattern};
use consign_proto::metadata::{
    CommitFilesRequest, CreateNamespaceRequest, CreateProjectRequest, CreateTagRequest, CreateTagRuleRequest, CreateVersionRequest,
    DeleteFileRequest, DeletePackageRequest, DeleteTagRequest, DeleteVersionRequest, DuplicatePolicy, GetFileChecksumsRequest,
    GetFileRequest, GetNamespaceRequest, GetPackageRequest, GetProjectRequest, GetSettingsRequest, GetTagRequest, GetUsageRequest,
    GetVersionRequest, Package, PrepareDownloadsRequest, PrepareUploadsRequest, Project, PublishFile, PublishVersionRequest,
    ResolveVersionRequest, RestoreTagRequest, Settings, Tag, TagProtection, TagRule, TestTagRuleRequest, UndeleteFileRequest,
    UpdatePackageRequest, UpdateProjectRequest, UpdateSettingsRequest, UpdateTagRequest, UpdateVersionRequest, UploadFile, Version,
    YankVersionRequest,
};
use prost_types::FieldMask;
use tonic::Status;

use super::Hostile;
use super::lists::LISTS;
use crate::grpc::{Grpc, authorized};

/// A row that a call made, by its table and name.
pub type Row = (&'static str, String);

/// The rows that a call made, if it was not refused.
pub type Outcome = Result<Vec<Row>, Status>;

const PROJECT: &str = "projects/1";
const PACKAGE: &str = "projects/1/packages/tool";
const VERSION: &str = "projects/1/packages/tool/versions/1.0.0";
const TAG: &str = "projects/1/packages/tool/tags/stable";
const FILE: &str = "projects/1/packages/tool/versions/1.0.0/files/a";

/// A version that is not sealed, to be written to.
const OPEN: &str = "projects/1/packages/tool/versions/2.0.0";

const PROJECTS: &[&str] = &[PROJECT, "projects/root%2Fdemo", "projects/9223372036854775807"];
const FILES: &[&str] =
    &[FILE, "projects/1/packages/tool/versions/1.0.0/files/dir/b.txt", "projects/root%2Fdemo/packages/tool/versions/1.0.0/files/a"];
const VERSIONS: &[&str] = &[VERSION, "projects/root%2Fdemo/packages/tool/versions/1.1.0"];
const VERSION_IDS: &[&str] = &["1.0.0", "3.0.0-rc.1+build", "v4", "main"];
const PATHS: &[&str] = &["a", "dir/b.txt", "@scope/pkg-1.0.tgz"];

macro_rules! send {
    ($client:expr, $method:ident, $request:expr) => {
        $client.$method(authorized($request)).await.map(|_| Vec::new())
    };
}

/// Sends a call, and returns what was hostile in it and what came of it.
pub async fn send(grpc: &Grpc, number: u64) -> (String, Outcome) {
    let hostile = &mut Hostile::numbered(number);
    match number % 10 {
        0..=2 => {
            let list = hostile.one_of(LISTS);
            let (text, outcome) = list.ask_hostile(grpc, hostile).await;
            (format!("{}: {text:?}", list.name), outcome.map(|()| Vec::new()))
        }
        3 => read_names(grpc, hostile).await,
        4 => change_names(grpc, hostile).await,
        5 => create_names(grpc, hostile).await,
        6 => patterns(grpc, hostile).await,
        7 => selectors(grpc, hostile).await,
        8 => texts(grpc, hostile).await,
        _ => numbers_and_bytes(grpc, hostile).await,
    }
}

async fn read_names(grpc: &Grpc, hostile: &mut Hostile) -> (String, Outcome) {
    let choice = hostile.below(9);
    let scopes: &[&str] = &["instance", "namespaces/root", PROJECT];
    let valid = [&["namespaces/root", "namespaces/2"], PROJECTS, &[PACKAGE], VERSIONS, FILES, FILES, &[TAG], scopes, scopes][choice];
    let name = hostile.text(valid);
    let revision = hostile.one_of(&[0, 0, 1]);
    let (mut projects, mut packages, mut files) = (grpc.projects(), grpc.packages(), grpc.files());
    let shown = format!("name {choice} {name:?}");
    let outcome = match choice {
        0 => send!(projects, get_namespace, GetNamespaceRequest { name }),
        1 => send!(projects, get_project, GetProjectRequest { name }),
        2 => send!(packages, get_package, GetPackageRequest { name }),
        3 => send!(packages, get_version, GetVersionRequest { name }),
        4 => send!(files, get_file, GetFileRequest { name, revision }),
        5 => send!(files, get_file_checksums, GetFileChecksumsRequest { name, revision }),
        6 => send!(grpc.tags(), get_tag, GetTagRequest { name }),
        7 => send!(projects, get_settings, GetSettingsRequest { name }),
        _ => send!(projects, get_usage, GetUsageRequest { name, top_count: 3 }),
    };
    (shown, outcome)
}

/// Changes that are only tried, or come to nothing where the name is a valid one.
async fn change_names(grpc: &Grpc, hostile: &mut Hostile) -> (String, Outcome) {
    let choice = hostile.below(7);
    let valid = [&[PACKAGE], VERSIONS, FILES, &["projects/1/packages/none/tags/x"], FILES, PATHS, VERSIONS][choice];
    let name = hostile.text(valid);
    let (mut packages, mut files) = (grpc.packages(), grpc.files());
    let validate_only = true;
    let shown = format!("change {choice} {name:?}");
    let outcome = match choice {
        0 => send!(packages, delete_package, DeletePackageRequest { name, validate_only, ..DeletePackageRequest::default() }),
        1 => send!(packages, delete_version, DeleteVersionRequest { name, validate_only, ..DeleteVersionRequest::default() }),
        2 => send!(files, delete_file, DeleteFileRequest { name, validate_only, ..DeleteFileRequest::default() }),
        3 => send!(grpc.tags(), delete_tag, DeleteTagRequest { name, ..DeleteTagRequest::default() }),
        4 => send!(files, undelete_file, UndeleteFileRequest { name, ..UndeleteFileRequest::default() }),
        5 => {
            let request = PrepareDownloadsRequest { parent: VERSION.to_owned(), paths: vec![name], ..PrepareDownloadsRequest::default() };
            send!(files, prepare_downloads, request)
        }
        _ => send!(packages, yank_version, YankVersionRequest { name, ..YankVersionRequest::default() }),
    };
    (shown, outcome)
}

async fn create_names(grpc: &Grpc, hostile: &mut Hostile) -> (String, Outcome) {
    let choice = hostile.below(9);
    let packages: &[&str] = &[PACKAGE, "projects/1/packages/new", "projects/root%2Fdemo/packages/other"];
    let versions: &[&str] = &[OPEN, "projects/1/packages/new/versions/1"];
    let groups: &[&str] = &["group", "root/sub", "group/sub"];
    let parents: &[&str] = &["namespaces/root", "namespaces/group"];
    let valid = [packages, VERSION_IDS, packages, VERSION_IDS, &["stable", "v1"], groups, parents, versions, PATHS][choice];
    let name = hostile.text(valid);
    let shown = format!("create {choice} {name:?}");
    let outcome = match choice {
        0 => {
            create_version(grpc, CreateVersionRequest { parent: name, version_id: "5.0.0".to_owned(), ..CreateVersionRequest::default() })
                .await
        }
        1 => {
            create_version(grpc, CreateVersionRequest { parent: PACKAGE.to_owned(), version_id: name, ..CreateVersionRequest::default() })
                .await
        }
        2 => {
            publish(grpc, PublishVersionRequest { parent: name, version_id: "6.0.0".to_owned(), ..PublishVersionRequest::default() }).await
        }
        3 => {
            publish(grpc, PublishVersionRequest { parent: PACKAGE.to_owned(), version_id: name, ..PublishVersionRequest::default() }).await
        }
        4 => {
            let request =
                CreateTagRequest { parent: PACKAGE.to_owned(), tag_id: name, version: VERSION.to_owned(), ..CreateTagRequest::default() };
            let made = grpc.tags().create_tag(authorized(request)).await;
            made.map(|made| vec![("tags", made.into_inner().tag.unwrap_or_default().name)])
        }
        5 => {
            let made = grpc
                .projects()
                .create_namespace(authorized(CreateNamespaceRequest { path: name, ..CreateNamespaceRequest::default() }))
                .await;
            made.map(|made| vec![("namespaces", made.into_inner().namespace.unwrap_or_default().path)])
        }
        6 => {
            create_project(grpc, CreateProjectRequest { parent: name, project_id: "made".to_owned(), ..CreateProjectRequest::default() })
                .await
        }
        7 => prepare(grpc, &name, UploadFile { path: "new".to_owned(), ..UploadFile::default() }).await,
        _ => prepare(grpc, OPEN, UploadFile { path: name, ..UploadFile::default() }).await,
    };
    (shown, outcome)
}

async fn patterns(grpc: &Grpc, hostile: &mut Hostile) -> (String, Outcome) {
    let choice = hostile.below(7);
    let pattern = hostile.text(&["v[0-9]+", "rel-*", "(a|b)*\\.[0-9]{1,3}", "?"]);
    let tags = |pattern| TagRule { pattern: Some(pattern), action: Action::Immutable.into(), ..TagRule::default() };
    let shown = format!("pattern {choice} {pattern:?}");
    let elsewhere = || "no-such-package".to_owned();
    let outcome = match choice {
        0 | 1 => {
            let policy = DuplicatePolicy { allowed: choice == 0, exception_regex: pattern, reject_identical: false };
            let settings = Settings { name: PROJECT.to_owned(), duplicate_policy: Some(policy), ..Settings::default() };
            let request = UpdateSettingsRequest { settings: Some(settings), validate_only: true, ..UpdateSettingsRequest::default() };
            send!(grpc.projects(), update_settings, request)
        }
        2 => test_rule(grpc, tags(Pattern::TagGlob(pattern)), vec!["a".repeat(255)]).await,
        3 => test_rule(grpc, tags(Pattern::TagRegex(pattern)), vec!["a".repeat(255)]).await,
        4 => create_rule(grpc, TagRule { package_glob: elsewhere(), ..tags(Pattern::TagRegex(pattern)) }).await,
        5 => create_rule(grpc, TagRule { package_glob: pattern, ..tags(Pattern::TagGlob(elsewhere())) }).await,
        _ => {
            let rule = TagRule { action: Action::Require.into(), predicate_types: vec![pattern], ..tags(Pattern::TagGlob("*".to_owned())) };
            test_rule(grpc, rule, Vec::new()).await
        }
    };
    (shown, outcome)
}

async fn selectors(grpc: &Grpc, hostile: &mut Hostile) -> (String, Outcome) {
    let choice = hostile.below(8);
    let ranges: &[&str] = &["^1.0", ">=1.2, <2", "~1.2.3-rc.1", "*"];
    let text = hostile.text(match choice {
        0 => VERSION_IDS,
        1 => &["stable", "prod"],
        2 => &[PACKAGE],
        _ => ranges,
    });
    let bytes = hostile.bytes();
    let mut parent = PACKAGE.to_owned();
    let shown = format!("selector {choice} {text:?} {bytes:?}");
    let selector = match choice {
        0 => Selector::VersionId(text),
        1 if bytes.is_empty() => Selector::StageId(text),
        1 => Selector::TagId(text),
        2 => {
            parent = text;
            Selector::Latest(true)
        }
        3 => Selector::ContentDigest(bytes.into()),
        _ => Selector::Range(text),
    };
    let request = ResolveVersionRequest { parent, selector: Some(selector), include_prerelease: choice % 2 == 0 };
    (shown, send!(grpc.packages(), resolve_version, request))
}

/// Labels, descriptions, masks, etags and request ids.
async fn texts(grpc: &Grpc, hostile: &mut Hostile) -> (String, Outcome) {
    let choice = hostile.below(9);
    let valid: &[&str] = match choice {
        0 | 1 => &["team", "example.org/team"],
        2 | 3 => &["core", ""],
        4 => &["labels", "description", "version_scheme"],
        5 => &["0123456789abcdef", "1"],
        _ => &["123e4567-e89b-12d3-a456-426614174000"],
    };
    let text = hostile.text(valid);
    let shown = format!("text {choice} {text:?}");
    let (package, version) =
        (Package { name: PACKAGE.to_owned(), ..Package::default() }, Version { name: OPEN.to_owned(), ..Version::default() });
    let mut packages = grpc.packages();
    let outcome = match choice {
        0 | 2 => {
            let labels = if choice == 0 { HashMap::from([(text, String::new())]) } else { HashMap::from([("key".to_owned(), text)]) };
            let request = UpdateVersionRequest { version: Some(Version { labels, ..version }), ..UpdateVersionRequest::default() };
            send!(packages, update_version, request)
        }
        1 | 3 => {
            let labels = HashMap::from([(text.clone(), text)]);
            let (parent, version_id) = (PACKAGE.to_owned(), "7.0.0".to_owned());
            create_version(grpc, CreateVersionRequest { parent, version_id, labels, ..CreateVersionRequest::default() }).await
        }
        4 => {
            let update_mask = Some(FieldMask { paths: vec![text] });
            send!(packages, update_package, UpdatePackageRequest { package: Some(package), update_mask, ..UpdatePackageRequest::default() })
        }
        5 => {
            let package = Some(Package { etag: text, description: "x".to_owned(), ..package });
            send!(packages, update_package, UpdatePackageRequest { package, ..UpdatePackageRequest::default() })
        }
        6 => {
            let version = Some(Version { description: text, ..version });
            send!(packages, update_version, UpdateVersionRequest { version, ..UpdateVersionRequest::default() })
        }
        7 => {
            let tag = Some(Tag { name: TAG.to_owned(), version: VERSION.to_owned(), ..Tag::default() });
            send!(grpc.tags(), update_tag, UpdateTagRequest { tag, expected_version: text, ..UpdateTagRequest::default() })
        }
        _ => {
            let version = Some(Version { description: "by its id".to_owned(), ..version });
            let sent =
                packages.update_version(authorized(UpdateVersionRequest { version, request_id: text.clone(), update_mask: None })).await;
            sent.map(|_| if text.is_empty() { Vec::new() } else { vec![("idempotency_records", text)] })
        }
    };
    (shown, outcome)
}

async fn numbers_and_bytes(grpc: &Grpc, hostile: &mut Hostile) -> (String, Outcome) {
    let (choice, number, small, bytes) = (hostile.below(13), hostile.number(), hostile.small_number(), hostile.bytes());
    let shown = format!("number {choice} {number} {small} {bytes:?}");
    let settings = |settings| UpdateSettingsRequest { settings: Some(settings), validate_only: true, ..UpdateSettingsRequest::default() };
    let project = || PROJECT.to_owned();
    let file = |sha256, size_bytes| UploadFile { path: "new".to_owned(), sha256, size_bytes, ..UploadFile::default() };
    let rule = TagRule { pattern: Some(Pattern::TagGlob("no-such-tag".to_owned())), package_glob: "none".to_owned(), ..TagRule::default() };
    let (mut projects, mut files) = (grpc.projects(), grpc.files());
    let outcome = match choice {
        0 => send!(files, get_file, GetFileRequest { name: FILE.to_owned(), revision: small }),
        1 => send!(files, undelete_file, UndeleteFileRequest { name: FILE.to_owned(), revision: small, ..UndeleteFileRequest::default() }),
        2 => send!(grpc.tags(), restore_tag, RestoreTagRequest { name: TAG.to_owned(), sequence: number, ..RestoreTagRequest::default() }),
        3 => send!(projects, get_usage, GetUsageRequest { name: project(), top_count: small }),
        4 => send!(projects, update_settings, settings(Settings { name: project(), quota_bytes: Some(number), ..Settings::default() })),
        5 => send!(
            projects,
            update_settings,
            settings(Settings { name: project(), max_file_bytes: Some(number), visibility: small, ..Settings::default() })
        ),
        6 => send!(
            projects,
            update_settings,
            settings(Settings { name: project(), default_version_mode: small, dedup_scope: small, ..Settings::default() })
        ),
        7 => {
            let project = Some(Project { name: project(), visibility: small, ..Project::default() });
            send!(projects, update_project, UpdateProjectRequest { project, ..UpdateProjectRequest::default() })
        }
        8 => create_rule(grpc, TagRule { action: small, ..rule }).await,
        9 => {
            let protection = Some(TagProtection { minimum_move_role: small, ..TagProtection::default() });
            create_rule(grpc, TagRule { action: Action::Protected.into(), protection, ..rule }).await
        }
        10 => prepare(grpc, OPEN, file(bytes.into(), Some(number))).await,
        11 => {
            let files = vec![PublishFile { path: "new".to_owned(), receipt: bytes.into(), ..PublishFile::default() }];
            send!(grpc.files(), commit_files, CommitFilesRequest { parent: OPEN.to_owned(), files, request_id: String::new() })
        }
        _ => {
            let request =
                PrepareDownloadsRequest { parent: VERSION.to_owned(), sha256s: vec![bytes.into()], ..PrepareDownloadsRequest::default() };
            send!(files, prepare_downloads, request)
        }
    };
    (shown, outcome)
}

async fn create_version(grpc: &Grpc, request: CreateVersionRequest) -> Outcome {
    let made = grpc.packages().create_version(authorized(request)).await?.into_inner();
    Ok(version_rows(made.version.unwrap_or_default()))
}

async fn publish(grpc: &Grpc, request: PublishVersionRequest) -> Outcome {
    let made = grpc.packages().publish_version(authorized(request)).await?.into_inner();
    Ok(version_rows(made.version.unwrap_or_default()))
}

fn version_rows(version: Version) -> Vec<Row> {
    vec![("packages", version.package.clone()), ("versions", format!("{}/{}", version.package, version.version))]
}

async fn create_project(grpc: &Grpc, request: CreateProjectRequest) -> Outcome {
    let made = grpc.projects().create_project(authorized(request)).await?.into_inner();
    Ok(vec![("projects", made.project.unwrap_or_default().path)])
}

async fn prepare(grpc: &Grpc, parent: &str, file: UploadFile) -> Outcome {
    let request = PrepareUploadsRequest { parent: parent.to_owned(), files: vec![file], request_id: String::new() };
    send!(grpc.files(), prepare_uploads, request)
}

async fn test_rule(grpc: &Grpc, rule: TagRule, tag_ids: Vec<String>) -> Outcome {
    let request = TestTagRuleRequest { parent: PROJECT.to_owned(), tag_rule: Some(rule), tag_ids };
    send!(grpc.tags(), test_tag_rule, request)
}

/// Makes a rule in another project than the one that the rest is about: each move of a tag there would have to read all of them.
async fn create_rule(grpc: &Grpc, rule: TagRule) -> Outcome {
    let request = CreateTagRuleRequest { parent: "projects/2".to_owned(), tag_rule: Some(rule), request_id: String::new() };
    let made = grpc.tags().create_tag_rule(authorized(request)).await?.into_inner();
    Ok(vec![("tag_rules", made.tag_rule.unwrap_or_default().name)])
}
