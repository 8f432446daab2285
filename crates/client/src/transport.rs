//! How a plane is reached.
//!
//! This is the one place that opens connections to the planes: a simulator can stand in for [`connect`].

use std::fmt;
use std::net::IpAddr;
use std::task::{Context, Poll};
use std::time::Duration;

use consign_proto::http2::{CONNECTION_WINDOW, DOWNLOAD_WINDOW, FRAME_BYTES};
use futures::future::BoxFuture;
use http::{Request, Response, Uri};
use tonic::body::Body;
use tonic::transport::{Channel, Endpoint};
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceExt as _};

use crate::limits::Limits;
use crate::tls::{Secured, Tls, TlsError};

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
pub enum EndpointError {
    /// It is no address of a plane.
    #[error("endpoint `{0}` must look like `https://host:port` or `http://host:port`")]
    Malformed(String),
    /// There is nothing to tell by whether it is the plane that answers.
    #[error("cannot use endpoint `{endpoint}`: {source}")]
    Tls {
        /// The endpoint.
        endpoint: String,
        /// What is wrong.
        source: TlsError,
    },
}

/// A plane can't be reached, or the connection to it broke.
#[derive(Debug, thiserror::Error)]
#[error("cannot reach `{endpoint}`")]
struct Unreachable {
    endpoint: String,
    source: tonic::transport::Error,
}

/// The way to a plane over the network, such as `https://plane.example:50051` or `http://127.0.0.1:50051`. The connection is made when it
/// is needed, and made again when it was lost; `tls` is for `https` alone.
pub fn connect(endpoint: &str, tls: &Tls) -> Result<Transport, EndpointError> {
    let malformed = || EndpointError::Malformed(endpoint.to_owned());
    let uri: Uri = endpoint.parse().map_err(|_| malformed())?;
    let channel = match (uri.scheme_str(), uri.authority().filter(|_| uri.port().is_some())) {
        (Some("http"), Some(_)) => tuned(Endpoint::from(uri)).connect_lazy(),
        (Some("https"), Some(authority)) => {
            // The connector does TLS. Where `tonic` is built with its own, it must not see that this is needed.
            let address = Endpoint::from_shared(format!("http://{authority}")).map_err(|_| malformed())?;
            let failed = |source| EndpointError::Tls { endpoint: endpoint.to_owned(), source };
            let secured = Secured::new(&uri, tls.clone()).map_err(failed)?;
            tuned(address.origin(uri)).connect_with_connector_lazy(secured)
        }
        _ => return Err(malformed()),
    };
    Ok(named(endpoint.to_owned(), channel))
}

/// Whether what is sent to an endpoint crosses a network in the clear: without TLS, to another host than this.
pub fn is_exposed(endpoint: &str) -> bool {
    let uri = endpoint.parse::<Uri>().ok().filter(|uri| uri.scheme_str() != Some("https"));
    uri.as_ref().and_then(Uri::host).is_some_and(|host| !is_loopback(host))
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address: IpAddr| address.to_canonical().is_loopback())
}

fn tuned(endpoint: Endpoint) -> Endpoint {
    endpoint
        .connect_timeout(Duration::from_secs(3))
        .http2_keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10))
        .max_frame_size(FRAME_BYTES)
        .initial_stream_window_size(DOWNLOAD_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
}

/// Errors name the endpoint.
fn named(endpoint: String, channel: Channel) -> Transport {
    let named = move |source| TransportError::from(Unreachable { endpoint: endpoint.clone(), source });
    Transport(BoxCloneSyncService::new(channel.map_err(named)))
}

impl Service<Request<Body>> for Transport {
    type Response = Response<Body>;
    type Error = TransportError;
    type Future = BoxFuture<'static, Result<Response<Body>, TransportError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let limits = request.extensions().get::<Limits>().cloned();
        let answer = self.0.call(request);
        match limits {
            None => answer,
            Some(limits) => Box::pin(async move { answer.await.inspect(|response| limits.note(response.headers())) }),
        }
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
        let trusted = Tls::default();
        assert!(connect("http://plane:50051", &trusted).is_ok());
        for endpoint in ["", "foo", "127.0.0.1:50051", "http://plane", "https://plane", "ftp://plane:1", "http//x y"] {
            assert!(matches!(connect(endpoint, &trusted), Err(EndpointError::Malformed(_))), "{endpoint}");
        }
    }

    #[test]
    fn what_leaves_this_host_without_tls_is_exposed() {
        for endpoint in ["http://plane:50051", "http://10.0.0.1:1", "http://[::2]:1", "HTTP://127.0.0.1.example:1", "plane:50051"] {
            assert!(is_exposed(endpoint), "{endpoint}");
        }
        let loopback = ["http://127.0.0.1:1", "http://127.9.9.9:1", "http://[::1]:1", "http://[::ffff:127.0.0.1]:1", "http://LOCALHOST:1"];
        for endpoint in loopback.into_iter().chain(["https://plane:50051", ""]) {
            assert!(!is_exposed(endpoint), "{endpoint}");
        }
    }
}
