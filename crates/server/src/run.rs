//! Starting the roles, wiring them to each other, and ending them.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Response;
use consign_blobs::Blobs;
use consign_client::Client;
use consign_client::transport::{Transport, connect};
use consign_metadata::Metadata;
use consign_proto::blob::blob_service_server::{self, BlobServiceServer};
use consign_proto::metadata::file_service_server::{self, FileServiceServer};
use consign_proto::metadata::package_service_server::{self, PackageServiceServer};
use consign_proto::metadata::project_service_server::{self, ProjectServiceServer};
use consign_proto::{DESCRIPTORS, status};
use consign_types::Reason;
use consign_types::duplicates::DuplicatePolicy;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::trace::TraceLayer;
use tracing::{Span, info_span};

use crate::auth::authenticate;
use crate::budget::{Budget, charge};
use crate::config::{DatabaseSettings, Settings};
use crate::deadline::honour;
use crate::error::{Error, Result};
use crate::grpc::blob::{BlobApi, MAX_MESSAGE_BYTES};
use crate::grpc::file::FileApi;
use crate::grpc::package::PackageApi;
use crate::grpc::project::ProjectApi;
use crate::jobs::health::Health;
use crate::net::accept;
use crate::notes::Notes;
use crate::probes::{self, Readiness};
use crate::{clock, jobs};

const METADATA_SERVICES: &[&str] =
    &[project_service_server::SERVICE_NAME, package_service_server::SERVICE_NAME, file_service_server::SERVICE_NAME];
const BLOB_SERVICES: &[&str] = &[blob_service_server::SERVICE_NAME];

/// A started service. It ends by [`Running::stop`].
#[derive(Debug)]
pub struct Running {
    /// Where the gateway listens, if this process has it.
    pub http: Option<SocketAddr>,
    /// Where the gRPC services listen, if this process has any.
    pub grpc: Option<SocketAddr>,
    /// The administrator's token, if this start made it. It is shown nowhere else.
    pub new_admin_token: Option<String>,
    stopping: CancellationToken,
    tasks: TaskTracker,
    _lock: Option<File>,
}

