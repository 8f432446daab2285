//! Publishing a file by several requests, each of which may come to another process: begin, append, ask how far it came, finish, cancel.
//!
//! Nobody keeps anything of such an upload but the planes: whoever has its name, the same token and the same [`Publish`] finds it again.

use std::collections::HashMap;

use bytes::Bytes;
use consign_proto::blob::{CancelUploadRequest, QueryUploadRequest};
use consign_proto::metadata::UploadTicket;
use consign_proto::metadata::upload_plan::Action;
use consign_types::Reason;
use futures::StreamExt as _;
use uuid::Uuid;

use crate::publish::{Part, Publish, Published, Uploaded, given_up};
use crate::retry::repeat;
use crate::source::Source;
use crate::{Client, Error, Result};

/// An upload that several requests bring.
#[derive(Clone, Debug)]
pub struct Resumable {
    request_id: Uuid,
    ticket: UploadTicket,
    is_published: bool,
}

impl Resumable {
    /// What it is found by, of letters, digits, `-` and `.`. It gives no right to anybody.
    pub fn name(&self) -> String {
        format!("{}.{}", self.request_id, self.ticket.upload_id)
    }

    /// Whether its file was published when it was found.
    pub fn is_published(&self) -> bool {
        self.is_published
    }

    /// The most bytes that it may have.
    pub fn max_bytes(&self) -> i64 {
        self.ticket.max_bytes
    }
}

/// How far an upload has come.
#[derive(Clone, Debug)]
pub struct Progress {
    /// How many bytes are durable. What is appended next begins here.
    pub offset: i64,
    /// How many bytes an append must have at least, so that any of them are kept; those that finish the upload may have less.
    pub least_bytes: i64,
    /// Once all bytes came: the proof of it. The file is visible only after [`Client::finish_whole`].
    pub uploaded: Option<Uploaded>,
}

/// How often one looks how far an upload has come, where others write to it all the time.
const LOOKS: u32 = 4;

impl Client {
    /// Begins an upload. All is judged that is known of it; nothing is sent.
    pub async fn begin_upload(&self, publish: &Publish) -> Result<Resumable> {
        self.prepare_resumable(publish, Uuid::new_v4(), false).await
    }

    /// Finds an upload again by its [`Resumable::name`]; `None` where the caller has none of this name for this publish, or its day is over.
    pub async fn find_upload(&self, publish: &Publish, name: &str) -> Result<Option<Resumable>> {
        let request_id = name.split_once('.').and_then(|(request_id, _)| request_id.parse().ok());
        let Some(request_id) = request_id else { return Ok(None) };
        match self.prepare_resumable(publish, request_id, true).await {
            Ok(upload) => Ok(Some(upload).filter(|upload| upload.name() == name)),
            Err(Error::Refused { reason: Reason::UploadNotFound, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn prepare_resumable(&self, publish: &Publish, request_id: Uuid, known_only: bool) -> Result<Resumable> {
        let publish = Publish { always_send: true, ..publish.clone() };
        match self.prepare_upload(&publish, Some(request_id), known_only).await? {
            (Action::Ticket(ticket), is_published) => Ok(Resumable { request_id, ticket, is_published }),
            (Action::Receipt(_), _) => Err(Error::Protocol("a receipt for bytes that are to be sent")),
        }
    }

    /// How far an upload has come. Whoever still writes to it is superseded, so that this is where the next one goes on. `UploadNotFound`
    /// where its file is published and nobody knows any more how it ended: there is nothing to go on with.
    pub async fn find_progress(&self, upload: &Resumable) -> Result<Progress> {
        let mut looks = 0;
        loop {
            let UploadTicket { token, upload_id, .. } = upload.ticket.clone();
            let state = self.transfers.query_upload(QueryUploadRequest { ticket: token, upload_id }).await?;
            let uploaded = Some(state.receipt).filter(|receipt| !receipt.is_empty());
            let uploaded = uploaded.map(|receipt| Uploaded { receipt, request_id: Some(upload.request_id) });
            let progress = Progress { offset: state.committed_size, least_bytes: state.part_alignment_bytes, uploaded };
            if upload.is_published && progress.uploaded.is_none() {
                return Err(gone());
            }
            if progress.uploaded.is_some() || state.hashed_size <= state.committed_size {
                return Ok(progress);
            }
            // A stream that brings nothing takes the place of the one before, and makes durable what that one brought.
            let offset = if state.committed_size > 0 { state.committed_size } else { state.hashed_size };
            looks += 1;
            match self.send(&upload.ticket, Part { offset, discard_if_broken: false, finish: false }, nothing()).await? {
                Ok(answer) => return Ok(Progress { offset: answer.committed_size, ..progress }),
                Err(status) => match status.into() {
                    Error::Refused { reason: Reason::OffsetMismatch | Reason::UploadSuperseded, .. } if looks < LOOKS => {}
                    error => return Err(error),
                },
            }
        }
    }

    /// Appends what `body` has, which belongs at `offset`, and returns how many bytes are durable now. A body that breaks off is kept as far
    /// as it came.
    pub async fn append(&self, upload: &Resumable, offset: i64, body: &mut impl Source) -> Result<i64> {
        let body = body.open(0).ok_or(Error::Protocol("no body"))?;
        let part = Part { offset, discard_if_broken: false, finish: false };
        Ok(self.send(&upload.ticket, part, body).await??.committed_size)
    }

    /// Appends the last bytes and publishes the file.
    pub async fn finish_upload(&self, publish: &Publish, upload: &Resumable, offset: i64, body: &mut impl Source) -> Result<Published> {
        let body = body.open(0).ok_or(Error::Protocol("no body"))?;
        let part = Part { offset, discard_if_broken: false, finish: true };
        let answer = self.send(&upload.ticket, part, body).await??;
        self.finish_whole(publish, upload, Uploaded { receipt: answer.receipt, request_id: Some(upload.request_id) }).await
    }

    /// Publishes the file of an upload of which all bytes came. However often this is called, it is published once.
    pub async fn finish_whole(&self, publish: &Publish, upload: &Resumable, uploaded: Uploaded) -> Result<Published> {
        self.publish_as(publish, uploaded, upload.request_id).await
    }

    /// Drops an upload and what has come of it, and gives back what it had reserved: nobody finds it again. A file that it has published
    /// stays.
    pub async fn cancel_upload(&self, publish: &Publish, upload: &Resumable) -> Result<()> {
        let UploadTicket { token, upload_id, .. } = upload.ticket.clone();
        self.transfers.cancel_upload(CancelUploadRequest { ticket: token, upload_id }).await?;
        let request = given_up(publish, upload.request_id);
        let call = || async { self.file_service().cancel_uploads(self.request(request.clone())).await };
        repeat(call).await?;
        Ok(())
    }
}

/// Why an upload can't be gone on with that is over.
fn gone() -> Error {
    let message = "the upload is over, and its file is published".to_owned();
    Error::Refused { reason: Reason::UploadNotFound, message, details: HashMap::new() }
}

fn nothing() -> crate::publish::Content {
    futures::stream::empty::<Result<Bytes, _>>().boxed()
}
