//! The rest of a body that nobody wants.

use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::EXPECT;
use tokio_stream::StreamExt as _;

/// How much of a body is thrown away, and for how long.
const MAX_BYTES: usize = 8 << 20;
const PATIENCE: Duration = Duration::from_secs(2);

/// Reads a bounded part of an unwanted body and throws it away.
///
/// A client that is still sending when its connection is closed sees a reset instead of the answer. One that waits for
/// `100 Continue` has sent nothing, and reading would ask it to send: that body is let be.
pub(crate) async fn discard(headers: &HeaderMap, body: Option<Body>) {
    let Some(body) = body.filter(|_| !headers.contains_key(EXPECT)) else { return };
    let mut chunks = body.into_data_stream();
    let read = async {
        let mut bytes = 0;
        while let Some(Ok(chunk)) = chunks.next().await {
            bytes += chunk.len();
            if bytes > MAX_BYTES {
                break;
            }
        }
    };
    // What is not read in time is cut off with the connection.
    let _ = tokio::time::timeout(PATIENCE, read).await;
}
