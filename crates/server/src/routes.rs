//! Which services answer at which door, and what surrounds them.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::post;
use consign_blobs::Blobs;
use consign_client::transport::{Transport, connect};
use consign_client::{Client, Tls, Transfers};
use consign_gateway::Manner;
use consign_metadata::Metadata;
use consign_proto::blob::blob_admin_service_server::{self, BlobAdminServiceServer};
use consign_proto::blob::blob_service_server::{self, BlobServiceServer};
use consign_proto::metadata::attestation_service_server::{self, AttestationServiceServer};
use consign_proto::metadata::audit_service_server::{self, AuditServiceServer};
use consign_proto::metadata::event_service_server::{self, EventServiceServer};
use consign_proto::metadata::file_service_server::{self, FileServiceServer};
use consign_proto::metadata::package_service_server::{self, PackageServiceServer};
use consign_proto::metadata::project_service_server::{self, ProjectServiceServer};
use consign_proto::metadata::promotion_service_server::{self, PromotionServiceServer};
use consign_proto::metadata::release_service_server::{self, ReleaseServiceServer};
use consign_proto::metadata::tag_service_server::{self, TagServiceServer};
use consign_proto::metadata::token_service_server::{self, TokenServiceServer};
use consign_proto::metadata::user_service_server::{self, UserServiceServer};
use consign_proto::{DESCRIPTORS, ERROR_DETAILS, status};
use consign_types::Reason;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::service::Routes;
use tonic_health::pb::health_server::{Health, HealthServer};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::trace::TraceLayer;
use tracing::{Span, info_span};

use crate::auth::{Gate, authenticate, authenticate_plane};
use crate::budget::{Budget, charge};
use crate::config::Settings;
use crate::deadline::honour;
use crate::error::{Error, Result};
use crate::grpc::attestation::AttestationApi;
use crate::grpc::audit::AuditApi;
use crate::grpc::blob::{BlobApi, MAX_BATCH_MESSAGE_BYTES, MAX_MESSAGE_BYTES, wire};
use crate::grpc::blob_admin::BlobAdminApi;
use crate::grpc::event::EventApi;
use crate::grpc::file::FileApi;
use crate::grpc::package::PackageApi;
use crate::grpc::project::ProjectApi;
use crate::grpc::promotion::PromotionApi;
use crate::grpc::release::ReleaseApi;
use crate::grpc::tag::TagApi;
use crate::grpc::token::TokenApi;
use crate::grpc::user::UserApi;
use crate::metrics::{Calls, Requests};
use crate::notes::Notes;
use crate::oidc::Issuers;
use crate::probes::{self, Readiness};
use crate::signatures::Signatures;
use crate::throttle::Throttle;

/// The services of the metadata plane.
pub(crate) const METADATA_SERVICES: &[&str] = &[
    project_service_server::SERVICE_NAME,
    package_service_server::SERVICE_NAME,
    file_service_server::SERVICE_NAME,
    tag_service_server::SERVICE_NAME,
    token_service_server::SERVICE_NAME,
    user_service_server::SERVICE_NAME,
    release_service_server::SERVICE_NAME,
    audit_service_server::SERVICE_NAME,
    promotion_service_server::SERVICE_NAME,
    attestation_service_server::SERVICE_NAME,
    event_service_server::SERVICE_NAME,
];

/// The services of the blob plane.
pub(crate) const BLOB_SERVICES: &[&str] = &[blob_service_server::SERVICE_NAME];

/// The services of the blob plane for the metadata plane.
pub(crate) const INTERNAL_SERVICES: &[&str] = &[blob_admin_service_server::SERVICE_NAME];

/// The one method whose messages may be larger than a chunk. They are held whole, so they are charged as the bodies of calls are.
const BATCH_WRITE: &str = "/consign.blob.v1.BlobService/BatchWrite";

/// The methods whose messages are not decoded by the generated service.
const WRITE: &str = "/consign.blob.v1.BlobService/Write";
const READ: &str = "/consign.blob.v1.BlobService/Read";

/// The largest question to the services that everybody may ask.
const MAX_QUESTION_BYTES: usize = 16 << 10;

