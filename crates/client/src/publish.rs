//! Publishing a file: prepare, send the bytes, publish.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use consign_proto::blob::{Chunk, QueryUploadRequest, WriteRequest, WriteResponse};
use consign_proto::chunks;
use consign_proto::metadata::upload_plan::Action;
use consign_proto::metadata::{
    CancelUploadsRequest, File, PrepareUploadsRequest, PrepareUploadsResponse, PublishFile, PublishVersionRequest, UploadFile,
    UploadTicket, Version,
};
use consign_types::resource::VersionRef;
use consign_types::ticket::is_unreserved;
use consign_types::{Digest, FilePath};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use tonic::Status;
use uuid::Uuid;

use crate::retry::{Breaks, repeat};
use crate::source::{Source, SourceError};
use crate::{Client, Error, Result};

/// A file to be published.
#[derive(Clone, Debug)]
pub struct Publish {
    /// The version it goes to, made if it is new.
    pub version: VersionRef,
    /// Its path within the version.
    pub path: FilePath,
    /// What its bytes hash to, if that is known. Other bytes are refused.
    pub digest: Option<Digest>,
    /// How many bytes it has, if that is known. Another number is refused.
    pub size: Option<i64>,
    /// Whether the bytes are sent, and so checked, even if they are there already.
    pub always_send: bool,
    /// What it is, such as `application/zip`; may be empty.
    pub media_type: String,
    /// Hides the version or brings it back; `None` leaves it as it is.
    pub hidden: Option<bool>,
    /// Whether bytes that are there already are added once more, where duplicates are allowed.
    pub keep_identical: bool,
}

/// A published file.
#[derive(Clone, Debug)]
pub struct Published {
    /// The version as it is now.
    pub version: Version,
    /// The file.
    pub file: File,
    /// Whether it was there before.
    pub replayed: bool,
}

/// Proof that the bytes of a publish are stored.
#[derive(Clone, Debug)]
pub struct Uploaded {
    pub(crate) receipt: Bytes,
    /// The request that prepared the upload, where something was reserved by it.
    pub(crate) request_id: Option<Uuid>,
}

impl Client {
    /// Publishes one file into a version, which the settings of the project leave open or seal.
    ///
    /// The body is taken only once the metadata plane agreed to the publish, and not at all where the bytes are there already and
    /// need not be sent. It is streamed: a few chunks are held in memory, whatever its size. An upload that breaks off goes on where it
    /// was, if the body can be read again.
    pub async fn publish_file(&self, publish: &Publish, body: &mut impl Source) -> Result<Published> {
        let uploaded = self.upload_file(publish, body).await?;
        self.publish_uploaded(publish, uploaded).await
    }

    /// The first half of [`Self::publish_file`]: sends the bytes. Nothing is visible yet. Where they are refused, nothing stays reserved for
    /// them either. Otherwise [`Self::publish_uploaded`] comes next, or [`Self::give_up`].
    pub async fn upload_file(&self, publish: &Publish, body: &mut impl Source) -> Result<Uploaded> {
        // Where nothing is reserved, nothing is to be found again or given back.
        let request_id = (!is_unreserved(publish.digest.as_ref(), publish.size)).then(Uuid::new_v4);
        let ticket = match self.prepare_upload(publish, request_id, false).await?.0 {
            Action::Receipt(receipt) => return Ok(Uploaded { receipt, request_id }),
            Action::Ticket(ticket) => ticket,
        };
        let written = self.write(ticket, body).await;
        if written.is_err() {
            self.give_back(publish, request_id).await;
        }
        written.map(|receipt| Uploaded { receipt, request_id })
    }

    /// The second half: makes what was uploaded visible. Whether it is hidden may be known only now. Where it is refused, nothing stays
    /// reserved for it.
    pub async fn publish_uploaded(&self, publish: &Publish, uploaded: Uploaded) -> Result<Published> {
        let upload = uploaded.request_id;
        let published = self.publish_as(publish, uploaded, Uuid::new_v4()).await;
        if published.as_ref().is_err_and(Error::is_final) {
            self.give_back(publish, upload).await;
        }
        published
    }

