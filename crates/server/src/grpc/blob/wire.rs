//! `Write` and `Read` as they come over HTTP. The bytes of their chunks stay in the frames in which they came, or go out as they were
//! read: see [`consign_proto::framing`].

use axum::body::{Body, BodyDataStream};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use bytes::Bytes;
use consign_proto::blob::{ReadRequest, ReadResponse, WriteRequest};
use consign_proto::framing::{Carried, Deframer, decode_plain, encode, encode_plain};
use consign_proto::status::{compressed, refused};
use consign_types::Reason;
use futures::{Stream, StreamExt as _, stream};
use http_body::Frame;
use http_body_util::{BodyExt as _, Limited, StreamBody};
use tonic::Status;

use super::{BlobApi, MAX_MESSAGE_BYTES, read, write};
use crate::routes::into_response;

/// The largest `ReadRequest`, with what surrounds it.
const MAX_REQUEST_BYTES: usize = 16 << 10;

pub(crate) async fn serve_write(State(api): State<BlobApi>, request: Request) -> Response {
    if is_compressed(request.headers()) {
        return into_response(compressed());
    }
    match write::write(&api, messages(request.into_body())).await {
        Ok(answer) => respond(stream::iter([Ok(encode_plain(&answer))])),
        Err(status) => into_response(status),
    }
}

pub(crate) async fn serve_read(State(api): State<BlobApi>, request: Request) -> Response {
    if is_compressed(request.headers()) {
        return into_response(compressed());
    }
    let answer = async { read::read(&api, read_request(request.into_body()).await?).await };
    match answer.await {
        Ok(messages) => respond(messages.flat_map(|message| stream::iter(frames(message)))),
        Err(status) => into_response(status),
    }
}

/// What a message becomes, in frames.
fn frames(message: Result<ReadResponse, Status>) -> impl Iterator<Item = Result<Bytes, Status>> {
    let (message, error) = match message {
        Ok(message) => (Some(encode(message)), None),
        Err(error) => (None, Some(Err(error))),
    };
    message.into_iter().flatten().filter(|frame| !frame.is_empty()).map(Ok).chain(error)
}

fn is_compressed(headers: &HeaderMap) -> bool {
    headers.get("grpc-encoding").is_some_and(|encoding| encoding != "identity")
}

/// The messages of a stream. What follows on one that can't be read is not looked at.
fn messages(body: Body) -> impl Stream<Item = Result<Carried<WriteRequest>, Status>> + Send {
    let start = (body.into_data_stream(), Deframer::new(MAX_MESSAGE_BYTES));
    stream::try_unfold(start, async |(mut frames, mut deframer)| {
        let message = next(&mut frames, &mut deframer).await?;
        Ok(message.map(|message| (message, (frames, deframer))))
    })
}

async fn next(frames: &mut BodyDataStream, deframer: &mut Deframer<WriteRequest>) -> Result<Option<Carried<WriteRequest>>, Status> {
    loop {
        if let Some(message) = deframer.pop()? {
            return Ok(Some(message));
        }
        match frames.next().await {
            Some(Ok(bytes)) => deframer.push(bytes),
            Some(Err(error)) => return Err(refused(Reason::UploadIncomplete, format!("the stream broke off: {error}"))),
            None if deframer.is_amid() => return Err(refused(Reason::UploadIncomplete, "the stream ended within a message")),
            None => return Ok(None),
        }
    }
}

async fn read_request(body: Body) -> Result<ReadRequest, Status> {
    let body = Limited::new(body, MAX_REQUEST_BYTES).collect().await;
    let body = body.map_err(|error| refused(Reason::ArgumentInvalid, format!("message can't be read: {error}")))?;
    decode_plain(body.to_bytes())
}

/// An answer of these frames, which ends with how it went.
fn respond(frames: impl Stream<Item = Result<Bytes, Status>> + Send + 'static) -> Response {
    let start = Some(Box::pin(frames));
    let frames = stream::unfold(start, async |frames| {
        let mut frames = frames?;
        match frames.next().await {
            Some(Ok(bytes)) => Some((Ok::<_, Status>(Frame::data(bytes)), Some(frames))),
            Some(Err(status)) => Some((Ok(Frame::trailers(trailers(&status))), None)),
            None => Some((Ok(Frame::trailers(HeaderMap::from_iter([(GRPC_STATUS, HeaderValue::from_static("0"))]))), None)),
        }
    });
    let mut response = Response::new(Body::new(StreamBody::new(frames)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

const GRPC_STATUS: axum::http::HeaderName = axum::http::HeaderName::from_static("grpc-status");

fn trailers(status: &Status) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    if status.add_header(&mut trailers).is_err() {
        // A message that no header can carry: the code alone says enough.
        trailers.insert(GRPC_STATUS, HeaderValue::from(i32::from(status.code())));
    }
    trailers
}
