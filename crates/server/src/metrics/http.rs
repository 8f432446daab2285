//! Requests over REST, from their first header to the end of their answer.

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tokio::time::Instant;

use super::watched::{Watch, watched};
use super::{ANSWERED, Histograms, OTHER};

/// Whoever asked has gone before there was an answer. It is the code by which proxies tell the same.
const GONE: u16 = 499;

/// The requests of a process. Clones count together.
#[derive(Clone, Debug)]
pub(crate) struct Requests {
    durations: Histograms<Labels>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
#[expect(clippy::struct_field_names, reason = "these are the names of the labels")]
struct Labels {
    http_route: String,
    http_request_method: &'static str,
    http_response_status_code: u16,
}

impl Requests {
    pub(super) fn registered(registry: &mut Registry) -> Self {
        let requests = Self { durations: Histograms::new_with_constructor(|| Histogram::new(ANSWERED)) };
        let help = "How long requests over REST took";
        registry.register_with_unit("http_server_request_duration", help, Unit::Seconds, requests.durations.clone());
        requests
    }

    /// The same routes, with their requests counted.
    pub(crate) fn of(&self, routes: Router) -> Router {
        routes.layer(from_fn_with_state(self.clone(), observe))
    }
}

async fn observe(State(requests): State<Requests>, route: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let labels = Labels {
        http_route: route.map_or(OTHER.to_owned(), |route| route.as_str().to_owned()),
        http_request_method: method(request.method()),
        http_response_status_code: GONE,
    };
    let mut asked = Asked { requests, labels, start: Instant::now() };
    let response = next.run(request).await;
    asked.labels.http_response_status_code = response.status().as_u16();
    watched(response, asked)
}

/// A request under way. It is counted when it is dropped.
struct Asked {
    requests: Requests,
    labels: Labels,
    start: Instant,
}

impl Watch for Asked {}

impl Drop for Asked {
    fn drop(&mut self) {
        self.requests.durations.get_or_create(&self.labels).observe(self.start.elapsed().as_secs_f64());
    }
}

/// The method. Anybody can make up others, so those are one.
fn method(method: &Method) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"];
    known.into_iter().find(|known| *known == method.as_str()).unwrap_or(OTHER)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;
    use futures::FutureExt as _;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    use super::super::tests::told;
    use super::super::{Metrics, Timestamp};
    use super::*;

    async fn ask(metrics: &Metrics, routes: Router, method: &str, path: &str) {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let answer = metrics.requests.of(routes).oneshot(request).await.unwrap();
        answer.into_body().collect().await.unwrap();
    }

    fn counted(metrics: &Metrics) -> Vec<String> {
        let told = told(metrics);
        let lines = told.lines().filter_map(|line| line.strip_prefix("http_server_request_duration_seconds_count"));
        let mut lines: Vec<String> = lines.map(str::to_owned).collect();
        lines.sort();
        lines
    }

    #[tokio::test]
    async fn requests_are_counted_by_their_route_and_not_by_what_somebody_made_up() {
        let metrics = Metrics::new(Timestamp::from_micros(0));
        let routes = Router::new().route("/files/{name}", get(|| async { "text" }));
        for (method, path) in [("GET", "/files/one"), ("GET", "/files/two"), ("BREW", "/files/tea"), ("GET", "/nowhere/1"), ("GET", "/")] {
            ask(&metrics, routes.clone(), method, path).await;
        }
        let line = |route: &str, method: &str, status: u16, count: u16| {
            let labels = format!("http_route=\"{route}\",http_request_method=\"{method}\",http_response_status_code=\"{status}\"");
            format!("{{{labels}}} {count}")
        };
        let expected = [line("/files/{name}", "GET", 200, 2), line("/files/{name}", OTHER, 405, 1), line(OTHER, "GET", 404, 2)];
        assert_eq!(counted(&metrics), expected);
    }

    #[tokio::test]
    async fn a_request_whose_caller_has_gone_is_counted_too() {
        let metrics = Metrics::new(Timestamp::from_micros(0));
        let routes = metrics.requests.of(Router::new().route("/", get(std::future::pending::<Response>)));
        let mut asked = Box::pin(routes.oneshot(Request::get("/").body(Body::empty()).unwrap()));
        assert!((&mut asked).now_or_never().is_none());
        assert_eq!(counted(&metrics).len(), 0);
        drop(asked);
        assert!(counted(&metrics)[0].contains("http_response_status_code=\"499\"} 1"));
    }
}
