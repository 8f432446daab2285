//! Calls of which one field is hostile that is no name: patterns, selectors, texts, numbers and bytes.

use std::collections::HashMap;

use consign_proto::metadata::resolve_version_request::Selector;
use consign_proto::metadata::tag_rule::{Action, Pattern};
use consign_proto::metadata::{
    CommitFilesRequest, CreateTagRuleRequest, CreateVersionRequest, DuplicatePolicy, GetFileRequest, GetUsageRequest, Package,
    PrepareDownloadsRequest, Project, PublishFile, ResolveVersionRequest, RestoreTagRequest, Settings, Tag, TagProtection, TagRule,
    TestTagRuleRequest, UndeleteFileRequest, UpdatePackageRequest, UpdateProjectRequest, UpdateSettingsRequest, UpdateTagRequest,
    UpdateVersionRequest, UploadFile, Version,
};
use prost_types::FieldMask;

use super::Hostile;
use super::calls::{FILE, OPEN, Outcome, PACKAGE, PROJECT, TAG, VERSION, VERSION_IDS, create_version, prepare};
use crate::grpc::{Grpc, authorized};

pub(super) async fn patterns(grpc: &Grpc, hostile: &mut Hostile) -> (String, Outcome) {
    let choice = hostile.below(7);
    let pattern = hostile.text(&["v[0-9]+", "rel-*", "(a|b)*\\.[0-9]{1,3}", "?"]);
    let tags = |pattern| TagRule { pattern: Some(pattern), action: Action::Immutable.into(), ..TagRule::default() };
    let shown = format!("pattern {choice} {pattern:?}");
    let elsewhere = || "no-such-package".to_owned();
    let outcome = match choice {
        0 | 1 => {
            let policy = DuplicatePolicy { allowed: Some(choice == 0), exception_regex: pattern, reject_identical: false };
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

pub(super) async fn selectors(grpc: &Grpc, hostile: &mut Hostile) -> (String, Outcome) {
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
    let (shown, path) = (format!("selector {choice} {text:?} {bytes:?}"), if choice == 4 { text.clone() } else { String::new() });
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
    let request = ResolveVersionRequest { parent, selector: Some(selector), include_prerelease: choice.is_multiple_of(2), path };
    (shown, send!(grpc.packages(), resolve_version, request))
}

/// Labels, descriptions, masks, etags and request ids.
pub(super) async fn texts(grpc: &Grpc, hostile: &mut Hostile) -> (String, Outcome) {
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

pub(super) async fn numbers_and_bytes(grpc: &Grpc, hostile: &mut Hostile) -> (String, Outcome) {
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
            settings(Settings {
                name: project(),
                default_version_mode: small,
                dedup_scope: small,
                keep_revisions: Some(small),
                ..Settings::default()
            })
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
