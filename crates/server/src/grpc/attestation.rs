//! `consign.metadata.v1.AttestationService`.

mod keys;
mod statements;

use consign_metadata::Metadata;
use consign_proto::metadata::attestation_service_server::AttestationService;
use consign_proto::metadata::{
    CreateAttestationRequest, CreateAttestationResponse, CreateTrustedKeyRequest, CreateTrustedKeyResponse, DeleteTrustedKeyRequest,
    DeleteTrustedKeyResponse, GetAttestationRequest, GetAttestationResponse, GetTrustedKeyRequest, GetTrustedKeyResponse,
    ListAttestationsRequest, ListAttestationsResponse, ListTrustedKeysRequest, ListTrustedKeysResponse, UpdateTrustedKeyRequest,
    UpdateTrustedKeyResponse, VerifyAttestationsRequest, VerifyAttestationsResponse,
};
use consign_types::Reason;
use consign_types::promotion::PredicateType;
use tonic::{Request, Response, Status};

use super::decode;
use super::methods::methods;
use crate::notes::Notes;

/// How many predicate types one request may name.
const MAX_TYPES: usize = 50;

/// The service, over the metadata plane.
#[derive(Clone, Debug)]
pub(crate) struct AttestationApi {
    pub(crate) metadata: Metadata,
    pub(crate) notes: Notes,
}

methods! {
    AttestationService for AttestationApi;
    create_attestation: CreateAttestationRequest => CreateAttestationResponse = statements::create;
    get_attestation: GetAttestationRequest => GetAttestationResponse = statements::get;
    list_attestations: ListAttestationsRequest => ListAttestationsResponse = statements::list;
    verify_attestations: VerifyAttestationsRequest => VerifyAttestationsResponse = statements::verify;
    create_trusted_key: CreateTrustedKeyRequest => CreateTrustedKeyResponse = keys::create;
    get_trusted_key: GetTrustedKeyRequest => GetTrustedKeyResponse = keys::get;
    list_trusted_keys: ListTrustedKeysRequest => ListTrustedKeysResponse = keys::list;
    update_trusted_key: UpdateTrustedKeyRequest => UpdateTrustedKeyResponse = keys::update;
    delete_trusted_key: DeleteTrustedKeyRequest => DeleteTrustedKeyResponse = keys::delete;
}

fn predicate_types(field: &str, types: &[String]) -> Result<Vec<PredicateType>, Status> {
    if types.len() > MAX_TYPES {
        return Err(consign_proto::status::invalid(field, Reason::ArgumentInvalid, format!("at most {MAX_TYPES} types")));
    }
    types.iter().map(|text| decode::text(field, text)).collect()
}
