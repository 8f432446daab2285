//! Starting the roles, and ending them.
//!
//! - `doors`: where requests come in
//! - `memory`: how the process keeps memory
//! - `planes`: the planes of this process

mod doors;
mod memory;
mod planes;

use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;

use consign_metadata::Metadata;
use consign_types::secret::Secret;
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{DatabaseSettings, Settings};
use crate::error::{Error, Result};
use crate::jobs::collect::Collector;
use crate::jobs::health::Health;
use crate::metrics::Metrics;
use crate::net::accept;
use crate::probes::Readiness;
use crate::routes::{self, BLOB_SERVICES, Budgets, INTERNAL_SERVICES, METADATA_SERVICES, MetadataPlane, Ways};
use crate::tls::Tls;
use crate::{clock, jobs};

use doors::Doors;
use planes::Planes;

/// The connections on which metrics are read at once: enough for those who do, and few beside those on which work is done.
const MAX_READERS: usize = 64;

/// A started service. It ends by [`Running::stop`].
#[derive(Debug)]
pub struct Running {
    /// Where the gateway listens, if this process has it.
    pub http: Option<SocketAddr>,
    /// Where the gRPC services listen, if this process has any.
    pub grpc: Option<SocketAddr>,
    /// Where the metadata plane reaches the blob plane, if it may.
    pub internal: Option<SocketAddr>,
    /// Where the metrics are told, if they are.
    pub metrics: Option<SocketAddr>,
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

    async fn serve(&self, doors: Doors, planes: Planes, metrics: Metrics, settings: &Settings) -> Result<()> {
        let connections = max_connections(settings.limits.max_connections);
        let tls = doors.tls;
        let (open, internal) = (tls.open.clone(), tls.internal.clone());
        let budgets = Budgets::new(settings.in_flight_bytes());
        let metadata = planes.metadata(settings, &budgets);
        let blobs = planes.blobs(&budgets);
        // The gateway's calls come by no door, and are counted as well.
        let near = metadata.clone().map(|services| metrics.calls.of(services));
        let ways = if doors.http.is_some() { Some(Ways::new(settings, &tls.outgoing, near, blobs.clone())?) } else { None };
        let blobs = blobs.map(|api| routes::blobs(api, &budgets));
        let (reporter, health_service) = tonic_health::server::health_reporter();
        let readiness = Readiness::default();
        let health = Health {
            metadata: planes.metadata.as_ref().map(|plane| plane.metadata.clone()),
            blobs: planes.blobs.clone(),
            remote: ways.as_ref().map(|ways| ways.remote.clone()).unwrap_or_default(),
            reporter,
            readiness: readiness.clone(),
        };
        health.ask().await;
        if let (Some(listener), Some(ways)) = (doors.http, ways) {
            let app = routes::rest(ways.client(), readiness, &metrics.requests, settings);
            self.tasks.spawn(accept::serve(listener, open.clone(), app, connections, budgets.transfers(), self.stopping.clone()));
        }
        if let (Some(listener), Some((blobs, notes))) = (doors.internal, planes.blobs.clone().zip(planes.notes.clone())) {
            let services = [routes::internal(blobs, notes, &budgets)];
            let app = routes::grpc(services, INTERNAL_SERVICES, health_service.clone(), &metrics.calls)?;
            self.tasks.spawn(accept::serve(listener, internal, app, connections, budgets.transfers(), self.stopping.clone()));
        }
        if let Some(listener) = doors.grpc {
            let names = [(METADATA_SERVICES, metadata.is_some()), (BLOB_SERVICES, blobs.is_some())];
            let names: Vec<&str> = names.iter().filter(|(_, here)| *here).flat_map(|(names, _)| names.iter().copied()).collect();
            let app = routes::grpc([metadata, blobs].into_iter().flatten(), &names, health_service, &metrics.calls)?;
            self.tasks.spawn(accept::serve(listener, open.clone(), app, connections, budgets.transfers(), self.stopping.clone()));
        }
        if let Some(listener) = doors.metrics {
            let readers = connections.min(MAX_READERS);
            self.tasks.spawn(accept::serve(listener, None, metrics.router(), readers, budgets.transfers(), self.stopping.clone()));
        }
        self.start_jobs(planes, tls, settings)?;
        self.tasks.spawn(health.run(self.stopping.clone()));
        Ok(())
    }
}