/// The memory that bodies and transfers may take.
#[derive(Clone, Debug)]
pub(crate) struct Budgets {
    bodies: Budget,
    transfers: Budget,
}

impl Budgets {
    /// A quarter of the bytes is for the bodies of calls, the rest for transfers.
    pub(crate) fn new(bytes: u64) -> Self {
        Self { bodies: Budget::new(bytes / 4), transfers: Budget::new(bytes - bytes / 4) }
    }

    /// What transfers may take: who waits for it is served before those who stand still.
    pub(crate) fn transfers(&self) -> Budget {
        self.transfers.clone()
    }
}

/// The metadata plane of this process, and what it asks about those who call it.
#[derive(Clone, Debug)]
pub(crate) struct MetadataPlane {
    pub(crate) metadata: Metadata,
    /// By whom it has ID tokens verified.
    pub(crate) issuers: Option<Arc<Issuers>>,
    pub(crate) throttle: Throttle,
    pub(crate) signatures: Signatures,
    /// When it stops, those who follow events are told so.
    pub(crate) stopping: CancellationToken,
}

/// The metadata plane. None of its services is reached before it is known who calls: by a token, or as nobody.
pub(crate) fn metadata(plane: MetadataPlane, notes: Notes, budgets: &Budgets, settings: &Settings) -> Router {
    let MetadataPlane { metadata, issuers, throttle, signatures, stopping } = plane;
    let blob_endpoint = settings.blob_endpoint.clone().unwrap_or_default();
    let files = FileApi { metadata: metadata.clone(), notes: notes.clone(), blob_endpoint };
    let services = Routes::new(ProjectServiceServer::new(ProjectApi { metadata: metadata.clone() }))
        .add_service(AttestationServiceServer::new(AttestationApi { metadata: metadata.clone(), notes: notes.clone() }))
        .add_service(PackageServiceServer::new(PackageApi { metadata: metadata.clone(), notes }))
        .add_service(TagServiceServer::new(TagApi { metadata: metadata.clone() }))
        .add_service(EventServiceServer::new(EventApi::new(metadata.clone(), stopping)))
        .add_service(AuditServiceServer::new(AuditApi { metadata: metadata.clone(), signatures }))
        .add_service(TokenServiceServer::new(TokenApi { metadata: metadata.clone(), issuers }))
        .add_service(ReleaseServiceServer::new(ReleaseApi { metadata: metadata.clone() }))
        .add_service(PromotionServiceServer::new(PromotionApi { metadata: metadata.clone() }))
        .add_service(UserServiceServer::new(UserApi { metadata: metadata.clone() }))
        .add_service(FileServiceServer::new(files));
    let charged = router(services).layer(from_fn_with_state(budgets.bodies.clone(), charge));
    charged.layer(from_fn_with_state(Gate { metadata, throttle }, authenticate))
}

/// The blob plane. Tickets say what a caller may do.
pub(crate) fn blobs(api: BlobApi, budgets: &Budgets) -> Router {
    let service = BlobServiceServer::new(api.clone());
    let batches = service.clone().max_decoding_message_size(MAX_BATCH_MESSAGE_BYTES);
    let batches = Router::new().route_service(BATCH_WRITE, batches).layer(from_fn_with_state(budgets.bodies.clone(), charge));
    let transfers = Router::new().route(WRITE, post(wire::serve_write)).route(READ, post(wire::serve_read)).with_state(api);
    router(Routes::new(service.max_decoding_message_size(MAX_MESSAGE_BYTES))).merge(batches).merge(transfers)
}

/// The blob plane for the metadata plane. It is reached by that plane alone.
pub(crate) fn internal(blobs: Blobs, notes: Notes, budgets: &Budgets) -> Router {
    let service = router(Routes::new(BlobAdminServiceServer::new(BlobAdminApi { blobs })));
    service.layer(from_fn_with_state(budgets.bodies.clone(), charge)).layer(from_fn_with_state(notes, authenticate_plane))
}

