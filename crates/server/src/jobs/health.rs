//! Asking the database and the store for signs of life, and telling those who ask us.

use std::time::Duration;

use consign_blobs::Blobs;
use consign_metadata::Metadata;
use tokio_util::sync::CancellationToken;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::probes::Readiness;

const INTERVAL: Duration = Duration::from_secs(2);

/// What is asked, and who is told.
pub(crate) struct Health {
    pub(crate) metadata: Option<Metadata>,
    pub(crate) blobs: Option<Blobs>,
    pub(crate) reporter: HealthReporter,
    pub(crate) readiness: Readiness,
    pub(crate) metadata_services: Vec<&'static str>,
    pub(crate) blob_services: Vec<&'static str>,
}

impl Health {
    /// Runs until `stop`; then tells everybody to go elsewhere.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let work = async {
            loop {
                self.ask().await;
                tokio::time::sleep(INTERVAL).await;
            }
        };
        stop.run_until_cancelled(work).await;
        self.tell(false, false).await;
    }

    pub(crate) async fn ask(&self) {
        let metadata = match &self.metadata {
            Some(metadata) => metadata.ping().await.is_ok(),
            None => true,
        };
        let blobs = match &self.blobs {
            Some(blobs) => blobs.ping().await.is_ok(),
            None => true,
        };
        self.tell(metadata, blobs).await;
    }

    async fn tell(&self, metadata: bool, blobs: bool) {
        self.readiness.set(metadata && blobs);
        for (services, serving) in [(&self.metadata_services, metadata), (&self.blob_services, blobs)] {
            for service in services {
                self.reporter.set_service_status(*service, serving_status(serving)).await;
            }
        }
        self.reporter.set_service_status("", serving_status(metadata && blobs)).await;
    }
}

fn serving_status(serving: bool) -> ServingStatus {
    if serving { ServingStatus::Serving } else { ServingStatus::NotServing }
}