    /// In place of the second half: gives back what is reserved for what was uploaded.
    pub async fn give_up(&self, publish: &Publish, uploaded: &Uploaded) {
        self.give_back(publish, uploaded.request_id).await;
    }

    /// What can't be given back now is when its lease is over.
    async fn give_back(&self, publish: &Publish, upload: Option<Uuid>) {
        if let Some(upload) = upload {
            drop(self.file_service().cancel_uploads(self.request(given_up(publish, upload))).await);
        }
    }

    /// Publishes by a request of this id: once, however often.
    pub(crate) async fn publish_as(&self, publish: &Publish, uploaded: Uploaded, request_id: Uuid) -> Result<Published> {
        let receipt = uploaded.receipt;
        let request = PublishVersionRequest {
            parent: publish.version.package().to_string(),
            version_id: publish.version.version.to_string(),
            files: vec![PublishFile { path: publish.path.to_string(), receipt, media_type: publish.media_type.clone(), blob: None }],
            default_mode: true,
            hidden: publish.hidden,
            keep_identical: publish.keep_identical,
            request_id: request_id.to_string(),
            ..PublishVersionRequest::default()
        };
        let call = || async { self.package_service().publish_version(self.request(request.clone())).await };
        let published = repeat(call).await?;
        Ok(Published {
            version: published.version.ok_or(Error::Protocol("no version"))?,
            file: published.files.into_iter().next().ok_or(Error::Protocol("no file"))?,
            replayed: published.replayed,
        })
    }

    /// Asks for the right to send the bytes. The same id gets the right to the same upload again; and nothing else, where only a known one
    /// is wanted, of which is told then whether it is published.
    pub(crate) async fn prepare_upload(&self, publish: &Publish, request_id: Option<Uuid>, known_only: bool) -> Result<(Action, bool)> {
        let file = UploadFile {
            path: publish.path.to_string(),
            sha256: publish.digest.map(|digest| Bytes::copy_from_slice(digest.as_bytes())).unwrap_or_default(),
            size_bytes: publish.size,
            always_send: publish.always_send,
            media_type: publish.media_type.clone(),
        };
        let request_id = request_id.map(|id| id.to_string()).unwrap_or_default();
        let request = PrepareUploadsRequest { parent: publish.version.to_string(), files: vec![file], request_id, known_only };
        let call = || async { self.file_service().prepare_uploads(self.request(request.clone())).await };
        let PrepareUploadsResponse { plans, published } = repeat(call).await?;
        let action = plans.into_iter().next().and_then(|plan| plan.action).ok_or(Error::Protocol("no plan"))?;
        Ok((action, published))
    }

    /// Sends what one stream brings. A body that breaks off is an error of the caller, and not of the plane.
    pub(crate) async fn send(&self, ticket: &UploadTicket, part: Part, body: Content) -> Result<Result<WriteResponse, Status>> {
        let broken = Broken::default();
        let answer = self.transfers.write(messages(ticket, part, body, Arc::clone(&broken))).await;
        // A stream of messages can't say that it broke off: it ends without `finish`, and the reason is kept here.
        match broken.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(Error::Body(error)),
            None => Ok(answer),
        }
    }

    /// Sends the bytes that a ticket asks for, and returns the receipt.
    async fn write(&self, ticket: UploadTicket, source: &mut impl Source) -> Result<Bytes> {
        let (mut offset, mut breaks) = (0, Breaks::default());
        loop {
            let body = source.open(offset).ok_or(Error::Protocol("no body"))?;
            // Where the body can't be read again, nobody could go on.
            let part = Part { offset, discard_if_broken: !source.is_lasting(), finish: true };
            let status = match self.send(&ticket, part, body).await? {
                Ok(answer) => return Ok(answer.receipt),
                Err(status) => status,
            };
            if !source.is_lasting() || !breaks.wait(&status).await {
                return Err(status.into());
            }
            let query = QueryUploadRequest { ticket: ticket.token.clone(), upload_id: ticket.upload_id.clone() };
            match self.transfers.query_upload(query).await {
                Ok(state) if !state.receipt.is_empty() => return Ok(state.receipt),
                Ok(state) => {
                    if state.committed_size > offset {
                        breaks.forget();
                    }
                    offset = state.committed_size;
                }
                // The next attempt tells.
                Err(_) => {}
            }
        }
    }
}

