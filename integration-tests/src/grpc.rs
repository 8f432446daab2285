//! Calls as stubs make them.

use std::net::SocketAddr;

use consign_proto::blob::blob_service_client::BlobServiceClient;
use consign_proto::http2::{CONNECTION_WINDOW, DOWNLOAD_WINDOW, FRAME_BYTES};
use consign_proto::metadata::attestation_service_client::AttestationServiceClient;
use consign_proto::metadata::event_service_client::EventServiceClient;
use consign_proto::metadata::file_service_client::FileServiceClient;
use consign_proto::metadata::package_service_client::PackageServiceClient;
use consign_proto::metadata::project_service_client::ProjectServiceClient;
use consign_proto::metadata::promotion_service_client::PromotionServiceClient;
use consign_proto::metadata::tag_service_client::TagServiceClient;
use consign_proto::metadata::token_service_client::TokenServiceClient;
use consign_proto::metadata::user_service_client::UserServiceClient;
use consign_proto::status::{Told, told};
use consign_types::Reason;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

use crate::TOKEN;

/// Stubs of all services, over one connection.
#[derive(Clone, Debug)]
pub struct Grpc {
    channel: Channel,
}

impl Grpc {
    /// To the services at this address.
    pub fn to(address: SocketAddr) -> Self {
        Self { channel: endpoint(address).connect_lazy() }
    }

    /// The same with the frames and windows of Consign's own clients, where [`Self::to`] is a client that sets nothing.
    pub fn tuned(address: SocketAddr) -> Self {
        let endpoint = endpoint(address)
            .max_frame_size(FRAME_BYTES)
            .initial_stream_window_size(DOWNLOAD_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW);
        Self { channel: endpoint.connect_lazy() }
    }

    /// The connection.
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Projects.
    pub fn projects(&self) -> ProjectServiceClient<Channel> {
        ProjectServiceClient::new(self.channel())
    }

    /// Packages.
    pub fn packages(&self) -> PackageServiceClient<Channel> {
        PackageServiceClient::new(self.channel())
    }

    /// Files.
    pub fn files(&self) -> FileServiceClient<Channel> {
        FileServiceClient::new(self.channel())
    }

    /// Tags.
    pub fn tags(&self) -> TagServiceClient<Channel> {
        TagServiceClient::new(self.channel())
    }

    /// Events.
    pub fn events(&self) -> EventServiceClient<Channel> {
        EventServiceClient::new(self.channel())
    }

    /// Stages and promotions.
    pub fn promotions(&self) -> PromotionServiceClient<Channel> {
        PromotionServiceClient::new(self.channel())
    }

    /// Attestations and trusted keys.
    pub fn attestations(&self) -> AttestationServiceClient<Channel> {
        AttestationServiceClient::new(self.channel())
    }

    /// Users and members.
    pub fn users(&self) -> UserServiceClient<Channel> {
        UserServiceClient::new(self.channel())
    }

    /// Tokens.
    pub fn tokens(&self) -> TokenServiceClient<Channel> {
        TokenServiceClient::new(self.channel())
    }

    /// Blobs.
    pub fn blobs(&self) -> BlobServiceClient<Channel> {
        BlobServiceClient::new(self.channel())
    }
}

fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint::from_shared(format!("http://{address}")).expect("an address makes an endpoint")
}

/// A message with the administrator's token.
pub fn authorized<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {TOKEN}").parse().expect("a token fits a header"));
    request
}

/// What a refused call says: code, reason, message.
pub fn refusal(status: &Status) -> (Code, Option<Reason>, &str) {
    let Told { reason, .. } = told(status);
    (status.code(), reason, status.message())
}
