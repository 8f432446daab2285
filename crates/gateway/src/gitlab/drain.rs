//! The end of a request whose body was refused.

use std::time::Duration;

use axum::body::Body;
use tokio_stream::StreamExt as _;

/// How much of a refused body is read, and for how long.
const MAX_BYTES: usize = 8 << 20;
const PATIENCE: Duration = Duration::from_secs(2);

/// Reads a bounded part of a refused body and throws it away.
///
/// A client that is still sending when its connection is closed sees a reset instead of the answer. A client that waits for
/// `100 Continue` has sent nothing, and reading would ask it to send: its body is not drained.
pub(crate) async fn drain(body: Body) {
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
    let _ = tokio::time::timeout(PATIENCE, read).await;
}
