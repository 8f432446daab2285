//! From a selector to a version, and what was passed over on the way.

use bytes::Bytes;
use consign_proto::metadata::resolve_version_request::Selector;
use consign_proto::metadata::skipped_version::Reason as Skip;
use consign_proto::metadata::{
    CreateVersionRequest, Package, PublishVersionRequest, QuarantineVersionRequest, ResolveVersionRequest, ResolveVersionResponse,
    UpdatePackageRequest, VersionScheme, YankVersionRequest,
};
use consign_types::{Digest, Reason};
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::publishing::{PACKAGE, brought, get_version, publish, refused};
use integration_tests::{BOTH, Builder};
use tonic::{Code, Status};

const NOT_FOUND: (Code, Option<Reason>) = (Code::NotFound, Some(Reason::VersionNotFound));
const INVALID: (Code, Option<Reason>) = (Code::InvalidArgument, Some(Reason::ArgumentInvalid));

async fn resolve(grpc: &Grpc, selector: Selector, include_prerelease: bool) -> Result<ResolveVersionResponse, Status> {
    let request = ResolveVersionRequest { parent: PACKAGE.to_owned(), selector: Some(selector), include_prerelease, ..Default::default() };
    Ok(grpc.packages().resolve_version(authorized(request)).await?.into_inner())
}

fn range(text: &str) -> Selector {
    Selector::Range(text.to_owned())
}

/// The version that was found.
fn found(answer: &ResolveVersionResponse) -> &str {
    &answer.version.as_ref().unwrap().version
}

/// What was passed over.
fn skipped(answer: &ResolveVersionResponse) -> Vec<(&str, Skip)> {
    answer.skipped_versions.iter().map(|skipped| (skipped.version.rsplit('/').next().unwrap(), skipped.reason())).collect()
}

async fn publish_one(grpc: &Grpc, version: &str, hidden: bool) {
    let set = brought(grpc, PACKAGE, version, &[("b", b"two"), ("a", b"one")]).await;
    publish(grpc, PublishVersionRequest { hidden: Some(hidden), ..set }).await.unwrap();
}

/// Versions of which the higher ones are in the way.
async fn versions(grpc: &Grpc) {
    for version in ["1.3.0", "1.4.0", "1.4.9", "1.5.0", "1.6.0-rc.1", "1.7.0", "1.8.0", "2.0.0", "3.0.0-beta.1", "banana"] {
        publish_one(grpc, version, version == "1.7.0").await;
    }
    let name = |version: &str| format!("{PACKAGE}/versions/{version}");
    let yank = YankVersionRequest { name: name("1.5.0"), reason: "bad build".to_owned(), ..YankVersionRequest::default() };
    grpc.packages().yank_version(authorized(yank)).await.unwrap();
    let quarantine = QuarantineVersionRequest { name: name("1.8.0"), reason: "malware".to_owned(), ..QuarantineVersionRequest::default() };
    grpc.packages().quarantine_version(authorized(quarantine)).await.unwrap();
    let draft = CreateVersionRequest { parent: PACKAGE.to_owned(), version_id: "9.0.0".to_owned(), ..CreateVersionRequest::default() };
    grpc.packages().create_version(authorized(draft)).await.unwrap();
}

