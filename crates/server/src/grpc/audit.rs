//! `consign.metadata.v1.AuditService`.

use bytes::Bytes;
use consign_metadata::Metadata;
use consign_proto::metadata::audit_service_server::AuditService;
use consign_proto::metadata::{
    self as wire, AuditCheckpoint, GetCheckpointRequest, GetCheckpointResponse, ListAuditEntriesRequest, ListAuditEntriesResponse,
    VerifyChainRequest, VerifyChainResponse,
};
use consign_proto::status::{invalid, status};
use consign_proto::timestamp;
use consign_types::audit::{Checkpoint, Record, chain_name, entry_name};
use consign_types::resource::ScopeRef;
use consign_types::{Digest, Reason};
use tonic::{Request, Response, Status};

use super::decode;
use super::page::Listing;
use crate::auth::caller;
use crate::clock;
use crate::signatures::Signatures;

/// The service, over the metadata plane.
#[derive(Clone, Debug)]
pub(crate) struct AuditApi {
    pub(crate) metadata: Metadata,
    pub(crate) signatures: Signatures,
}

/// The orders, with whether the newest come first.
const ORDERS: &[(&str, bool)] = &[("time", false), ("number", false)];

#[tonic::async_trait]
impl AuditService for AuditApi {
    async fn list_audit_entries(&self, request: Request<ListAuditEntriesRequest>) -> Result<Response<ListAuditEntriesResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let chain = chain(&request.parent)?;
        caller.about(&chain).await?;
        decode::absent("filter", request.filter.is_empty())?;
        let (_, falling) = decode::order(&request.order_by, ORDERS)?;
        let newest = falling || request.order_by.is_empty();
        let first = number("start_number", request.start_number)?.max(1);
        let listing = Listing::of("ListAuditEntries", &[&request.parent, &request.order_by, &first.to_string()]);
        let page = listing.page(request.page_size, &request.page_token)?;
        let found = self.metadata.list_audit_entries(chain, first, newest, page).await.map_err(status)?;
        let next_page_token = listing.next(&found, |entry| entry.entry.number.to_string());
        Ok(Response::new(ListAuditEntriesResponse { audit_entries: found.map(encode).items, next_page_token }))
    }

    async fn get_checkpoint(&self, request: Request<GetCheckpointRequest>) -> Result<Response<GetCheckpointResponse>, Status> {
        let caller = caller(&request)?;
        let chain = chain(&request.get_ref().parent)?;
        caller.about(&chain).await?;
        let (project, head) = self.metadata.find_audit_head(chain).await.map_err(status)?;
        let checkpoint = Checkpoint { project, head, time: clock::now() };
        let checkpoint = AuditCheckpoint {
            project: chain_name(project),
            number: head.number,
            hash: bytes(&head.hash),
            time: Some(timestamp(checkpoint.time)),
            statement: self.signatures.sign(&checkpoint.to_string()),
        };
        Ok(Response::new(GetCheckpointResponse { checkpoint: Some(checkpoint), public_keys: self.signatures.public_keys() }))
    }

    async fn verify_chain(&self, request: Request<VerifyChainRequest>) -> Result<Response<VerifyChainResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let chain = chain(&request.parent)?;
        caller.about(&chain).await?;
        let first = number("start_number", request.start_number)?.max(1);
        let last = match number("end_number", request.end_number)? {
            0 => i64::MAX,
            last => last,
        };
        let kept = request.checkpoint.map(|checkpoint| self.checkpoint(&checkpoint)).transpose()?;
        let found = self.metadata.verify_audit(chain, first, last, kept).await.map_err(status)?;
        let (broken_number, reason) = found.broken.map(|(number, reason)| (number, reason.to_string())).unwrap_or_default();
        Ok(Response::new(VerifyChainResponse {
            intact: found.broken.is_none(),
            verified_number: found.verified,
            broken_number,
            reason,
            checkpoint_compared: found.is_compared,
        }))
    }
}

impl AuditApi {
    /// A checkpoint that this instance signed, and that says what was signed, as far as it says anything beside.
    fn checkpoint(&self, given: &AuditCheckpoint) -> Result<Checkpoint, Status> {
        let kept: Checkpoint = self.signatures.read("checkpoint.statement", &given.statement)?;
        let is_said = given.number != 0 || !given.hash.is_empty();
        if is_said && (given.number, &given.hash) != (kept.head.number, &bytes(&kept.head.hash)) {
            return Err(invalid("checkpoint", Reason::ArgumentInvalid, "is not what was signed"));
        }
        Ok(kept)
    }
}

/// Whose chain is meant: a project's, or that of the instance.
fn chain(parent: &str) -> Result<ScopeRef, Status> {
    match decode::name("parent", parent)? {
        ScopeRef::Namespace(_) => Err(invalid(
            "parent",
            Reason::ArgumentInvalid,
            "namespaces have no chain of their own: what is done to them is in that of `instance`",
        )),
        chain => Ok(chain),
    }
}

/// The number of an entry, as it was given.
fn number(field: &str, number: i64) -> Result<i64, Status> {
    if number < 0 { Err(invalid(field, Reason::ArgumentInvalid, "must not be negative")) } else { Ok(number) }
}

fn encode(Record { entry, previous, hash }: Record) -> wire::AuditEntry {
    wire::AuditEntry {
        name: entry_name(entry.project, entry.number),
        number: entry.number,
        time: Some(timestamp(entry.time)),
        actor: entry.actor.to_string(),
        token: entry.token,
        method: entry.method,
        resource: entry.resource,
        detail: entry.detail.into(),
        request_id: entry.request_id,
        hash: bytes(&hash),
        previous_hash: bytes(&previous),
    }
}

fn bytes(digest: &Digest) -> Bytes {
    Bytes::copy_from_slice(digest.as_bytes())
}