/// The door for gRPC: the planes of this process, and the services that tell about them.
pub(crate) fn grpc<H: Health>(
    planes: impl IntoIterator<Item = Router>,
    names: &[&str],
    health: HealthServer<H>,
    calls: &Calls,
) -> Result<Router> {
    let open = router(Routes::new(health.max_decoding_message_size(MAX_QUESTION_BYTES))).merge(reflection(names)?);
    let app = planes.into_iter().fold(open, Router::merge).fallback(async || into_response(status::unimplemented()));
    let panicked = CatchPanicLayer::custom(|_: Box<dyn Any + Send>| into_response(status::refused(Reason::Internal, "internal error")));
    Ok(logged(calls.of(app.layer(from_fn(honour)).layer(panicked))))
}

/// The door for REST: the gateway, and the probes.
pub(crate) fn rest(client: Client, readiness: Readiness, requests: &Requests, settings: &Settings) -> Router {
    let manner = Manner { scheme: settings.tls.scheme(), strict_gitlab: settings.strict_gitlab };
    logged(requests.of(consign_gateway::router(client, manner).merge(probes::router(readiness))))
}

/// The ways to the planes.
pub(crate) struct Ways {
    metadata: Transport,
    transfers: Transfers,
    /// Those of them that lead out of this process.
    pub(crate) remote: Vec<Transport>,
}

impl Ways {
    /// In memory to the planes of this process, over the network to others.
    pub(crate) fn new(settings: &Settings, tls: &Tls, metadata: Option<Router>, blobs: Option<BlobApi>) -> Result<Self> {
        let mut remote = Vec::new();
        let mut over_network = |endpoint: &Option<String>| {
            let unknown = || Error::Settings("the gateway does not know where the planes are".to_owned());
            let transport = connect(endpoint.as_ref().ok_or_else(unknown)?, tls)?;
            remote.push(transport.clone());
            Ok::<_, Error>(transport)
        };
        let metadata = match metadata {
            Some(routes) => Transport::in_memory(Routes::from(routes).prepare()),
            None => over_network(&settings.metadata_endpoint)?,
        };
        let transfers = match blobs {
            Some(api) => Transfers::Local(Arc::new(api)),
            None => Transfers::Remote(over_network(&settings.blob_endpoint)?),
        };
        Ok(Self { metadata, transfers, remote })
    }

    /// The gateway's client.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.metadata.clone(), self.transfers.clone())
    }
}

/// A refusal as an answer.
pub(crate) fn into_response(status: Status) -> Response {
    status.into_http::<tonic::body::Body>().map(Body::new)
}

fn router(services: Routes) -> Router {
    services.into_axum_router().reset_fallback()
}

/// Both versions of the reflection service, for the services that are here.
fn reflection(names: &[&str]) -> Result<Router> {
    let configure = || {
        let builder = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            // What errors carry, so that tools can show it.
            .register_encoded_file_descriptor_set(ERROR_DETAILS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .with_service_name("grpc.health.v1.Health");
        names.iter().fold(builder, |builder, name| builder.with_service_name(*name))
    };
    let new = configure().build_v1()?.max_decoding_message_size(MAX_QUESTION_BYTES);
    let old = configure().build_v1alpha()?.max_decoding_message_size(MAX_QUESTION_BYTES);
    Ok(router(Routes::new(new).add_service(old)))
}

/// A line in the log for each request.
fn logged(app: Router) -> Router {
    let span = |request: &axum::extract::Request| info_span!("request", method = %request.method(), path = request.uri().path());
    let answered = |response: &Response<_>, latency: Duration, _: &Span| {
        let grpc_status = response.headers().get("grpc-status").and_then(|status| status.to_str().ok()?.parse::<i64>().ok());
        let millis = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
        tracing::info!(status = response.status().as_u16(), grpc_status, millis, "answered");
    };
    app.layer(TraceLayer::new_for_http().make_span_with(span).on_request(()).on_response(answered).on_failure(()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::StatusCode;

    #[test]
    fn a_refusal_is_an_answer_that_grpc_clients_read() {
        let response = into_response(status::unimplemented());
        assert_eq!((response.status(), response.headers()["grpc-status"].as_bytes()), (StatusCode::OK, b"12".as_slice()));
    }
}
