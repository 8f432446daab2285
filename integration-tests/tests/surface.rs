//! What the service offers is what it says: services, reasons, probes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::Path;

use consign_proto::DESCRIPTORS;
use consign_types::Reason;
use consign_types::access::Need;
use consign_types::access::methods::need;
use http::uri::PathAndQuery;
use integration_tests::grpc::{Grpc, refusal};
use integration_tests::rest::Rest;
use integration_tests::service::files;
use integration_tests::{Builder, Engine, TestService, wait};
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tonic::Code;
use tonic::client::Grpc as Client;
use tonic_prost::ProstCodec;

/// The services of which something works. Those that are only designed are not offered.
const SERVICES: [&str; 12] = [
    "consign.blob.v1.BlobService",
    "consign.metadata.v1.AttestationService",
    "consign.metadata.v1.AuditService",
    "consign.metadata.v1.EventService",
    "consign.metadata.v1.FileService",
    "consign.metadata.v1.PackageService",
    "consign.metadata.v1.ProjectService",
    "consign.metadata.v1.PromotionService",
    "consign.metadata.v1.ReleaseService",
    "consign.metadata.v1.TagService",
    "consign.metadata.v1.TokenService",
    "consign.metadata.v1.UserService",
];

/// Every method of every service, with whether its requests are a stream.
fn methods() -> Vec<(String, String)> {
    let files = FileDescriptorSet::decode(DESCRIPTORS).unwrap().file;
    let services = files.iter().flat_map(|file| file.service.iter().map(move |service| (file.package(), service)));
    services
        .flat_map(|(package, service)| {
            let name = format!("{package}.{}", service.name());
            service.method.iter().map(move |method| (name.clone(), method.name().to_owned()))
        })
        .collect()
}

#[tokio::test]
async fn no_method_of_the_metadata_plane_is_reached_without_a_token_and_what_is_not_built_is_not_there() {
    let service = TestService::start(Engine::Sqlite).await;
    let channel = Grpc::to(service.grpc()).channel();
    let mut refused = BTreeSet::new();
    for (name, method) in methods() {
        let mut client = Client::new(channel.clone());
        client.ready().await.unwrap();
        let path: PathAndQuery = format!("/{name}/{method}").parse().unwrap();
        let codec = ProstCodec::<(), ()>::default();
        let status = client.unary(tonic::Request::new(()), path, codec).await.map(|_| ()).err();
        let status = status.map(|status| (status.code(), refusal(&status).1));
        let expected = if !SERVICES.contains(&name.as_str()) {
            Some((Code::Unimplemented, None))
        } else if need(&format!("{name}/{method}")).is_some_and(Need::is_for_everybody) {
            // It might be about something public: an empty request is about nothing.
            let is_list = ["ListProjects", "ListNamespaces"].contains(&method.as_str());
            assert!(is_list || matches!(status, Some((Code::InvalidArgument | Code::Unauthenticated, _))), "{method}: {status:?}");
            continue;
        } else if need(&format!("{name}/{method}")).is_some() {
            refused.insert(method.clone());
            Some((Code::Unauthenticated, Some(Reason::TokenInvalid)))
        } else if name.starts_with("consign.metadata.") {
            Some((Code::Unimplemented, None))
        } else {
            // What a caller may do here is in its ticket, and there is none.
            assert!(status.is_some() || method == "GetCapabilities", "{method}");
            continue;
        };
        assert_eq!(status, expected, "{name}/{method}");
    }
    assert!(refused.len() > 25, "{refused:?}");
}

#[tokio::test]
async fn reflection_shows_the_services_that_are_there_in_both_of_its_versions() {
    use tonic_reflection::pb::v1::ServerReflectionRequest;
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
    use tonic_reflection::pb::v1alpha;

    let service = TestService::start(Engine::Sqlite).await;
    let channel = Grpc::to(service.grpc()).channel();

    let list = ServerReflectionRequest { host: String::new(), message_request: Some(MessageRequest::ListServices(String::new())) };
    let answer = ServerReflectionClient::new(channel.clone()).server_reflection_info(tokio_stream::once(list)).await.unwrap();
    let answer = answer.into_inner().message().await.unwrap().unwrap().message_response;
    let Some(MessageResponse::ListServicesResponse(list)) = answer else { panic!("{answer:?}") };
    let names: BTreeSet<_> = list.service.iter().map(|service| service.name.as_str()).collect();
    for service in SERVICES.iter().chain(&["grpc.health.v1.Health"]) {
        assert!(names.contains(service), "{names:?}");
    }
    assert!(!names.contains("consign.metadata.v1.RetentionService"), "what is only designed is not shown: {names:?}");

    let symbol = "consign.blob.v1.BlobService".to_owned();
    let find = v1alpha::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(v1alpha::server_reflection_request::MessageRequest::FileContainingSymbol(symbol)),
    };
    let mut old = v1alpha::server_reflection_client::ServerReflectionClient::new(channel);
    let answer = old.server_reflection_info(tokio_stream::once(find)).await.unwrap().into_inner().message().await.unwrap().unwrap();
    let found = matches!(answer.message_response, Some(v1alpha::server_reflection_response::MessageResponse::FileDescriptorResponse(_)));
    assert!(found, "{answer:?}");
}

#[tokio::test]
async fn the_health_of_each_service_is_told() {
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_check_response::ServingStatus;
    use tonic_health::pb::health_client::HealthClient;

    let service = TestService::start(Engine::Sqlite).await;
    let mut health = HealthClient::new(Grpc::to(service.grpc()).channel());
    for name in SERVICES.iter().chain(&[""]) {
        let answer = health.check(HealthCheckRequest { service: (*name).to_owned() }).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{name}");
    }
    let unknown = health.check(HealthCheckRequest { service: "nobody".to_owned() }).await;
    assert_eq!(unknown.unwrap_err().code(), Code::NotFound);
    let rest = Rest::to(service.http());
    assert_eq!(rest.get("/healthz").await.text(), "alive");
    assert_eq!(rest.get("/readyz").await.text(), "ready");
}

#[tokio::test]
async fn a_lost_store_is_told_and_a_recovered_one_too() {
    let service = Builder::on(Engine::Sqlite).start().await;
    let rest = Rest::to(service.http());
    let spool = service.directory().join("data/spool");
    let away = service.directory().join("data/away");
    std::fs::rename(&spool, &away).unwrap();
    wait::until("the news that the store is lost", async || (rest.get("/readyz").await.status == 503).then_some(())).await;
    std::fs::rename(&away, &spool).unwrap();
    wait::until("the news that the store is back", async || (rest.get("/readyz").await.status == 200).then_some(())).await;
    assert_eq!(rest.get("/healthz").await.status, 200);
}

#[test]
fn the_reference_of_reasons_is_what_the_code_says() {
    let written = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reasons.md")).unwrap_or_default();
    assert!(written == integration_tests::reference::reasons(), "docs/reasons.md is out of date: run `make reference`");
}

#[test]
fn every_reason_is_asserted_by_some_test() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let sources = files(&tests).into_iter().filter(|path| !path.ends_with("surface.rs"));
    let sources: Vec<String> = sources.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    for reason in Reason::ALL {
        let word = format!("Reason::{reason:?}");
        assert!(sources.iter().any(|text| text.contains(&word)), "{word} stands in no test of a refusal");
    }
}