impl Running {
    /// Stops accepting, lets what has begun finish for up to 25 seconds, and ends.
    pub async fn stop(self) {
        self.stopping.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// The planes of this process, and what they share.
struct Planes {
    metadata: Option<Metadata>,
    blobs: Option<Blobs>,
    notes: Option<Notes>,
    budget: Budget,
}

/// Starts the roles that the settings name. When this returns, they answer.
pub async fn start(settings: &Settings) -> Result<Running> {
    settings.check()?;
    let role = settings.role;
    let http = if role.has_gateway() { Some(listen(settings.http_listen, "--http-listen").await?) } else { None };
    let has_planes = role.has_metadata() || role.has_blobs();
    let grpc = if has_planes { Some(listen(settings.grpc_listen, "--grpc-listen").await?) } else { None };
    let lock = if has_planes { Some(lock_directory(&settings.data_dir)?) } else { None };

    let planes = open_planes(settings).await?;
    let new_admin_token = match &planes.metadata {
        Some(metadata) => admin_token(metadata, settings).await?,
        None => None,
    };
    let (reporter, health_service) = tonic_health::server::health_reporter();
    let readiness = Readiness::default();
    let health = Health {
        metadata: planes.metadata.clone(),
        blobs: planes.blobs.clone(),
        reporter,
        readiness: readiness.clone(),
        metadata_services: if planes.metadata.is_some() { METADATA_SERVICES.to_vec() } else { Vec::new() },
        blob_services: if planes.blobs.is_some() { BLOB_SERVICES.to_vec() } else { Vec::new() },
    };
    health.ask().await;
    let metadata_routes = metadata_routes(&planes, settings);
    let blob_routes = blob_routes(&planes);

    let (stopping, tasks) = (CancellationToken::new(), TaskTracker::new());
    let running = Running {
        http: http.as_ref().and_then(|listener| listener.local_addr().ok()),
        grpc: grpc.as_ref().and_then(|listener| listener.local_addr().ok()),
        new_admin_token,
        stopping: stopping.clone(),
        tasks: tasks.clone(),
        _lock: lock,
    };
    let connections = settings.limits.max_connections;
    if let Some(listener) = http {
        let client = client(settings, metadata_routes.as_ref(), blob_routes.as_ref())?;
        let app = surround(consign_gateway::router(client).merge(probes::router(readiness)));
        tasks.spawn(accept::serve(listener, app, connections, stopping.clone()));
    }
    if let Some(listener) = grpc {
        let services = [METADATA_SERVICES, BLOB_SERVICES];
        let present = [metadata_routes.is_some(), blob_routes.is_some()];
        let names = services.iter().zip(present).filter(|(_, present)| *present).flat_map(|(names, _)| names.iter().copied());
        let planes = [metadata_routes, blob_routes].into_iter().flatten();
        let open = Routes::new(health_service).into_axum_router().reset_fallback().merge(reflection(names)?);
        let app = surround(planes.fold(open, Router::merge).fallback(unimplemented));
        tasks.spawn(accept::serve(listener, app, connections, stopping.clone()));
    }
    if let Some(metadata) = planes.metadata {
        tasks.spawn(jobs::expire::run(metadata, stopping.clone()));
    }
    tasks.spawn(health.run(stopping));
    Ok(running)
}

/// Brings the database up to date, and ends.
pub async fn migrate(data_dir: &Path, database: &DatabaseSettings) -> Result<()> {
    create_directory(data_dir)?;
    let config = consign_metadata::Config {
        database_url: database.url(data_dir),
        allow_plaintext: database.database_allow_plaintext,
        connections: 1,
        max_file_bytes: 0,
        duplicates: DuplicatePolicy::default(),
        clock: clock::now,
    };
    Metadata::open(config).await?;
    Ok(())
}

async fn listen(address: SocketAddr, option: &'static str) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|source| Error::Listen { address, option, source })
}

/// The directory holds keys and digests of tokens: it is for this user's eyes only.
fn create_directory(path: &Path) -> Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|source| Error::DataDirectory { path: path.to_owned(), source })
}

/// Keeps a second process out of the data directory: SQLite has one writer, and spools have one owner.
fn lock_directory(path: &Path) -> Result<File> {
    create_directory(path)?;
    let failed = |source| Error::DataDirectory { path: path.to_owned(), source };
    let file = File::create(path.join("lock")).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(Error::InUse(path.to_owned())),
        Err(fs::TryLockError::Error(source)) => Err(failed(source)),
    }
}

async fn open_planes(settings: &Settings) -> Result<Planes> {
    let role = settings.role;
    let has_planes = role.has_metadata() || role.has_blobs();
    let notes = if has_planes { Some(Notes::open(&settings.key_file())?) } else { None };
    let metadata = if role.has_metadata() {
        let config = consign_metadata::Config {
            database_url: settings.database.url(&settings.data_dir),
            allow_plaintext: settings.database.database_allow_plaintext,
            connections: settings.database.database_connections,
            max_file_bytes: settings.max_file_bytes,
            duplicates: settings.duplicate_policy()?,
            clock: clock::now,
        };
        Some(Metadata::open(config).await?)
    } else {
        None
    };
    let blobs = if role.has_blobs() {
        let directory = settings.data_dir.clone();
        let config = consign_blobs::Config { directory, reserve_bytes: settings.limits.reserve_bytes, clock: clock::now };
        Some(Blobs::open(config).await?)
    } else {
        None
    };
    Ok(Planes { metadata, blobs, notes, budget: Budget::new(settings.limits.in_flight_bytes) })
}

