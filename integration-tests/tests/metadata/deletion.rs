//! Deleting for a while: versions, packages and their names.

use bytes::Bytes;
use consign_proto::metadata::version::State;
use consign_proto::metadata::{
    DeletePackageRequest, DeletePackageResponse, DeleteVersionRequest, DeleteVersionResponse, FindByDigestRequest, GetPackageRequest,
    GetTagRequest, ListVersionsRequest, Package, PublishVersionRequest, UndeletePackageRequest, UndeleteVersionRequest, Version,
};
use consign_types::{Digest, Reason};
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::publishing::{PACKAGE, brought, get_version, publish, read, refused};
use integration_tests::rest::{Rest, file};
use integration_tests::{BOTH, Builder};
use tonic::{Code, Status};

const ID: &str = "0b9d7f0e-6d3b-4b0a-9d5e-1f2a3b4c5d6e";

const NO_VERSION: (Code, Option<Reason>) = (Code::NotFound, Some(Reason::VersionNotFound));
const NO_PACKAGE: (Code, Option<Reason>) = (Code::NotFound, Some(Reason::PackageNotFound));
const TAKEN: (Code, Option<Reason>) = (Code::AlreadyExists, Some(Reason::NameTaken));
const STALE: (Code, Option<Reason>) = (Code::Aborted, Some(Reason::EtagMismatch));
const REUSED: (Code, Option<Reason>) = (Code::InvalidArgument, Some(Reason::RequestIdReused));

fn version_name() -> String {
    format!("{PACKAGE}/versions/1.0.0")
}

async fn publish_one(grpc: &Grpc, version: &str, tags: &[&str], content: &'static [u8]) -> Version {
    let set = brought(grpc, PACKAGE, version, &[("a", content)]).await;
    let tag_ids = tags.iter().map(|tag| (*tag).to_owned()).collect();
    publish(grpc, PublishVersionRequest { tag_ids, ..set }).await.unwrap().version.unwrap()
}

async fn delete(grpc: &Grpc, request: DeleteVersionRequest) -> Result<DeleteVersionResponse, Status> {
    let request = DeleteVersionRequest { name: version_name(), ..request };
    Ok(grpc.packages().delete_version(authorized(request)).await?.into_inner())
}

async fn undelete(grpc: &Grpc, request_id: &str) -> Result<Version, Status> {
    let request = UndeleteVersionRequest { name: version_name(), request_id: request_id.to_owned() };
    Ok(grpc.packages().undelete_version(authorized(request)).await?.into_inner().version.unwrap())
}

async fn delete_package(grpc: &Grpc, request: DeletePackageRequest) -> Result<DeletePackageResponse, Status> {
    let request = DeletePackageRequest { name: PACKAGE.to_owned(), ..request };
    Ok(grpc.packages().delete_package(authorized(request)).await?.into_inner())
}

async fn undelete_package(grpc: &Grpc, request_id: &str) -> Result<Package, Status> {
    let request = UndeletePackageRequest { name: PACKAGE.to_owned(), request_id: request_id.to_owned() };
    Ok(grpc.packages().undelete_package(authorized(request)).await?.into_inner().package.unwrap())
}

async fn get_package(grpc: &Grpc) -> Result<Package, Status> {
    let request = GetPackageRequest { name: PACKAGE.to_owned() };
    Ok(grpc.packages().get_package(authorized(request)).await?.into_inner().package.unwrap())
}

/// How many files have these bytes.
async fn found(grpc: &Grpc, content: &[u8]) -> usize {
    let sha256 = Bytes::copy_from_slice(Digest::of(content).as_bytes());
    let request = FindByDigestRequest { parent: "projects/-".to_owned(), sha256, ..FindByDigestRequest::default() };
    grpc.packages().find_by_digest(authorized(request)).await.unwrap().into_inner().files.len()
}

/// Versions that are listed together with deleted ones.
async fn with_deleted(grpc: &Grpc) -> Vec<Version> {
    let request = ListVersionsRequest { parent: PACKAGE.to_owned(), show_deleted: true, ..ListVersionsRequest::default() };
    grpc.packages().list_versions(authorized(request)).await.unwrap().into_inner().versions
}

