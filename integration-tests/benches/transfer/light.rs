//! A light HTTP client: one connection a client, kept open, and nothing around it.

use std::cell::Cell;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use futures::future::join_all;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use integration_tests::TOKEN;
use integration_tests::measure::timed;
use tokio::net::TcpStream;

/// The files of one measurement: so many clients at once, each of which takes the next number.
#[derive(Clone, Debug)]
pub(crate) struct Load<'a> {
    pub(crate) address: SocketAddr,
    pub(crate) clients: usize,
    pub(crate) numbers: Range<u64>,
    /// The bytes of all files but for the number, which stands at their start.
    pub(crate) content: &'a [u8],
}

impl Load<'_> {
    /// Sends every file. Returns how long all took, and each.
    pub(crate) async fn put(&self, path: impl Fn(u64) -> String) -> (Duration, Vec<Duration>) {
        let request = |number: u64| {
            let mut content = BytesMut::from(self.content);
            content[..8].copy_from_slice(&number.to_le_bytes());
            self.request(Method::PUT, &path(number), content.freeze())
        };
        self.all(request, |status, _| status == StatusCode::CREATED).await
    }

    /// Fetches every file. Returns how long all took, and each.
    pub(crate) async fn get(&self, path: impl Fn(u64) -> String) -> (Duration, Vec<Duration>) {
        let request = |number| self.request(Method::GET, &path(number), Bytes::new());
        self.all(request, |status, bytes| status == StatusCode::OK && bytes == self.content.len()).await
    }

    fn request(&self, method: Method, path: &str, body: Bytes) -> Request<Full<Bytes>> {
        let request = Request::builder().method(method).uri(path).header("host", self.address.to_string());
        request.header("private-token", TOKEN).body(Full::new(body)).expect("the request is well-formed")
    }

    async fn all(
        &self,
        request: impl Fn(u64) -> Request<Full<Bytes>>,
        is_good: impl Fn(StatusCode, usize) -> bool,
    ) -> (Duration, Vec<Duration>) {
        let numbers = Cell::new(self.numbers.clone());
        let connections = join_all((0..self.clients).map(|_| connect(self.address))).await;
        let client = async |mut connection: SendRequest<Full<Bytes>>| {
            let mut times = Vec::new();
            while let Some(number) = next(&numbers) {
                let (time, (status, bytes)) = timed(send(&mut connection, request(number))).await;
                assert!(is_good(status, bytes), "file {number}: {status}, {bytes} bytes");
                times.push(time);
            }
            times
        };
        let started = Instant::now();
        let times = join_all(connections.into_iter().map(client)).await;
        (started.elapsed(), times.concat())
    }
}

fn next(numbers: &Cell<Range<u64>>) -> Option<u64> {
    let mut rest = numbers.take();
    let number = rest.next();
    numbers.set(rest);
    number
}

async fn connect(address: SocketAddr) -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(address).await.expect("the server listens");
    stream.set_nodelay(true).expect("the connection is open");
    let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("the server speaks HTTP");
    tokio::spawn(connection);
    sender
}

async fn send(connection: &mut SendRequest<Full<Bytes>>, request: Request<Full<Bytes>>) -> (StatusCode, usize) {
    connection.ready().await.expect("the server keeps the connection");
    let response = connection.send_request(request).await.expect("the server answers");
    let status = response.status();
    let mut body = response.into_body();
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        bytes += frame.expect("the answer is whole").data_ref().map_or(0, Bytes::len);
    }
    (status, bytes)
}
