//! Calls of gRPC methods, from their first header to the end of their answer.

use std::collections::HashSet;
use std::sync::LazyLock;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use consign_proto::DESCRIPTORS;
use http_body::Body as _;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tokio::time::Instant;
use tonic::Code;

use super::watched::{Watch, watched};
use super::{ANSWERED, Histograms, OTHER};

/// The calls of a process. Clones count together.
#[derive(Clone, Debug)]
pub(crate) struct Calls {
    durations: Histograms<Labels>,
    active: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    rpc_method: &'static str,
    rpc_response_status_code: &'static str,
}

impl Calls {
    pub(super) fn registered(registry: &mut Registry) -> Self {
        let calls = Self { durations: Histograms::new_with_constructor(|| Histogram::new(ANSWERED)), active: Gauge::default() };
        let help = "How long calls of gRPC methods took";
        registry.register_with_unit("rpc_server_call_duration", help, Unit::Seconds, calls.durations.clone());
        registry.register("rpc_server_active_calls", "Calls of gRPC methods that are under way", calls.active.clone());
        calls
    }

    /// The same services, with their calls counted.
    pub(crate) fn of(&self, services: Router) -> Router {
        services.layer(from_fn_with_state(self.clone(), observe))
    }

    fn begin(&self, path: &str) -> Call {
        self.active.inc();
        Call { calls: self.clone(), method: method(path), start: Instant::now(), code: None }
    }
}

async fn observe(State(calls): State<Calls>, request: Request, next: Next) -> Response {
    let mut call = calls.begin(request.uri().path());
    let response = next.run(request).await;
    call.answered(&response);
    watched(response, call)
}

/// A call under way. It is counted when it is dropped: as cancelled, unless its status is known by then.
struct Call {
    calls: Calls,
    method: &'static str,
    start: Instant,
    code: Option<Code>,
}

impl Call {
    /// An answer without a body has its status among its headers; one that is not of gRPC has none.
    fn answered(&mut self, response: &Response) {
        let is_over = response.status() != StatusCode::OK || response.body().is_end_stream();
        self.code = code(response.headers()).or(is_over.then_some(Code::Unknown));
    }
}

impl Watch for Call {
    fn trailers(&mut self, trailers: &HeaderMap) {
        self.code = code(trailers).or(self.code);
    }

    fn ended(&mut self, is_whole: bool) {
        self.code = self.code.or(Some(if is_whole { Code::Unknown } else { Code::Internal }));
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let code = self.code.unwrap_or(Code::Cancelled);
        let labels = Labels { rpc_method: self.method, rpc_response_status_code: name(code) };
        self.calls.durations.get_or_create(&labels).observe(self.start.elapsed().as_secs_f64());
        self.calls.active.dec();
    }
}

fn code(headers: &HeaderMap) -> Option<Code> {
    headers.get("grpc-status").map(|status| Code::from_bytes(status.as_bytes()))
}

/// The methods of all services that a process may have, such as `consign.metadata.v1.PackageService/GetPackage`.
static METHODS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let sets = [
        DESCRIPTORS,
        tonic_health::pb::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
    ];
    sets.into_iter().flat_map(methods).collect()
});

fn methods(descriptors: &[u8]) -> Vec<String> {
    let files = FileDescriptorSet::decode(descriptors).expect("the build has made it").file;
    let mut methods = Vec::new();
    for file in &files {
        for service in &file.service {
            let of = |method: &str| format!("{}.{}/{method}", file.package(), service.name());
            methods.extend(service.method.iter().map(|method| of(method.name())));
        }
    }
    methods
}

/// The method of a path. Anybody can make up paths, so those that are of none are one.
fn method(path: &str) -> &'static str {
    path.strip_prefix('/').and_then(|name| METHODS.get(name)).map_or(OTHER, String::as_str)
}

