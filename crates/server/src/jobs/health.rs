//! Asking the database and the store for signs of life, and telling those who ask us.

use std::time::Duration;

use consign_blobs::Blobs;
use consign_client::Transport;
use consign_metadata::Metadata;
use futures::future::join_all;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus as ServingStatusWire;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::server::HealthReporter;

use crate::probes::Readiness;
use crate::routes::{BLOB_SERVICES, METADATA_SERVICES};

const INTERVAL: Duration = Duration::from_secs(2);

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is asked, and who is told.
pub(crate) struct Health {
    pub(crate) metadata: Option<Metadata>,
    pub(crate) blobs: Option<Blobs>,
    /// Planes that are elsewhere, which a gateway alone can't do without.
    pub(crate) remote: Vec<Transport>,
    pub(crate) reporter: HealthReporter,
    pub(crate) readiness: Readiness,
}

impl Health {
    /// Runs until `stop`; then tells everybody to go elsewhere.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let work = async {
            loop {
                tokio::time::sleep(INTERVAL).await;
                self.ask().await;
            }
        };
        stop.run_until_cancelled(work).await;
        self.readiness.set(false);
        self.tell(false, false).await;
    }

    /// Asks once, and tells. A role that this process does not have is not missed.
    pub(crate) async fn ask(&self) {
        let metadata = async {
            match &self.metadata {
                // Too much to do is a sign of life.
                Some(metadata) => matches!(metadata.ping().await, Ok(()) | Err(consign_metadata::Error::Overloaded)),
                None => true,
            }
        };
        let blobs = async {
            match &self.blobs {
                Some(blobs) => blobs.ping().await.is_ok(),
                None => true,
            }
        };
        let remote = join_all(self.remote.iter().cloned().map(is_serving));
        let (metadata, blobs, remote) = tokio::join!(timeout(PATIENCE, metadata), timeout(PATIENCE, blobs), timeout(PATIENCE, remote));
        let (metadata, blobs) = (metadata.unwrap_or(false), blobs.unwrap_or(false));
        self.tell(metadata, blobs).await;
        let reachable = remote.is_ok_and(|answers| answers.into_iter().all(|answer| answer));
        self.readiness.set(metadata && blobs && reachable);
    }

    async fn tell(&self, metadata: bool, blobs: bool) {
        let metadata_services = METADATA_SERVICES.iter().filter(|_| self.metadata.is_some()).map(|name| (*name, metadata));
        let blob_services = BLOB_SERVICES.iter().filter(|_| self.blobs.is_some()).map(|name| (*name, blobs));
        for (name, serving) in metadata_services.chain(blob_services).chain([("", metadata && blobs)]) {
            let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
            self.reporter.set_service_status(name, status).await;
        }
    }
}

/// Whether a plane elsewhere says that it serves.
async fn is_serving(plane: Transport) -> bool {
    let question = HealthCheckRequest { service: String::new() };
    let answer = HealthClient::new(plane).check(question).await;
    answer.is_ok_and(|answer| answer.get_ref().status() == ServingStatusWire::Serving)
}