#[tokio::test]
async fn a_deleted_version_vanishes_from_reads_and_comes_back_in_its_state_without_its_tags() {
    for engine in BOTH {
        let (service, grpc) = Builder::on(engine).demo_grpc().await;
        let rest = Rest::to(service.http());
        let path = file("tool", "1.0.0", "a");
        let before = publish_one(&grpc, "1.0.0", &["stable"], b"one").await;
        let tried = delete(&grpc, DeleteVersionRequest { validate_only: true, ..DeleteVersionRequest::default() }).await.unwrap();
        assert_eq!(tried.version.unwrap().state(), State::Deleted);
        assert_eq!(get_version(&grpc, "1.0.0").await.unwrap(), before, "nothing is done where it is only tried");
        assert_eq!(rest.get(&path).await.status, 200);

        let deleted = delete(&grpc, DeleteVersionRequest::default()).await.unwrap().version.unwrap();
        assert_eq!(deleted.state(), State::Deleted);
        let (from, to) = (deleted.delete_time.unwrap(), deleted.purge_time.unwrap());
        assert_eq!(to.seconds - from.seconds, 7 * 24 * 60 * 60, "it can be undeleted for a week");
        assert_eq!(refused(get_version(&grpc, "1.0.0").await), NO_VERSION);
        assert_eq!(refused(read(&grpc, "1.0.0", "a", 0, 0).await), NO_VERSION);
        assert_eq!(refused(delete(&grpc, DeleteVersionRequest::default()).await), NO_VERSION);
        assert_eq!((rest.get(&path).await.status, found(&grpc, b"one").await), (404, 0));
        let listed = with_deleted(&grpc).await;
        assert_eq!((listed.len(), listed[0].state(), listed[0].purge_time), (1, State::Deleted, Some(to)));
        assert_eq!(get_package(&grpc).await.unwrap().version_count, 0);

        let back = undelete(&grpc, "").await.unwrap();
        assert_eq!((back.state(), back.delete_time, back.purge_time), (State::Published, None, None));
        assert_eq!((&back.content_digest, back.id, back.tag_ids.len()), (&before.content_digest, before.id, 0));
        assert_eq!(undelete(&grpc, "").await.unwrap(), back, "what is not deleted is answered as it is");
        assert_eq!(get_version(&grpc, "1.0.0").await.unwrap(), back);
        assert_eq!((rest.get(&path).await.text(), found(&grpc, b"one").await), ("one", 1));
        let tag = GetTagRequest { name: format!("{PACKAGE}/tags/stable") };
        let tag = grpc.tags().get_tag(authorized(tag)).await;
        assert_eq!(tag.unwrap_err().code(), Code::NotFound, "its tags do not come back");
    }
}

#[tokio::test]
async fn the_name_of_a_deleted_version_is_free_and_may_be_taken() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        publish_one(&grpc, "1.0.0", &[], b"one").await;
        delete(&grpc, DeleteVersionRequest::default()).await.unwrap();
        let second = publish_one(&grpc, "1.0.0", &[], b"two").await;
        assert_eq!(refused(undelete(&grpc, "").await), TAKEN);
        assert_eq!(get_version(&grpc, "1.0.0").await.unwrap(), second);
        assert_eq!(read(&grpc, "1.0.0", "a", 0, 0).await.unwrap(), b"two");

        delete(&grpc, DeleteVersionRequest::default()).await.unwrap();
        assert_eq!(with_deleted(&grpc).await.len(), 2);
        assert_eq!(undelete(&grpc, "").await.unwrap().id, second.id, "of several, the last comes back");
        assert_eq!(read(&grpc, "1.0.0", "a", 0, 0).await.unwrap(), b"two");
    }
}

#[tokio::test]
async fn versions_are_deleted_under_their_etag_and_request_id() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        assert_eq!(refused(delete(&grpc, DeleteVersionRequest::default()).await), NO_VERSION);
        assert_eq!(refused(undelete(&grpc, "").await), NO_VERSION);
        let version = publish_one(&grpc, "1.0.0", &[], b"one").await;
        let etag = |etag: &str| DeleteVersionRequest { etag: etag.to_owned(), ..DeleteVersionRequest::default() };
        assert_eq!(refused(delete(&grpc, etag("other")).await), STALE);
        let request = DeleteVersionRequest { request_id: ID.to_owned(), ..etag(&version.etag) };
        let first = delete(&grpc, request.clone()).await.unwrap();
        undelete(&grpc, "").await.unwrap();
        let again = delete(&grpc, request.clone()).await.unwrap();
        assert_eq!(again.version.unwrap().id, first.version.unwrap().id);
        assert_eq!(get_version(&grpc, "1.0.0").await.unwrap().state(), State::Published, "a repeated request changes nothing");
        assert_eq!(refused(delete(&grpc, DeleteVersionRequest { force: true, ..request }).await), REUSED);
        delete(&grpc, DeleteVersionRequest::default()).await.unwrap();
        let back = undelete(&grpc, ID).await.unwrap();
        delete(&grpc, DeleteVersionRequest::default()).await.unwrap();
        assert_eq!(undelete(&grpc, ID).await.unwrap().id, back.id);
        assert_eq!(refused(get_version(&grpc, "1.0.0").await), NO_VERSION, "a repeated request changes nothing");
    }
}

