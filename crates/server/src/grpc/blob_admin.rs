//! `consign.blob.v1.BlobAdminService`: the blob plane for the metadata plane.

use consign_blobs::check::Condition;
use consign_blobs::store::StoredCopy;
use consign_blobs::{Blobs, Error};
use consign_metadata::Listed;
use consign_proto::blob::blob_admin_service_server::BlobAdminService;
use consign_proto::blob::{
    DeleteBlobResult, DeleteBlobsRequest, DeleteBlobsResponse, ListBlobsRequest, ListBlobsResponse, StatRequest, StatResponse, StoredBlob,
    StoredBlobId, VerifyBlobResult, VerifyBlobsRequest, VerifyBlobsResponse, delete_blob_result, verify_blob_result,
};
use consign_proto::status::{invalid, status};
use consign_proto::timestamp;
use consign_types::{CopyName, Reason};
use tonic::{Request, Response, Status, async_trait};

use super::decode;
use super::page::Listing;

/// How many copies or digests one call names at most.
const MAX_IDS: usize = 1000;

/// How many copies one call has read at most.
const MAX_VERIFIED: usize = 100;

/// The service.
#[derive(Clone, Debug)]
pub(crate) struct BlobAdminApi {
    pub(crate) blobs: Blobs,
}

#[async_trait]
impl BlobAdminService for BlobAdminApi {
    async fn stat(&self, request: Request<StatRequest>) -> Result<Response<StatResponse>, Status> {
        let digests = request.into_inner().sha256s;
        check_count("sha256s", digests.len(), MAX_IDS)?;
        let mut blobs = Vec::with_capacity(digests.len());
        for digest in &digests {
            let digest = decode::present("sha256s", decode::digest("sha256s", digest)?)?;
            blobs.extend(self.blobs.list_copies_of(digest).await.map_err(status)?.iter().map(encode));
        }
        Ok(Response::new(StatResponse { blobs }))
    }

    async fn list_blobs(&self, request: Request<ListBlobsRequest>) -> Result<Response<ListBlobsResponse>, Status> {
        let request = request.into_inner();
        let listing = Listing::of("ListBlobs", &[]);
        let page = listing.page_by(request.page_size, &request.page_token, CopyName::parse)?;
        let mut items = self.blobs.list_copies(page.after, page.size + 1).await.map_err(status)?;
        let more = items.len() > page.size;
        items.truncate(page.size);
        let listed = Listed { items, more, total: None };
        let next_page_token = listing.next(&listed, |copy| copy.name.to_string());
        Ok(Response::new(ListBlobsResponse { blobs: listed.items.iter().map(encode).collect(), next_page_token }))
    }

    async fn delete_blobs(&self, request: Request<DeleteBlobsRequest>) -> Result<Response<DeleteBlobsResponse>, Status> {
        let ids = request.into_inner().ids;
        let discarded = self.blobs.discard(&names(&ids, MAX_IDS)?).await;
        let result = |(id, discarded): (StoredBlobId, Result<(), Error>)| {
            let outcome = match discarded {
                Ok(()) => delete_blob_result::Outcome::Removed,
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "a blob could not be removed");
                    delete_blob_result::Outcome::Failed
                }
            };
            DeleteBlobResult { id: Some(id), outcome: outcome.into() }
        };
        Ok(Response::new(DeleteBlobsResponse { results: ids.into_iter().zip(discarded).map(result).collect() }))
    }

    async fn verify_blobs(&self, request: Request<VerifyBlobsRequest>) -> Result<Response<VerifyBlobsResponse>, Status> {
        let ids = request.into_inner().ids;
        let mut results = Vec::with_capacity(ids.len());
        for (name, id) in names(&ids, MAX_VERIFIED)?.into_iter().zip(ids) {
            let outcome = self.blobs.examine(name).await.map_or_else(
                |error| {
                    tracing::warn!(error = &error as &dyn std::error::Error, "a blob could not be read");
                    verify_blob_result::Outcome::Failed
                },
                outcome,
            );
            results.push(VerifyBlobResult { id: Some(id), outcome: outcome.into() });
        }
        Ok(Response::new(VerifyBlobsResponse { results }))
    }
}

fn outcome(condition: Condition) -> verify_blob_result::Outcome {
    match condition {
        Condition::Good => verify_blob_result::Outcome::Good,
        Condition::Damaged => verify_blob_result::Outcome::Damaged,
        Condition::Missing => verify_blob_result::Outcome::Missing,
    }
}

fn encode(copy: &StoredCopy) -> StoredBlob {
    StoredBlob { id: Some(id(copy.name)), size_bytes: copy.size, create_time: Some(timestamp(copy.stored)) }
}

/// A name on the wire.
pub(crate) fn id(name: CopyName) -> StoredBlobId {
    StoredBlobId { sha256: bytes::Bytes::copy_from_slice(name.digest.as_bytes()), generation: name.generation }
}

fn names(ids: &[StoredBlobId], limit: usize) -> Result<Vec<CopyName>, Status> {
    check_count("ids", ids.len(), limit)?;
    ids.iter().map(name).collect()
}

/// A name as it came.
pub(crate) fn name(id: &StoredBlobId) -> Result<CopyName, Status> {
    if id.generation < 1 {
        return Err(invalid("generation", Reason::ArgumentInvalid, "at least `1`"));
    }
    let digest = decode::present("sha256", decode::digest("sha256", &id.sha256)?)?;
    Ok(CopyName { digest, generation: id.generation })
}

fn check_count(field: &str, count: usize, limit: usize) -> Result<(), Status> {
    if (1..=limit).contains(&count) { Ok(()) } else { Err(invalid(field, Reason::ArgumentInvalid, format!("1 to `{limit}`"))) }
}