#[tokio::test]
async fn a_range_takes_the_highest_that_may_be_taken_and_tells_what_it_passed_over() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        versions(&grpc).await;
        for (text, prerelease, expected) in [
            ("^1.4", false, "1.4.9"),
            (">=1.2, <2", false, "1.4.9"),
            ("=1.3.0", false, "1.3.0"),
            ("~1.4.0", false, "1.4.9"),
            ("<1.4.0", false, "1.3.0"),
            ("*", false, "2.0.0"),
            (">=1", false, "2.0.0"),
            ("^1.4", true, "1.6.0-rc.1"),
            ("*", true, "3.0.0-beta.1"),
            (">=1.6.0-rc.0, <1.6.1", false, "1.6.0-rc.1"),
        ] {
            let answer = resolve(&grpc, range(text), prerelease).await.unwrap_or_else(|status| panic!("{text}: {status}"));
            assert_eq!(found(&answer), expected, "`{text}` with prereleases: {prerelease}");
        }
        let answer = resolve(&grpc, range("^1.4"), false).await.unwrap();
        let expected = [
            ("3.0.0-beta.1", Skip::Prerelease),
            ("2.0.0", Skip::OutOfRange),
            ("1.8.0", Skip::Quarantined),
            ("1.7.0", Skip::Hidden),
            ("1.6.0-rc.1", Skip::Prerelease),
            ("1.5.0", Skip::Yanked),
        ];
        assert_eq!(skipped(&answer), expected);
        let detail = |version: &str| {
            let skipped = answer.skipped_versions.iter().find(|skipped| skipped.version.ends_with(version)).unwrap();
            skipped.detail.clone()
        };
        assert!(detail("1.5.0").contains("bad build") && detail("1.8.0").contains("malware"));
        assert!(answer.skipped_versions.iter().all(|skipped| skipped.version.starts_with("projects/1/packages/tool/versions/")));
        let answer = resolve(&grpc, range("^1.4"), true).await.unwrap();
        assert_eq!(skipped(&answer)[..2], [("3.0.0-beta.1", Skip::OutOfRange), ("2.0.0", Skip::OutOfRange)]);

        for text in ["^5", ">9", "=1.5.0", "=1.7.0", "=1.8.0", "=9.0.0"] {
            assert_eq!(refused(resolve(&grpc, range(text), true).await), NOT_FOUND, "{text}");
        }
        for text in ["", "banana", ">=", "^1.4 ||", "1.2.3.4", "^1.4, banana"] {
            assert_eq!(refused(resolve(&grpc, range(text), false).await), INVALID, "`{text}`");
        }
    }
}

#[tokio::test]
async fn a_version_that_is_not_semantic_is_passed_over_by_ranges() {
    for engine in BOTH {
        for (scheme, expected) in [
            (VersionScheme::Dotted, [("banana", Skip::NotSemantic), ("2.0", Skip::NotSemantic)]),
            (VersionScheme::PublishTime, [("2.0", Skip::NotSemantic), ("banana", Skip::NotSemantic)]),
        ] {
            let (_service, grpc) = Builder::on(engine).demo_grpc().await;
            for version in ["1.0.0", "banana", "2.0"] {
                publish_one(&grpc, version, false).await;
            }
            assert_eq!(found(&resolve(&grpc, Selector::Latest(true), false).await.unwrap()), "1.0.0");
            let package = Package { name: PACKAGE.to_owned(), version_scheme: scheme.into(), ..Package::default() };
            let request = UpdatePackageRequest { package: Some(package), ..UpdatePackageRequest::default() };
            grpc.packages().update_package(authorized(request)).await.unwrap();

            assert_eq!(found(&resolve(&grpc, Selector::Latest(true), false).await.unwrap()), expected[0].0);
            for text in [">=1", "^1", "*"] {
                let answer = resolve(&grpc, range(text), false).await.unwrap();
                assert_eq!((found(&answer), skipped(&answer)), ("1.0.0", expected.to_vec()), "{text} by {scheme:?}");
            }
            assert_eq!(refused(resolve(&grpc, range("^2"), false).await), NOT_FOUND);
        }
    }
}

#[tokio::test]
async fn latest_is_the_highest_that_may_be_taken() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        versions(&grpc).await;
        let answer = resolve(&grpc, Selector::Latest(true), false).await.unwrap();
        assert_eq!(found(&answer), "2.0.0");
        assert_eq!(skipped(&answer), [("3.0.0-beta.1", Skip::Prerelease)]);
        assert_eq!(found(&resolve(&grpc, Selector::Latest(true), true).await.unwrap()), "3.0.0-beta.1");
        assert_eq!(refused(resolve(&grpc, Selector::Latest(false), false).await), INVALID);
        assert!(answer.sequence > 0);
    }
}

