//! Asking the database and the store for signs of life, and telling those who ask us.

use std::time::Duration;

use consign_blobs::Blobs;
use consign_metadata::Metadata;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic_health::ServingStatus;
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
        let answers = tokio::join!(timeout(PATIENCE, metadata), timeout(PATIENCE, blobs));
        self.tell(answers.0.unwrap_or(false), answers.1.unwrap_or(false)).await;
    }

    async fn tell(&self, metadata: bool, blobs: bool) {
        self.readiness.set(metadata && blobs);
        let metadata_services = METADATA_SERVICES.iter().filter(|_| self.metadata.is_some()).map(|name| (*name, metadata));
        let blob_services = BLOB_SERVICES.iter().filter(|_| self.blobs.is_some()).map(|name| (*name, blobs));
        for (name, serving) in metadata_services.chain(blob_services).chain([("", metadata && blobs)]) {
            let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
            self.reporter.set_service_status(name, status).await;
        }
    }
}