/// That the uploads of a request are given up.
pub(crate) fn given_up(publish: &Publish, request_id: Uuid) -> CancelUploadsRequest {
    CancelUploadsRequest { parent: publish.version.to_string(), request_id: request_id.to_string() }
}

/// What one stream of an upload does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    /// Where its bytes begin.
    pub(crate) offset: i64,
    /// Whether what has come is dropped where it breaks off.
    pub(crate) discard_if_broken: bool,
    /// Whether it brings the last bytes.
    pub(crate) finish: bool,
}

/// The bytes that one stream brings.
pub(crate) type Content = BoxStream<'static, Result<Bytes, SourceError>>;

type Broken = Arc<Mutex<Option<SourceError>>>;

/// The messages of one stream: the ticket, the chunks, and the mark that it is complete, which comes only after the body ended well.
fn messages(
    ticket: &UploadTicket,
    Part { offset, discard_if_broken, finish }: Part,
    body: Content,
    broken: Broken,
) -> impl Stream<Item = WriteRequest> + Send + use<> {
    let max_chunk = usize::try_from(ticket.max_chunk_bytes).unwrap_or_default().max(1);
    let opening = WriteRequest {
        ticket: ticket.token.clone(),
        upload_id: ticket.upload_id.clone(),
        write_offset: offset,
        discard_if_broken,
        ..WriteRequest::default()
    };
    let pieces = body.map_ok(move |bytes| tokio_stream::iter(chunks(bytes, max_chunk)).map(Ok)).try_flatten();
    let start = (Some(Box::pin(pieces)), offset, broken);
    let rest = futures::stream::unfold(start, move |(pieces, write_offset, broken)| async move {
        let mut pieces = pieces?;
        match pieces.next().await {
            Some(Ok(data)) => {
                let end = write_offset + i64::try_from(data.len()).expect("a chunk is smaller than memory");
                let chunk = Some(Chunk { data, crc32c: None });
                Some((WriteRequest { write_offset, chunk, ..WriteRequest::default() }, (Some(pieces), end, broken)))
            }
            None if !finish => None,
            None => Some((WriteRequest { write_offset, finish, ..WriteRequest::default() }, (None, write_offset, broken))),
            Some(Err(error)) => {
                *broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                None
            }
        }
    });
    tokio_stream::once(opening).chain(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PART: Part = Part { offset: 0, discard_if_broken: true, finish: true };

    fn ticket() -> UploadTicket {
        UploadTicket { token: Bytes::from_static(b"t"), max_chunk_bytes: 4, ..UploadTicket::default() }
    }

    #[tokio::test]
    async fn a_body_becomes_chunks_and_a_mark_that_it_is_complete() {
        let body = tokio_stream::iter([Ok::<_, std::io::Error>(Bytes::from("hello")), Ok(Bytes::new()), Ok(Bytes::from("you"))]);

        let body = Some(body).open(0).unwrap();
        let messages: Vec<_> = messages(&ticket(), PART, body, Broken::default()).collect().await;

        let shape: Vec<_> = messages
            .iter()
            .map(|message| (message.write_offset, message.chunk.as_ref().map_or(0, |chunk| chunk.data.len()), message.finish))
            .collect();
        assert_eq!(shape, [(0, 0, false), (0, 4, false), (4, 1, false), (5, 3, false), (8, 0, true)]);
        assert_eq!(messages[0].ticket, "t");
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_has_no_such_mark() {
        let body = tokio_stream::iter([Ok(Bytes::from("hel")), Err(std::io::Error::other("gone"))]);
        let broken = Broken::default();

        let body = Some(body).open(0).unwrap();
        let messages: Vec<_> = messages(&ticket(), PART, body, Arc::clone(&broken)).collect().await;

        assert!(!messages.iter().any(|message| message.finish));
        assert_eq!(broken.lock().unwrap().take().unwrap().to_string(), "gone");
    }
}