impl Running {
    /// Starts what is done in the background. Garbage is collected where the metadata plane is, if it knows where the blobs are.
    fn start_jobs(&self, planes: Planes, tls: Tls, settings: &Settings) -> Result<()> {
        let stop = || self.stopping.clone();
        let collection = settings.collection;
        if let Some(MetadataPlane { metadata, throttle, .. }) = planes.metadata.clone() {
            if let Some(stored) = planes.stored(settings, &tls)? {
                self.tasks.spawn(Collector::new(metadata.clone(), stored, collection).run(stop()));
            } else {
                tracing::warn!("no garbage is collected: `--blob-internal-endpoint` does not say where the blobs are");
            }
            self.tasks.spawn(jobs::throttle::run(throttle, stop()));
            self.tasks.spawn(jobs::downloads::run(metadata.clone(), stop()));
            self.tasks.spawn(jobs::promote::run(metadata.clone(), stop()));
            self.tasks.spawn(jobs::clean_up::run(metadata.clone(), collection.cleanup_pause(), stop()));
            self.tasks.spawn(jobs::expire::run(metadata, collection.interval(), stop()));
        }
        if let Some(blobs) = planes.blobs {
            self.tasks.spawn(jobs::uploads::run(blobs.clone(), stop()));
            self.tasks.spawn(jobs::trash::run(blobs.clone(), collection.interval(), collection.trash_seconds, stop()));
            self.tasks.spawn(jobs::scrub::run(blobs, stop()));
        }
        if tls.has_files() {
            self.tasks.spawn(jobs::certificates::run(tls, stop()));
        }
        Ok(())
    }
}

/// Starts the roles that the settings name. When this returns, they answer.
pub async fn start(settings: &Settings) -> Result<Running> {
    settings.check()?;
    for clear in settings.in_the_clear() {
        tracing::warn!("{clear}: tokens and bytes can be read on the way");
    }
    memory::keep_buffers();
    let doors = Doors::open(settings).await?;
    let lock = if settings.role.has_planes() { Some(lock_directory(&settings.database.data_dir)?) } else { None };
    let mut metrics = Metrics::new(clock::now());
    let stopping = CancellationToken::new();
    let planes = Planes::open(settings, Arc::new(metrics.promotions.clone()), stopping.clone()).await?;
    if let Some(plane) = &planes.metadata {
        metrics.add_connections(plane.metadata.clone());
    }
    let new_admin_token = match &planes.metadata {
        Some(plane) => admin_token(&plane.metadata, settings).await?,
        None => None,
    };
    let running = Running {
        http: doors.http.as_ref().and_then(|listener| listener.local_addr().ok()),
        grpc: doors.grpc.as_ref().and_then(|listener| listener.local_addr().ok()),
        internal: doors.internal.as_ref().and_then(|listener| listener.local_addr().ok()),
        metrics: doors.metrics.as_ref().and_then(|listener| listener.local_addr().ok()),
        new_admin_token,
        stopping,
        tasks: TaskTracker::new(),
        _lock: lock,
    };
    running.serve(doors, planes, metrics, settings).await?;
    let addresses = [running.http, running.grpc, running.internal, running.metrics];
    let [http, grpc, internal, metrics] = addresses.map(|address| address.map(tracing::field::display));
    tracing::info!(version = env!("CARGO_PKG_VERSION"), role = ?settings.role, http, grpc, internal, metrics, "started");
    Ok(running)
}

/// Brings the database up to date, and ends.
pub async fn migrate(database: &DatabaseSettings) -> Result<()> {
    create_directory(&database.data_dir)?;
    consign_metadata::migrate(&database.config()).await?;
    tracing::info!("the database is up to date");
    Ok(())
}

/// Counts anew what all projects hold, and answers a line for each counter that differs.
pub async fn recount(database: &DatabaseSettings) -> Result<Vec<String>> {
    create_directory(&database.data_dir)?;
    consign_metadata::migrate(&database.config()).await?;
    let line = |found: consign_metadata::Discrepancy| {
        format!("projects/{}: {} is {}, and should be {}", found.project, found.counter, found.counted, found.actual)
    };
    Ok(consign_metadata::recount(&database.config()).await?.into_iter().map(line).collect())
}

/// The directory holds keys and digests of tokens: it is for this user's eyes only.
fn create_directory(path: &Path) -> Result<()> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => io::ErrorKind::NotADirectory.into(),
        _ => source,
    };
    made.map_err(|source| Error::DataDirectory { path: path.to_owned(), source: failed(source) })
}

/// Keeps a second process out of the data directory: SQLite has one writer, and spools have one owner.
pub(crate) fn lock_directory(path: &Path) -> Result<File> {
    create_directory(path)?;
    let failed = |source| Error::DataDirectory { path: path.to_owned(), source };
    let file = File::create(path.join("lock")).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(Error::InUse(path.to_owned())),
        Err(fs::TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Makes sure that there is an administrator. Returns the token if it was made now.
async fn admin_token(metadata: &Metadata, settings: &Settings) -> Result<Option<String>> {
    let fresh = format!("consign_adm_{}", Secret::generate().expose());
    let taken = metadata.ensure_admin_token(settings.admin_token.as_deref(), &fresh).await?;
    Ok(taken.then_some(fresh))
}

/// As many connections as are wished for, but no more than leave file descriptors for files and the database. The process may open
/// as many as it is allowed to.
fn max_connections(wished: u32) -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!(%error, "cannot raise the limit of open files");
    }
    let descriptors = getrlimit(Resource::Nofile).current.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    usize::try_from(wished).unwrap_or(usize::MAX).min((descriptors / 5 * 2).max(16))
}
