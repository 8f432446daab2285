//! How a plane is reached.
//!
//! This is the one place that opens connections to the planes: a simulator can stand in for [`connect`].

use std::fmt;
use std::task::{Context, Poll};
use std::time::Duration;

use consign_proto::http2::{CONNECTION_WINDOW, FRAME_BYTES, STREAM_WINDOW};
use futures::future::BoxFuture;
use http::{Request, Response};
use tonic::body::Body;
use tonic::transport::Endpoint;
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceExt as _};

/// Why a request could not be carried.
pub type TransportError = Box<dyn std::error::Error + Send + Sync>;

/// The way to one plane. Clones share it.
#[derive(Clone)]
pub struct Transport(BoxCloneSyncService<Request<Body>, Response<Body>, TransportError>);

impl Transport {
    /// To a plane in this process: the very services that the network serves, without a socket.
    pub fn in_memory<S>(service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + Sync + 'static,
        S::Error: Into<TransportError>,
        S::Future: Send + 'static,
    {
        Self(BoxCloneSyncService::new(service.map_err(Into::into)))
    }
}

/// Why an endpoint is not used.
#[derive(Debug, thiserror::Error)]
#[error("endpoint `{0}` must look like `http://host:port`")]
pub struct EndpointError(String);

/// A plane can't be reached, or the connection to it broke.
#[derive(Debug, thiserror::Error)]
#[error("cannot reach `{endpoint}`")]
struct Unreachable {
    endpoint: String,
    source: tonic::transport::Error,
}

/// The way to a plane over the network, such as `http://127.0.0.1:50051`. The connection is made when it is needed, and
/// made again when it was lost.
pub fn connect(endpoint: &str) -> Result<Transport, EndpointError> {
    let parsed = Endpoint::from_shared(endpoint.to_owned()).ok();
    let parsed = parsed.filter(|parsed| parsed.uri().scheme_str() == Some("http") && parsed.uri().port().is_some());
    let channel = parsed
        .ok_or_else(|| EndpointError(endpoint.to_owned()))?
        .connect_timeout(Duration::from_secs(3))
        .http2_keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10))
        .max_frame_size(FRAME_BYTES)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .connect_lazy();
    let endpoint = endpoint.to_owned();
    let named = move |source| TransportError::from(Unreachable { endpoint: endpoint.clone(), source });
    Ok(Transport(BoxCloneSyncService::new(channel.map_err(named))))
}

impl Service<Request<Body>> for Transport {
    type Response = Response<Body>;
    type Error = TransportError;
    type Future = BoxFuture<'static, Result<Response<Body>, TransportError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.0.call(request)
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transport")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_endpoint_has_a_scheme_a_host_and_a_port() {
        assert!(connect("http://plane:50051").is_ok());
        for endpoint in ["", "foo", "127.0.0.1:50051", "http://plane", "ftp://plane:1", "http//x y"] {
            assert!(connect(endpoint).is_err(), "{endpoint}");
        }
    }
}
