//! Transfers over gRPC. The bytes of their chunks go out as they are, and stay in the frames in which they came: see
//! [`consign_proto::framing`].

use consign_proto::blob::{ReadRequest, ReadResponse, WriteRequest, WriteResponse};
use consign_proto::framing::{Carried, Deframer, decode_plain, encode, encode_plain};
use consign_proto::status::{broken_off, not_carried};
use futures::{Stream, StreamExt as _, stream};
use http::{HeaderMap, Method, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, Limited, StreamBody};
use tonic::Status;
use tonic::body::Body;
use tower::ServiceExt as _;

use crate::transport::Transport;

/// The largest message of a download, and the largest answer to an upload.
const MAX_MESSAGE_BYTES: usize = 4 << 20;

/// `Write`.
pub(crate) async fn write(
    transport: &Transport,
    messages: impl Stream<Item = WriteRequest> + Send + 'static,
) -> Result<WriteResponse, Status> {
    let frames = messages.flat_map(|message| stream::iter(encode(message)));
    let frames = frames.filter(|frame| std::future::ready(!frame.is_empty())).map(|frame| Ok::<_, Status>(Frame::data(frame)));
    let body = call(transport, "Write", Body::new(StreamBody::new(frames))).await?.into_body();
    let collected = Limited::new(body, MAX_MESSAGE_BYTES).collect().await.map_err(not_carried)?;
    ended(collected.trailers().ok_or_else(|| broken_off("no status came"))?)?;
    decode_plain(collected.to_bytes()).map_err(|status| broken_off(status.message()))
}

/// `Read`.
pub(crate) async fn read(
    transport: &Transport,
    request: &ReadRequest,
) -> Result<impl Stream<Item = Result<Carried<ReadResponse>, Status>> + Send + use<>, Status> {
    let body = call(transport, "Read", Body::new(Full::new(encode_plain(request)))).await?.into_body();
    let start = (body, Deframer::new(MAX_MESSAGE_BYTES));
    Ok(stream::try_unfold(start, async |(mut body, mut deframer)| {
        let message = next(&mut body, &mut deframer).await?;
        Ok(message.map(|message| (message, (body, deframer))))
    }))
}

async fn next(body: &mut Body, deframer: &mut Deframer<ReadResponse>) -> Result<Option<Carried<ReadResponse>>, Status> {
    loop {
        if let Some(message) = deframer.pop()? {
            return Ok(Some(message));
        }
        let frame = body.frame().await.ok_or_else(|| broken_off("the stream ended without a status"))??;
        match frame.into_data() {
            Ok(bytes) => deframer.push(bytes),
            Err(frame) => {
                frame.trailers_ref().map_or(Ok(()), ended)?;
                return if deframer.is_amid() { Err(broken_off("the stream ended within a message")) } else { Ok(None) };
            }
        }
    }
}

/// Makes a call, and returns the answer unless that is a refusal.
async fn call(transport: &Transport, method: &str, body: Body) -> Result<Response<Body>, Status> {
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("/consign.blob.v1.BlobService/{method}"))
        .header("te", "trailers")
        .header("content-type", "application/grpc")
        .body(body)
        .expect("the request is well-formed");
    let response = transport.clone().oneshot(request).await.map_err(not_carried)?;
    if response.headers().contains_key("grpc-status") {
        ended(response.headers())?;
    } else if !response.status().is_success() {
        return Err(broken_off(&format!("HTTP status {}", response.status())));
    }
    Ok(response)
}

/// What the status of an answer says.
fn ended(headers: &HeaderMap) -> Result<(), Status> {
    let status = Status::from_header_map(headers).ok_or_else(|| broken_off("the answer has no status"))?;
    if status.code() == tonic::Code::Ok { Ok(()) } else { Err(status) }
}
