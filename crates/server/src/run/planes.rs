//! The planes of a process.

use std::sync::Arc;

use axum::Router;
use consign_blobs::{Blobs, Local, S3, Store};
use consign_client::transport::connect;
use consign_metadata::{Metadata, Observer};
use consign_proto::blob::blob_admin_service_client::BlobAdminServiceClient;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::config::Settings;
use crate::error::Result;
use crate::grpc::blob::BlobApi;
use crate::jobs::stored::Stored;
use crate::notes::Notes;
use crate::oidc::Issuers;
use crate::routes::{self, Budgets, MetadataPlane};
use crate::signatures::Signatures;
use crate::throttle::Throttle;
use crate::tls::Tls;

/// The planes of this process, and the keys by which they believe each other.
pub(super) struct Planes {
    pub(super) metadata: Option<MetadataPlane>,
    pub(super) blobs: Option<Blobs>,
    pub(super) notes: Option<Notes>,
}

impl Planes {
    /// Opens them. `observer` is told what becomes of promotions; with `stopping`, streams end that would go on for ever.
    pub(super) async fn open(settings: &Settings, observer: Arc<dyn Observer>, stopping: CancellationToken) -> Result<Self> {
        let role = settings.role;
        let notes = if role.has_planes() { Some(Notes::open(&settings.key_file())?) } else { None };
        let metadata = if role.has_metadata() {
            let metadata = Metadata::open(&settings.database.config(), settings.rules()?, clock::now).await?;
            let signatures = Signatures::open(&settings.signing_key_file(), &metadata).await?;
            let metadata = metadata.signing(signatures.keys()).observed_by(observer);
            let (issuers, throttle) = (issuers(settings), Throttle::new(&settings.throttle));
            Some(MetadataPlane { metadata, issuers, throttle, signatures, stopping })
        } else {
            None
        };
        let blobs = if role.has_blobs() {
            let reserve_bytes = settings.limits.reserve_bytes;
            let store: Arc<dyn Store> = match settings.store.s3() {
                Some(bucket) => Arc::new(S3::open(bucket)?),
                None => Arc::new(Local::open(settings.database.data_dir.clone(), reserve_bytes).await?),
            };
            Some(Blobs::over(store, clock::now))
        } else {
            None
        };
        Ok(Self { metadata, blobs, notes })
    }

    /// Where the collector finds what is stored.
    pub(super) fn stored(&self, settings: &Settings, tls: &Tls) -> Result<Option<Stored>> {
        let elsewhere = settings.blob_internal_endpoint.as_ref().zip(self.notes.clone());
        match (self.blobs.clone(), elsewhere) {
            (Some(blobs), _) => Ok(Some(Stored::Here(blobs))),
            (None, Some((endpoint, notes))) => {
                Ok(Some(Stored::Elsewhere(BlobAdminServiceClient::new(connect(endpoint, &tls.outgoing)?), notes)))
            }
            (None, None) => Ok(None),
        }
    }

    pub(super) fn metadata(&self, settings: &Settings, budgets: &Budgets) -> Option<Router> {
        let (plane, notes) = self.metadata.clone().zip(self.notes.clone())?;
        Some(routes::metadata(plane, notes, budgets, settings))
    }

    pub(super) fn blobs(&self, budgets: &Budgets) -> Option<BlobApi> {
        let (blobs, notes) = self.blobs.clone().zip(self.notes.clone())?;
        Some(BlobApi { blobs, notes, transfers: budgets.transfers() })
    }
}

/// A machine may have no certificates that it trusts, and need none: then ID tokens can't be verified, and all else works.
fn issuers(settings: &Settings) -> Option<Arc<Issuers>> {
    let made = Issuers::new(settings.oidc_issuers.clone(), clock::now);
    made.inspect_err(|error| tracing::warn!(error = error as &dyn std::error::Error, "no ID tokens are taken")).ok().map(Arc::new)
}
