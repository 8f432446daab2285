//! Where requests come in.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::config::Settings;
use crate::error::{Error, Result};
use crate::tls::Tls;

/// Where requests come in, and what they are secured with.
pub(super) struct Doors {
    pub(super) tls: Tls,
    pub(super) http: Option<TcpListener>,
    pub(super) grpc: Option<TcpListener>,
    pub(super) internal: Option<TcpListener>,
    pub(super) metrics: Option<TcpListener>,
}

impl Doors {
    pub(super) async fn open(settings: &Settings) -> Result<Self> {
        let role = settings.role;
        let tls = Tls::open(&settings.tls)?;
        let http = if role.has_gateway() { Some(listen(settings.http_listen, "--http-listen").await?) } else { None };
        let grpc = if role.has_planes() { Some(listen(settings.grpc_listen, "--grpc-listen").await?) } else { None };
        let internal = match settings.internal_listen.filter(|_| role.has_blobs()) {
            Some(address) => Some(listen(address, "--internal-listen").await?),
            None => None,
        };
        let metrics = match settings.metrics_listen {
            Some(address) => Some(listen(address, "--metrics-listen").await?),
            None => None,
        };
        Ok(Self { tls, http, grpc, internal, metrics })
    }
}

async fn listen(address: SocketAddr, option: &'static str) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|source| Error::Listen { address, option, source })
}
