//! An S3 server in this process.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tower::util::MapResult;

use super::BUCKET;
use super::answer::{Cut, Server};
use super::faults::{Fault, Faults, Plan};
use super::objects::Object;
use super::payload::Payload;
use super::question::Operation;

/// An S3 server in this process: one bucket, addressed by path, in memory. It ends when it is dropped.
///
/// It does what AWS does, as far as the client of crate `object_store` asks; what it does not know it refuses with 501. Its ETags are no
/// MD5, and signatures are not checked beyond the access key. Completing an upload again is refused with 404, as by `MinIO`, where AWS and
/// SeaweedFS repeat their first answer: a client has to bear both, and this is harder.
#[derive(Debug)]
pub struct FakeS3 {
    address: SocketAddr,
    server: Arc<Server>,
    serving: JoinHandle<()>,
}

impl FakeS3 {
    /// Starts it on a free port, with an empty bucket, and nothing going wrong.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("there is a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let server = Arc::new(Server::default());
        let serving = tokio::spawn(serve(listener, Arc::clone(&server)));
        Self { address, server, serving }
    }

    /// Where it is.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its bucket.
    pub fn bucket(&self) -> &str {
        BUCKET
    }

    /// All objects, in the order of their keys.
    pub fn objects(&self) -> Vec<(String, Bytes)> {
        self.server.bucket().objects.iter().map(|(key, object)| (key.clone(), object.bytes.clone())).collect()
    }

    /// Stores an object, or puts other bytes in the place of those of an object, without a request.
    pub fn put(&self, key: &str, bytes: Bytes) {
        let object = Object::new(Payload::new(bytes), HeaderMap::new());
        self.server.bucket().objects.insert(key.to_owned(), object);
    }

    /// Removes an object without a request, and says whether it was there.
    pub fn remove(&self, key: &str) -> bool {
        self.server.bucket().objects.remove(key).is_some()
    }

    /// How many multipart uploads are open.
    pub fn uploads(&self) -> usize {
        self.server.bucket().uploads.len()
    }

    /// From now on this goes wrong, and nothing else.
    pub fn faults(&self, faults: Faults) {
        *self.server.plan() = Plan::of(faults);
    }

    /// How many requests there were of each operation, those that went wrong among them. Refused before their operation was known, such as
    /// those without a key, they are not counted.
    pub fn requests(&self) -> BTreeMap<Operation, usize> {
        self.server.requests().clone()
    }

    /// How many requests of each operation met which fault: whether a test had anything to bear.
    pub fn dealt(&self) -> BTreeMap<(Operation, Fault), usize> {
        self.server.dealt().clone()
    }
}

impl Drop for FakeS3 {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Ends with all connections when it is aborted.
async fn serve(listener: TcpListener, server: Arc<Server>) {
    async fn answer(State(server): State<Arc<Server>>, request: Request) -> Response {
        server.answer(request).await
    }

    let router = Router::new().fallback(answer).with_state(server);
    // An error in the place of a response makes hyper cut the connection.
    let uncut = |Ok(response): Result<Response, Infallible>| response.extensions().get::<Cut>().copied().map_or(Ok(response), Err);
    let service = TowerToHyperService::new(MapResult::new(router, uncut));
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let service = service.clone();
        connections.spawn(async move {
            // How a connection ended is the client's to know.
            let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        });
        while connections.try_join_next().is_some() {}
    }
}