/// The code as the specification of gRPC writes it.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::post;
    use futures::{FutureExt as _, stream};
    use http_body::Frame;
    use http_body_util::{BodyExt as _, StreamBody};
    use tower::ServiceExt as _;

    use super::super::tests::told;
    use super::super::{Metrics, Timestamp};
    use super::*;

    const PATH: &str = "/consign.blob.v1.BlobService/Read";

    /// An answer of some bytes, and then of this trailer.
    fn streamed(trailer: Option<&'static str>) -> Response {
        let trailers =
            trailer.map(|status| Frame::trailers(HeaderMap::from_iter([("grpc-status".parse().unwrap(), status.parse().unwrap())])));
        let frames = [Some(Frame::data("bytes".into())), trailers].into_iter().flatten().map(Ok::<_, axum::Error>);
        Response::new(Body::new(StreamBody::new(stream::iter(frames))))
    }

    async fn refused() -> Response {
        let mut response = Response::new(Body::empty());
        response.headers_mut().insert("grpc-status", "5".parse().unwrap());
        response
    }

    fn request(path: &str) -> Request {
        Request::post(path).body(Body::empty()).unwrap()
    }

    /// What is told of a path after a call of it was done.
    async fn after(path: &str, answer: Router, end: impl AsyncFnOnce(Response)) -> String {
        let metrics = Metrics::new(Timestamp::from_micros(0));
        let answer = metrics.calls.of(answer).oneshot(request(path)).await.unwrap();
        assert!(told(&metrics).contains("\nrpc_server_active_calls 1\n"), "it is under way until its body is over");
        end(answer).await;
        let told = told(&metrics);
        assert!(told.contains("\nrpc_server_active_calls 0\n"), "{told}");
        told.lines().filter(|line| line.starts_with("rpc_server_call_duration_seconds_count")).collect::<Vec<_>>().join("\n")
    }

    fn once(method: &str, code: &str) -> String {
        format!("rpc_server_call_duration_seconds_count{{rpc_method=\"{method}\",rpc_response_status_code=\"{code}\"}} 1")
    }

    #[tokio::test]
    async fn a_call_has_the_status_of_its_trailers_or_headers_and_is_cancelled_where_it_is_dropped_before() {
        let whole = async |answer: Response| drop(answer.into_body().collect().await);
        let begun = async |answer: Response| drop(answer.into_body().frame().await);
        let route = |handler| Router::new().route(PATH, handler);
        let read = &PATH[1..];
        let ok = after(PATH, route(post(async || streamed(Some("0")))), whole).await;
        assert_eq!(ok, once(read, "OK"));
        let lost = after(PATH, route(post(async || streamed(Some("15")))), whole).await;
        assert_eq!(lost, once(read, "DATA_LOSS"));
        let left = after(PATH, route(post(async || streamed(Some("0")))), begun).await;
        assert_eq!(left, once(read, "CANCELLED"));
        let silent = after(PATH, route(post(async || streamed(None))), whole).await;
        assert_eq!(silent, once(read, "UNKNOWN"));
        let headers = after(PATH, route(post(refused)), async |answer| drop(answer)).await;
        assert_eq!(headers, once(read, "NOT_FOUND"));
        let foreign = after(PATH, route(axum::routing::get(refused)), async |answer| drop(answer)).await;
        assert_eq!(foreign, once(read, "UNKNOWN"), "405 is no answer of gRPC");
    }

    #[tokio::test]
    async fn a_call_that_is_dropped_before_its_answer_is_cancelled() {
        let metrics = Metrics::new(Timestamp::from_micros(0));
        let services = metrics.calls.of(Router::new().route(PATH, post(std::future::pending::<Response>)));
        let mut call = Box::pin(services.oneshot(request(PATH)));
        assert!((&mut call).now_or_never().is_none());
        drop(call);
        let told = told(&metrics);
        assert!(told.contains(&once(&PATH[1..], "CANCELLED")) && told.contains("\nrpc_server_active_calls 0\n"), "{told}");
    }

    #[tokio::test]
    async fn paths_that_somebody_made_up_are_one() {
        for path in ["/", "/consign.blob.v1.BlobService/Nothing", "/nobody.Service/Read", "/consign.blob.v1.BlobService/Read/more"] {
            let told = after(path, Router::new().fallback(refused), async |answer| drop(answer)).await;
            assert_eq!(told, once(OTHER, "NOT_FOUND"), "{path}");
        }
        for known in ["/grpc.health.v1.Health/Check", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", PATH] {
            assert_eq!(method(known), &known[1..]);
        }
    }
}
