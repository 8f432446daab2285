//! The Rust client: the publish and download protocols, written once.
//!
//! The gateway, the command line and Rust services all publish through this crate. It knows neither SQL nor files.
//!
//! - [`publish`]: prepare, send the bytes, publish
//! - [`resume`]: the same by several requests, each of which may come to another process
//! - [`source`]: where the bytes of a publish come from
//! - [`fetch`]: prepare, read the bytes, of a file or of all that a version has
//! - [`projects`]: making and finding projects; `tokens`: making and ending tokens; `audit`: reading what was done;
//!   `packages`: finding versions and files, and deleting them; `protection`: keeping packages for some roles; `releases`;
//!   `promotions`: stages, and placing versions on them; `events`: what happened
//! - [`transport`]: how the planes are reached: over a network, or in memory
//! - [`tls`], [`pem`]: connections to `https` endpoints, and the certificates for them
//! - [`transfers`], `wire`: how bytes go to the blob plane and come from it
//! - `limits`: what the planes tell of limits that apply to a caller
//! - `retry`: which calls are made again, and when; how transfers go on after a break

mod audit;
mod error;
mod events;
mod limits;
mod packages;
mod promotions;
mod protection;
mod releases;
mod retry;

pub mod fetch;
pub mod pem;
pub mod projects;
pub mod publish;
pub mod resume;
pub mod source;
pub mod tls;
mod tokens;
pub mod transfers;
pub mod transport;
mod trust;
mod users;
mod wire;

use consign_proto::metadata::file_service_client::FileServiceClient;
use consign_proto::metadata::package_service_client::PackageServiceClient;
use consign_proto::metadata::project_service_client::ProjectServiceClient;
use tonic::Request;
use tonic::metadata::{Ascii, MetadataValue};

pub use error::{Error, Result};
pub use fetch::Download;
pub use limits::{Limit, Limits};
pub use publish::{Publish, Published, Uploaded};
pub use resume::{Progress, Resumable};
pub use source::{Lasting, Source};
pub use tls::{Certificates, Identity, Tls};
pub use tokens::Caller;
pub use transfers::Transfers;
pub use transport::Transport;

/// The largest message that the metadata plane sends: a page of a thousand files with long paths.
const MAX_METADATA_BYTES: usize = 16 << 20;

/// A client of one Consign. Clones share their connections.
#[derive(Clone, Debug)]
pub struct Client {
    metadata: Transport,
    transfers: Transfers,
    authorization: Option<MetadataValue<Ascii>>,
    forwarded_for: Option<MetadataValue<Ascii>>,
    limits: Option<Limits>,
}

impl Client {
    /// A client that reaches the planes in these ways, with no credential yet.
    pub fn new(metadata: Transport, transfers: Transfers) -> Self {
        Self { metadata, transfers, authorization: None, forwarded_for: None, limits: None }
    }

    /// The same client for the holder of `token`. A token that no header can carry is refused as any that is not valid.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        let authorization = format!("Bearer {token}").parse().unwrap_or_else(|_| MetadataValue::from_static("Bearer"));
        Self { authorization: Some(authorization), ..self.clone() }
    }

    /// The same client for those whom it asks for: their addresses, each behind the ones before, as `X-Forwarded-For` has them. A plane
    /// that trusts this client counts their failures, and not the client's.
    #[must_use]
    pub fn asking_for(&self, addresses: &str) -> Self {
        Self { forwarded_for: addresses.parse().ok(), ..self.clone() }
    }

    /// The same client, which notes what the planes tell of limits that apply to it.
    #[must_use]
    pub fn noting(&self, limits: Limits) -> Self {
        Self { limits: Some(limits), ..self.clone() }
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Some(authorization) = &self.authorization {
            request.metadata_mut().insert("authorization", authorization.clone());
        }
        if let Some(addresses) = &self.forwarded_for {
            request.metadata_mut().insert("x-forwarded-for", addresses.clone());
        }
        if let Some(limits) = &self.limits {
            request.extensions_mut().insert(limits.clone());
        }
        request
    }

    fn project_service(&self) -> ProjectServiceClient<Transport> {
        ProjectServiceClient::new(self.metadata.clone()).max_decoding_message_size(MAX_METADATA_BYTES)
    }

    fn package_service(&self) -> PackageServiceClient<Transport> {
        PackageServiceClient::new(self.metadata.clone()).max_decoding_message_size(MAX_METADATA_BYTES)
    }

    fn file_service(&self) -> FileServiceClient<Transport> {
        FileServiceClient::new(self.metadata.clone()).max_decoding_message_size(MAX_METADATA_BYTES)
    }
}
