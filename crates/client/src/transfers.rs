//! How bytes go to the blob plane and come from it.

use std::fmt;
use std::sync::Arc;

use consign_proto::blob::blob_service_client::BlobServiceClient;
use consign_proto::blob::{
    CancelUploadRequest, QueryUploadRequest, QueryUploadResponse, ReadRequest, ReadResponse, WriteRequest, WriteResponse,
};
use consign_proto::framing::Carried;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt as _};
use tonic::Status;

use crate::transport::Transport;
use crate::wire;

/// The transfers of a blob plane in this process: the same as the service, but their messages are passed on as they are. To encode and
/// decode them would copy every byte twice.
pub trait LocalTransfers: Send + Sync {
    /// `Write`.
    fn write(&self, messages: BoxStream<'static, WriteRequest>) -> BoxFuture<'_, Result<WriteResponse, Status>>;

    /// `QueryUpload`.
    fn query_upload(&self, request: QueryUploadRequest) -> BoxFuture<'_, Result<QueryUploadResponse, Status>>;

    /// `CancelUpload`.
    fn cancel_upload(&self, request: CancelUploadRequest) -> BoxFuture<'_, Result<(), Status>>;

    /// `Read`. Whoever takes a chunk lets go of it before the next one comes.
    fn read(&self, request: ReadRequest) -> BoxFuture<'_, Result<Chunks, Status>>;
}

/// The messages of a download.
pub type Chunks = BoxStream<'static, Result<Carried<ReadResponse>, Status>>;

/// The way to the transfers of a blob plane.
#[derive(Clone)]
pub enum Transfers {
    /// By gRPC.
    Remote(Transport),
    /// By a call.
    Local(Arc<dyn LocalTransfers>),
}

impl Transfers {
    pub(crate) async fn write(&self, messages: impl Stream<Item = WriteRequest> + Send + 'static) -> Result<WriteResponse, Status> {
        match self {
            Self::Remote(transport) => wire::write(transport, messages).await,
            Self::Local(plane) => plane.write(messages.boxed()).await,
        }
    }

    /// How far an upload has come.
    pub(crate) async fn query_upload(&self, request: QueryUploadRequest) -> Result<QueryUploadResponse, Status> {
        match self {
            Self::Remote(transport) => Ok(BlobServiceClient::new(transport.clone()).query_upload(request).await?.into_inner()),
            Self::Local(plane) => plane.query_upload(request).await,
        }
    }

    /// Drops an upload and what has come of it.
    pub(crate) async fn cancel_upload(&self, request: CancelUploadRequest) -> Result<(), Status> {
        match self {
            Self::Remote(transport) => BlobServiceClient::new(transport.clone()).cancel_upload(request).await.map(|_| ()),
            Self::Local(plane) => plane.cancel_upload(request).await,
        }
    }

    pub(crate) async fn read(&self, request: ReadRequest) -> Result<Chunks, Status> {
        match self {
            Self::Remote(transport) => Ok(wire::read(transport, &request).await?.boxed()),
            Self::Local(plane) => plane.read(request).await,
        }
    }
}

impl fmt::Debug for Transfers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Remote(_) => "Remote",
            Self::Local(_) => "Local",
        })
    }
}
