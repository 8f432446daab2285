//! What makes one version of a package newer than another.

use consign_proto::metadata::{GetPackageRequest, ListVersionsRequest, Package, UpdatePackageRequest, VersionScheme};
use consign_types::Reason;
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::publishing::{PACKAGE, brought, publish, refused};
use integration_tests::{BOTH, Builder};
use prost_types::FieldMask;
use tonic::{Code, Status};

async fn publish_all(grpc: &Grpc, versions: &[&str]) {
    for version in versions {
        publish(grpc, brought(grpc, PACKAGE, version, &[("a", b"one")]).await).await.unwrap();
    }
}

async fn listed(grpc: &Grpc) -> Vec<String> {
    let request = ListVersionsRequest { parent: PACKAGE.to_owned(), ..ListVersionsRequest::default() };
    let versions = grpc.packages().list_versions(authorized(request)).await.unwrap().into_inner().versions;
    versions.into_iter().map(|version| version.version).collect()
}

async fn latest(grpc: &Grpc) -> String {
    let request = GetPackageRequest { name: PACKAGE.to_owned() };
    let package = grpc.packages().get_package(authorized(request)).await.unwrap().into_inner().package.unwrap();
    package.latest_version.rsplit('/').next().unwrap().to_owned()
}

async fn update(grpc: &Grpc, package: Package, paths: &[&str]) -> Result<Package, Status> {
    let update_mask = Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() });
    let package = Package { name: PACKAGE.to_owned(), ..package };
    let request = UpdatePackageRequest { package: Some(package), update_mask, request_id: String::new() };
    Ok(grpc.packages().update_package(authorized(request)).await?.into_inner().package.unwrap())
}

async fn order_by(grpc: &Grpc, scheme: VersionScheme) {
    let package = Package { version_scheme: scheme.into(), ..Package::default() };
    assert_eq!(update(grpc, package, &[]).await.unwrap().version_scheme(), scheme);
}

#[tokio::test]
async fn semantic_versions_stand_by_their_precedence_and_all_others_below() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let published = [
            "1.0.0",
            "zebra",
            "1.0.0-beta.11",
            "v3.0.0",
            "1.0.0-alpha.beta",
            "10.0.0",
            "1.0.0-rc.1",
            "1.0.0-alpha",
            "apple",
            "2.0.0",
            "1.0.0-beta",
            "1.0.0-alpha.1",
            "1.0.0-beta.2",
            "01.0.0",
            "11.0.0-rc.1",
        ];
        publish_all(&grpc, &published).await;
        let expected = [
            "zebra",
            "apple",
            "01.0.0",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "2.0.0",
            "v3.0.0",
            "10.0.0",
            "11.0.0-rc.1",
        ];
        assert_eq!(listed(&grpc).await, expected);
        assert_eq!(latest(&grpc).await, "10.0.0", "a prerelease is not the latest");
    }
}

#[tokio::test]
async fn a_package_may_be_ordered_by_parts_or_by_time() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        publish_all(&grpc, &["1.0.10", "1.0", "1.0.3-SNAPSHOT", "1.0.1"]).await;
        assert_eq!(listed(&grpc).await, ["1.0", "1.0.1", "1.0.3-SNAPSHOT", "1.0.10"]);
        assert_eq!(latest(&grpc).await, "1.0.10");

        order_by(&grpc, VersionScheme::PublishTime).await;
        assert_eq!(listed(&grpc).await, ["1.0.10", "1.0", "1.0.3-SNAPSHOT", "1.0.1"]);
        assert_eq!(latest(&grpc).await, "1.0.1");
        publish_all(&grpc, &["0.1"]).await;
        assert_eq!(latest(&grpc).await, "0.1", "what is published later is higher");

        order_by(&grpc, VersionScheme::Dotted).await;
        publish_all(&grpc, &["1.0.b", "1.0.a1", "1.0.3-RC"]).await;
        assert_eq!(listed(&grpc).await, ["0.1", "1.0", "1.0.1", "1.0.3-RC", "1.0.3-SNAPSHOT", "1.0.10", "1.0.a1", "1.0.b"]);
        assert_eq!(latest(&grpc).await, "1.0.b", "without semantics there are no prereleases");

        order_by(&grpc, VersionScheme::Semver).await;
        assert_eq!(latest(&grpc).await, "1.0.10");
        assert_eq!(listed(&grpc).await, ["1.0", "0.1", "1.0.b", "1.0.a1", "1.0.1", "1.0.3-RC", "1.0.3-SNAPSHOT", "1.0.10"]);
    }
}

#[tokio::test]
async fn a_package_changes_by_mask_and_etag() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        publish_all(&grpc, &["1.0.0"]).await;
        let labels = [("team".to_owned(), "core".to_owned())].into();
        let wanted = Package { labels, description: "text".to_owned(), ..Package::default() };
        let changed = update(&grpc, wanted.clone(), &["description"]).await.unwrap();
        assert_eq!((changed.description.as_str(), changed.labels.len()), ("text", 0));
        let etag = changed.etag.clone();
        let changed = update(&grpc, Package { etag: etag.clone(), ..wanted.clone() }, &[]).await.unwrap();
        assert_eq!(changed.labels, wanted.labels);
        let stale = update(&grpc, Package { etag, ..wanted.clone() }, &["labels"]).await;
        assert_eq!(refused(stale), (Code::Aborted, Some(Reason::EtagMismatch)));
        let cleared = update(&grpc, Package::default(), &["labels", "description"]).await.unwrap();
        assert_eq!((cleared.labels.len(), cleared.description.as_str()), (0, ""));

        let invalid = (Code::InvalidArgument, Some(Reason::ArgumentInvalid));
        assert_eq!(refused(update(&grpc, wanted.clone(), &["package_id"]).await), invalid);
        let scheme = Package { version_scheme: 77, ..Package::default() };
        assert_eq!(refused(update(&grpc, scheme, &["version_scheme"]).await), invalid);
        let request = UpdatePackageRequest {
            package: Some(Package { name: "projects/1/packages/unknown".to_owned(), ..wanted }),
            ..UpdatePackageRequest::default()
        };
        let unknown = grpc.packages().update_package(authorized(request)).await;
        assert_eq!(refused(unknown), (Code::NotFound, Some(Reason::PackageNotFound)));
    }
}