#[tokio::test]
async fn a_deleted_package_comes_back_with_all_that_it_held() {
    for engine in BOTH {
        let (service, grpc) = Builder::on(engine).demo_grpc().await;
        let rest = Rest::to(service.http());
        let path = file("tool", "1.0.0", "a");
        publish_one(&grpc, "1.0.0", &["stable"], b"one").await;
        publish_one(&grpc, "2.0.0", &["beta"], b"two two").await;
        publish_one(&grpc, "3.0.0", &[], b"three").await;
        let request = DeleteVersionRequest { name: format!("{PACKAGE}/versions/3.0.0"), ..DeleteVersionRequest::default() };
        grpc.packages().delete_version(authorized(request)).await.unwrap();
        let before = get_package(&grpc).await.unwrap();
        assert_eq!((before.version_count, before.size_bytes), (2, 10));

        let tried = DeletePackageRequest { validate_only: true, ..DeletePackageRequest::default() };
        assert_eq!(delete_package(&grpc, tried).await.unwrap().version_count, 2);
        assert_eq!(get_package(&grpc).await.unwrap(), before);
        let stale = DeletePackageRequest { etag: "other".to_owned(), ..DeletePackageRequest::default() };
        assert_eq!(refused(delete_package(&grpc, stale).await), STALE);
        let request = DeletePackageRequest { etag: before.etag.clone(), request_id: ID.to_owned(), ..DeletePackageRequest::default() };
        let deleted = delete_package(&grpc, request.clone()).await.unwrap();
        assert_eq!(deleted.version_count, 2);
        let package = deleted.package.unwrap();
        assert_eq!(package.purge_time.unwrap().seconds - package.delete_time.unwrap().seconds, 7 * 24 * 60 * 60);

        assert_eq!(refused(get_package(&grpc).await), NO_PACKAGE);
        assert_eq!(refused(get_version(&grpc, "1.0.0").await).0, Code::NotFound);
        assert_eq!(refused(read(&grpc, "1.0.0", "a", 0, 0).await).0, Code::NotFound);
        assert_eq!((rest.get(&path).await.status, found(&grpc, b"one").await), (404, 0));
        assert_eq!(refused(delete_package(&grpc, DeletePackageRequest::default()).await), NO_PACKAGE);

        let back = undelete_package(&grpc, "").await.unwrap();
        assert_eq!((back.version_count, back.size_bytes, back.delete_time, back.purge_time), (2, 10, None, None));
        assert_eq!(get_version(&grpc, "1.0.0").await.unwrap().tag_ids, ["stable"]);
        assert_eq!(get_version(&grpc, "2.0.0").await.unwrap().tag_ids, ["beta"]);
        assert_eq!(refused(get_version(&grpc, "3.0.0").await), NO_VERSION, "what was deleted before stays so");
        assert_eq!((rest.get(&path).await.text(), found(&grpc, b"one").await), ("one", 1));
        assert_eq!(undelete_package(&grpc, "").await.unwrap(), back, "what is not deleted is answered as it is");
        delete_package(&grpc, request.clone()).await.unwrap();
        assert_eq!(get_package(&grpc).await.unwrap(), back, "a repeated request changes nothing");
        assert_eq!(refused(delete_package(&grpc, DeletePackageRequest { force: true, ..request }).await), REUSED);
    }
}

#[tokio::test]
async fn the_name_of_a_deleted_package_is_free_and_may_be_taken() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        assert_eq!(refused(undelete_package(&grpc, "").await), NO_PACKAGE);
        publish_one(&grpc, "1.0.0", &["stable"], b"one").await;
        delete_package(&grpc, DeletePackageRequest::default()).await.unwrap();
        publish_one(&grpc, "1.0.0", &["stable"], b"two").await;
        assert_eq!(refused(undelete_package(&grpc, "").await), TAKEN);
        assert_eq!(read(&grpc, "1.0.0", "a", 0, 0).await.unwrap(), b"two");

        delete_package(&grpc, DeletePackageRequest::default()).await.unwrap();
        undelete_package(&grpc, "").await.unwrap();
        assert_eq!(read(&grpc, "1.0.0", "a", 0, 0).await.unwrap(), b"two", "of several, the last comes back");
    }
}