/// Makes sure that there is an administrator. Returns the token if it was made now.
async fn admin_token(metadata: &Metadata, settings: &Settings) -> Result<Option<String>> {
    let bytes: [u8; 32] = rand::random();
    let fresh = format!("consign_adm_{}", consign_types::Digest::from_bytes(bytes));
    let taken = metadata.ensure_admin_token(settings.admin_token.as_deref(), &fresh).await?;
    Ok(taken.then_some(fresh))
}

/// The services of the metadata plane. None of them is reached without a token.
fn metadata_routes(planes: &Planes, settings: &Settings) -> Option<Router> {
    let (metadata, notes) = (planes.metadata.clone()?, planes.notes.clone()?);
    let blob_endpoint = settings.blob_endpoint.clone().unwrap_or_default();
    let files = FileApi { metadata: metadata.clone(), notes: notes.clone(), blob_endpoint };
    let services = Routes::new(ProjectServiceServer::new(ProjectApi { metadata: metadata.clone() }))
        .add_service(PackageServiceServer::new(PackageApi { metadata: metadata.clone(), notes }))
        .add_service(FileServiceServer::new(files));
    let router = services.into_axum_router().reset_fallback();
    Some(router.layer(from_fn_with_state(planes.budget.clone(), charge)).layer(from_fn_with_state(metadata, authenticate)))
}

/// The services of the blob plane. Tickets say what a caller may do.
fn blob_routes(planes: &Planes) -> Option<Router> {
    let (blobs, notes, budget) = (planes.blobs.clone()?, planes.notes.clone()?, planes.budget.clone());
    let service = BlobServiceServer::new(BlobApi { blobs, notes, budget }).max_decoding_message_size(MAX_MESSAGE_BYTES);
    Some(Routes::new(service).into_axum_router().reset_fallback())
}

/// Both versions of the reflection service, for the services that are here.
fn reflection(names: impl Iterator<Item = &'static str>) -> Result<Router> {
    let configure = |names: &[&'static str]| {
        let builder = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .with_service_name("grpc.health.v1.Health");
        names.iter().fold(builder, |builder, name| builder.with_service_name(*name))
    };
    let names: Vec<_> = names.collect();
    let routes = Routes::new(configure(&names).build_v1()?).add_service(configure(&names).build_v1alpha()?);
    Ok(routes.into_axum_router().reset_fallback())
}

/// The gateway's client: in memory to the planes of this process, over the network to others.
fn client(settings: &Settings, metadata: Option<&Router>, blobs: Option<&Router>) -> Result<Client> {
    let transport = |routes: Option<&Router>, endpoint: &Option<String>| match (routes, endpoint) {
        (Some(routes), _) => Ok(Transport::in_memory(Routes::from(routes.clone()).prepare())),
        (None, Some(endpoint)) => connect(endpoint).map_err(|_| Error::Endpoint(endpoint.clone())),
        (None, None) => Err(Error::Settings("the gateway does not know where the planes are".to_owned())),
    };
    Ok(Client::new(transport(metadata, &settings.metadata_endpoint)?, transport(blobs, &settings.blob_endpoint)?))
}

async fn unimplemented() -> Response {
    status::unimplemented().into_http::<tonic::body::Body>().map(Body::new)
}

/// What every request passes through: a log line, the caller's deadline, and a net under panics.
fn surround(app: Router) -> Router {
    let span = |request: &axum::extract::Request| info_span!("request", method = %request.method(), path = request.uri().path());
    let answered = |response: &axum::http::Response<_>, latency: Duration, _: &Span| {
        let response: &Response = response;
        let grpc_status = response.headers().get("grpc-status").and_then(|status| status.to_str().ok());
        tracing::info!(status = response.status().as_u16(), grpc_status, millis = latency.as_millis(), "answered");
    };
    let trace = TraceLayer::new_for_http().make_span_with(span).on_request(()).on_response(answered).on_failure(());
    let panic = CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
        let status = status::refused(Reason::Internal, "internal error");
        let mut response = status.into_http::<tonic::body::Body>();
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    });
    app.layer(from_fn(honour)).layer(panic).layer(trace)
}
