//! Calls of methods by their names, with messages as bytes.

use bytes::{Buf as _, BufMut as _, Bytes};
use http::uri::PathAndQuery;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::Channel;
use tonic::{Request, Status};

/// Calls a method such as `consign.metadata.v1.TagService/GetTag` with an encoded message, and a token if there is one.
pub async fn call(channel: &Channel, method: &str, token: impl Into<Option<&str>>, message: Bytes) -> Result<Bytes, Status> {
    let mut client = Grpc::new(channel.clone());
    client.ready().await.expect("the service can be reached");
    let path: PathAndQuery = format!("/{method}").parse().expect("a method is a path");
    let mut request = Request::new(message);
    if let Some(token) = token.into() {
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().expect("a token is a header"));
    }
    Ok(client.unary(request, path, Plain).await?.into_inner())
}

/// Bytes as they are.
#[derive(Clone, Copy, Debug)]
struct Plain;

impl Codec for Plain {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
