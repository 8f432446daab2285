//! What the blob plane has stored, as the collector sees it: in this process, or elsewhere.

use std::time::Duration;

use consign_blobs::Blobs;
use consign_blobs::store::StoredCopy;
use consign_client::Transport;
use consign_proto::blob::blob_admin_service_client::BlobAdminServiceClient;
use consign_proto::blob::delete_blob_result::Outcome;
use consign_proto::blob::{DeleteBlobsRequest, ListBlobsRequest};
use consign_proto::to_time;
use consign_types::CopyName;
use consign_types::ticket::AdminTicket;
use tonic::{Request, Status};

use crate::clock;
use crate::grpc::blob_admin::{id, name};
use crate::notes::Notes;

/// How many copies are removed by one call. In a bucket each takes several requests.
const DELETED_AT_ONCE: usize = 100;

/// How long a call may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// For how long a call is believed.
const TICKET_SECONDS: i64 = 60;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The stored copies.
pub(crate) enum Stored {
    /// In this process.
    Here(Blobs),
    /// Behind `BlobAdminService`.
    Elsewhere(BlobAdminServiceClient<Transport>, Notes),
}

/// Copies that were listed.
pub(crate) struct Page {
    pub(crate) copies: Vec<StoredCopy>,
    /// Where the next page begins; `None` at the end.
    pub(crate) next: Option<Next>,
}

/// Where a page begins.
#[derive(Clone)]
pub(crate) enum Next {
    /// Behind a copy.
    After(CopyName),
    /// Where the other process says.
    Token(String),
}

impl Stored {
    /// The copies in the order of their names, `limit` of them.
    pub(crate) async fn list(&mut self, from: Option<Next>, limit: usize) -> Result<Page> {
        match self {
            Self::Here(blobs) => {
                let after = match from {
                    Some(Next::After(name)) => Some(name),
                    _ => None,
                };
                let copies = blobs.list_copies(after, limit).await?;
                let next = copies.last().map(|last| Next::After(last.name));
                Ok(Page { copies, next })
            }
            Self::Elsewhere(client, notes) => {
                let page_token = match from {
                    Some(Next::Token(token)) => token,
                    _ => String::new(),
                };
                let request = ListBlobsRequest { page_size: i32::try_from(limit)?, page_token };
                let answer = client.list_blobs(signed(notes, request)?).await?.into_inner();
                let copy = |blob: &consign_proto::blob::StoredBlob| {
                    let stored = to_time(blob.create_time.unwrap_or_default());
                    let name = name(&blob.id.clone().unwrap_or_default())?;
                    Ok(StoredCopy { name, size: blob.size_bytes, stored })
                };
                let copies = answer.blobs.iter().map(copy).collect::<std::result::Result<_, Status>>()?;
                let next = Some(answer.next_page_token).filter(|token| !token.is_empty()).map(Next::Token);
                Ok(Page { copies, next })
            }
        }
    }

    /// Takes the names from copies that were declared dead.
    pub(crate) async fn discard(&mut self, dead: &[CopyName]) -> Result<()> {
        if dead.is_empty() {
            return Ok(());
        }
        match self {
            Self::Here(blobs) => Ok(blobs.discard(dead).await.into_iter().collect::<consign_blobs::Result<()>>()?),
            Self::Elsewhere(client, notes) => {
                let mut failed = 0;
                for dead in dead.chunks(DELETED_AT_ONCE) {
                    let request = DeleteBlobsRequest { ids: dead.iter().copied().map(id).collect() };
                    let results = client.delete_blobs(signed(notes, request)?).await?.into_inner().results;
                    failed += dead.len() - results.iter().filter(|result| result.outcome() == Outcome::Removed).count();
                }
                if failed == 0 { Ok(()) } else { Err(format!("{failed} of {} blobs could not be removed", dead.len()).into()) }
            }
        }
    }
}

/// A call with the proof that it comes from the metadata plane.
fn signed<T>(notes: &Notes, message: T) -> Result<Request<T>> {
    let mut request = Request::new(message);
    request.set_timeout(PATIENCE);
    let ticket = notes.admin_bearer(&AdminTicket { expires: clock::now().plus_seconds(TICKET_SECONDS) });
    request.metadata_mut().insert("authorization", ticket.parse()?);
    Ok(request)
}