#[tokio::test]
async fn a_version_is_found_by_its_name_whatever_is_said_against_it() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        versions(&grpc).await;
        for version in ["1.3.0", "1.5.0", "1.6.0-rc.1", "1.7.0", "banana"] {
            let answer = resolve(&grpc, Selector::VersionId(version.to_owned()), false).await.unwrap();
            assert_eq!(answer.version.as_ref().unwrap(), &get_version(&grpc, version).await.unwrap());
            assert_eq!(answer.files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["a", "b"]);
            assert_eq!(answer.files[0].name, format!("projects/1/packages/tool/versions/{version}/files/a"));
            assert!(!answer.files_truncated);
            assert_eq!(skipped(&answer), [], "a name is not searched for");
        }
        assert_eq!(refused(resolve(&grpc, Selector::VersionId("7.7.7".to_owned()), false).await), NOT_FOUND);
    }
}

#[tokio::test]
async fn tags_stages_and_contents_name_versions_too() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        for version in ["2.0.0", "1.0.0"] {
            let set = brought(&grpc, PACKAGE, version, &[("a", b"one")]).await;
            let tag_ids = if version == "1.0.0" { vec!["stable".to_owned()] } else { Vec::new() };
            publish(&grpc, PublishVersionRequest { tag_ids, ..set }).await.unwrap();
        }
        let tagged = resolve(&grpc, Selector::TagId("stable".to_owned()), false).await.unwrap();
        assert_eq!(found(&tagged), "1.0.0");
        let content = get_version(&grpc, "1.0.0").await.unwrap().content_digest;
        let with_content = resolve(&grpc, Selector::ContentDigest(content), false).await.unwrap();
        assert_eq!(found(&with_content), "2.0.0", "of several with the same content, the first published");

        let unknown = Bytes::copy_from_slice(Digest::of(b"x").as_bytes());
        for (selector, code, reason) in [
            (Selector::TagId("beta".to_owned()), Code::NotFound, Reason::TagNotFound),
            (Selector::StageId("production".to_owned()), Code::NotFound, Reason::StageNotFound),
            (Selector::ContentDigest(unknown), Code::NotFound, Reason::VersionNotFound),
            (Selector::ContentDigest(Bytes::from_static(b"short")), Code::InvalidArgument, Reason::ArgumentInvalid),
        ] {
            let what = format!("{selector:?}");
            assert_eq!(refused(resolve(&grpc, selector, false).await), (code, Some(reason)), "{what}");
        }
        for (parent, selector, reason) in [
            ("projects/1/packages/unknown", Some(Selector::Latest(true)), Reason::PackageNotFound),
            ("projects/1/packages/unknown", Some(range("^1")), Reason::PackageNotFound),
            ("projects/1/packages/unknown", Some(Selector::TagId("stable".to_owned())), Reason::PackageNotFound),
            ("projects/1/packages/unknown", Some(Selector::VersionId("1.0.0".to_owned())), Reason::PackageNotFound),
            ("projects/9/packages/tool", Some(Selector::Latest(true)), Reason::ProjectNotFound),
            (PACKAGE, None, Reason::ArgumentInvalid),
        ] {
            let what = format!("{parent} {selector:?}");
            let request = ResolveVersionRequest { parent: parent.to_owned(), selector, ..Default::default() };
            assert_eq!(refused(grpc.packages().resolve_version(authorized(request)).await).1, Some(reason), "{what}");
        }
    }
}

#[tokio::test]
async fn many_files_and_many_versions_are_cut_short() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let set = brought(&grpc, PACKAGE, "1.0.0", &[("a", b"one")]).await;
        let copy = |n: i32| consign_proto::metadata::PublishFile { path: format!("f{n:04}"), ..set.files[0].clone() };
        let many = PublishVersionRequest { files: (0..1001).map(copy).collect(), ..set.clone() };
        publish(&grpc, many).await.unwrap();
        for n in 0..101 {
            let version_id = format!("2.{n}.0-rc");
            publish(&grpc, PublishVersionRequest { version_id, ..set.clone() }).await.unwrap();
        }
        let answer = resolve(&grpc, Selector::Latest(true), false).await.unwrap();
        assert_eq!((found(&answer), answer.files.len(), answer.files_truncated), ("1.0.0", 1000, true));
        let skipped = skipped(&answer);
        assert_eq!((skipped.len(), skipped[0]), (100, ("2.100.0-rc", Skip::Prerelease)));
    }
}
