//! The accept loop: HTTP/1 and HTTP/2 on one listener, with a limit to everything that a stranger can multiply.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use consign_proto::http2::{CONNECTION_WINDOW, FRAME_BYTES, UPLOAD_WINDOW};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::handshake::Handshake;
use super::idle::Idle;
use crate::budget::Budget;

/// How long what has begun may go on after the service was told to end. Kubernetes kills after 30 seconds.
const DRAIN: Duration = Duration::from_secs(25);

/// Pause after a failed accept, such as for want of file descriptors: without it the loop would spin.
const PAUSE: Duration = Duration::from_millis(50);

/// Requests at once on one HTTP/2 connection.
const STREAMS: u32 = 128;

/// What a stream of HTTP/2 holds of its answer until its peer takes it.
const SEND_BUFFER: usize = 512 << 10;

/// All headers of a request, in bytes.
const HEADER_BYTES: u32 = 16 << 10;

/// What is spoken over.
pub(crate) trait Connection: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Connection for S {}

/// Where connections come from.
pub(crate) trait Listener: Send + Sync + 'static {
    /// A connection.
    type Stream: Connection;

    /// The next connection, and from where it comes.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>> + Send;
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = Self::accept(self).await?;
        // Without this, small frames wait for the acknowledgement of the ones before.
        stream.set_nodelay(true)?;
        Ok((stream, peer))
    }
}

/// Serves connections until `stop`, then lets what has begun finish, for as long as [`DRAIN`].
pub(crate) async fn serve(
    listener: impl Listener,
    handshake: Option<Handshake>,
    app: Router,
    max_connections: usize,
    transfers: Budget,
    stop: CancellationToken,
) {
    let slots = Arc::new(Semaphore::new(max_connections));
    let host = Host { handshake, builder: Arc::new(builder()), app, transfers, stop: stop.clone() };
    let connections = GracefulShutdown::new();
    loop {
        let accepted = async {
            let slot = Arc::clone(&slots).acquire_owned().await.expect("the semaphore is never closed");
            (slot, listener.accept().await)
        };
        let (slot, accepted) = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = accepted => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (host, watcher) = (host.clone(), connections.watcher());
                tokio::spawn(async move {
                    host.receive(stream, peer, watcher).await;
                    drop(slot);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, connections.shutdown()).await.is_err() {
        tracing::warn!(seconds = DRAIN.as_secs(), "requests did not end in time and are broken off");
    }
}

/// What becomes of a connection.
#[derive(Clone)]
struct Host {
    /// How it is secured; `None`: it is not.
    handshake: Option<Handshake>,
    builder: Arc<Builder<TokioExecutor>>,
    app: Router,
    transfers: Budget,
    stop: CancellationToken,
}

impl Host {
    /// A handshake that is under way at the end is not waited for.
    async fn receive<S: Connection>(self, stream: S, peer: SocketAddr, watcher: Watcher) {
        let Some(handshake) = &self.handshake else { return self.converse(stream, peer, watcher).await };
        match self.stop.run_until_cancelled(handshake.perform(stream)).await {
            Some(Ok(stream)) => self.converse(stream, peer, watcher).await,
            Some(Err(error)) => tracing::debug!(%error, "a handshake failed"),
            None => {}
        }
    }

    /// Each request has the address of its connection.
    async fn converse<S: Connection>(&self, stream: S, peer: SocketAddr, watcher: Watcher) {
        let stream = TokioIo::new(Idle::new(stream, self.transfers.clone()));
        let app = self.app.clone().map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            request
        });
        let connection = self.builder.serve_connection(stream, TowerToHyperService::new(app));
        if let Err(error) = watcher.watch(connection.into_owned()).await {
            tracing::debug!(error, "connection ended");
        }
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(10));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_frame_size(FRAME_BYTES)
        .initial_stream_window_size(UPLOAD_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(HEADER_BYTES)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10));
    builder
}
