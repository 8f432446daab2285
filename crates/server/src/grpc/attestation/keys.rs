//! Trusted keys and identities.

use consign_metadata::{CreateTrustedKey, DeleteTrustedKey, TrustedKeyChange, TrustedSigner, UpdateTrustedKey};
use consign_proto::metadata::{
    self as wire, CreateTrustedKeyRequest, CreateTrustedKeyResponse, DeleteTrustedKeyRequest, DeleteTrustedKeyResponse,
    GetTrustedKeyRequest, GetTrustedKeyResponse, ListTrustedKeysRequest, ListTrustedKeysResponse, UpdateTrustedKeyRequest,
    UpdateTrustedKeyResponse, trusted_key,
};
use consign_proto::status::status;
use consign_types::resource::{ProjectRef, TrustedKeyRef};
use prost::Message as _;
use tonic::Status;

use super::{AttestationApi, predicate_types};
use crate::auth::Caller;
use crate::grpc::page::{Listing, fitting};
use crate::grpc::{decode, encode};

/// What an update may change.
const FIELDS: &[&str] = &["predicate_types", "expire_time", "description"];

pub(super) async fn create(
    api: &AttestationApi,
    caller: &Caller,
    request: CreateTrustedKeyRequest,
) -> Result<CreateTrustedKeyResponse, Status> {
    let project: ProjectRef = decode::name("parent", &request.parent)?;
    let principal = caller.about(&project).await?;
    let new = decode::present("trusted_key", request.trusted_key)?;
    let wanted = CreateTrustedKey {
        principal,
        name: TrustedKeyRef { project, key: decode::name("trusted_key_id", &request.trusted_key_id)? },
        signer: signer(decode::present("trusted_key.signer", new.signer)?),
        predicate_types: predicate_types("trusted_key.predicate_types", &new.predicate_types)?,
        expires_at: decode::time("trusted_key.expire_time", new.expire_time)?,
        description: decode::text("trusted_key.description", &new.description)?,
        request_id: decode::request_id(&request.request_id)?,
    };
    let key = api.metadata.create_trusted_key(wanted).await.map_err(status)?;
    Ok(CreateTrustedKeyResponse { trusted_key: Some(encode::trusted_key(key)) })
}

fn signer(wire: trusted_key::Signer) -> TrustedSigner {
    match wire {
        trusted_key::Signer::PublicKeyPem(public_key_pem) => TrustedSigner::Key { public_key_pem },
        trusted_key::Signer::Identity(identity) => TrustedSigner::Identity {
            issuer: identity.issuer,
            subject_glob: identity.subject_glob,
            root_certificates_pem: identity.root_certificates_pem,
        },
    }
}

pub(super) async fn get(api: &AttestationApi, caller: &Caller, request: GetTrustedKeyRequest) -> Result<GetTrustedKeyResponse, Status> {
    let name: TrustedKeyRef = decode::name("name", &request.name)?;
    caller.about(&name).await?;
    let key = api.metadata.find_trusted_key(name).await.map_err(status)?;
    Ok(GetTrustedKeyResponse { trusted_key: Some(encode::trusted_key(key)) })
}

pub(super) async fn list(
    api: &AttestationApi,
    caller: &Caller,
    request: ListTrustedKeysRequest,
) -> Result<ListTrustedKeysResponse, Status> {
    let listing = Listing::of("ListTrustedKeys", &[&request.parent]);
    let page = listing.page(request.page_size, &request.page_token)?;
    let project: ProjectRef = decode::name("parent", &request.parent)?;
    caller.about(&project).await?;
    let found = api.metadata.list_trusted_keys(project, page).await.map_err(status)?;
    let found = fitting(found.map(encode::trusted_key), wire::TrustedKey::encoded_len);
    let next_page_token = listing.next(&found, |key| key.trusted_key_id.clone());
    Ok(ListTrustedKeysResponse { trusted_keys: found.items, next_page_token })
}

pub(super) async fn update(
    api: &AttestationApi,
    caller: &Caller,
    request: UpdateTrustedKeyRequest,
) -> Result<UpdateTrustedKeyResponse, Status> {
    let new = decode::present("trusted_key", request.trusted_key)?;
    let mask = decode::mask(request.update_mask, FIELDS)?;
    let name: TrustedKeyRef = decode::name("trusted_key.name", &new.name)?;
    let principal = caller.about(&name).await?;
    let types = || predicate_types("trusted_key.predicate_types", &new.predicate_types);
    let change = TrustedKeyChange {
        predicate_types: mask.changed("predicate_types", !new.predicate_types.is_empty(), types)?,
        expires_at: mask.changed("expire_time", new.expire_time.is_some(), || decode::time("trusted_key.expire_time", new.expire_time))?,
        description: mask
            .changed("description", !new.description.is_empty(), || decode::text("trusted_key.description", &new.description))?,
    };
    let (etag, request_id) = (decode::etag(&new.etag)?, decode::request_id(&request.request_id)?);
    let key = api.metadata.update_trusted_key(UpdateTrustedKey { principal, name, etag, change, request_id }).await.map_err(status)?;
    Ok(UpdateTrustedKeyResponse { trusted_key: Some(encode::trusted_key(key)) })
}

pub(super) async fn delete(
    api: &AttestationApi,
    caller: &Caller,
    request: DeleteTrustedKeyRequest,
) -> Result<DeleteTrustedKeyResponse, Status> {
    let name: TrustedKeyRef = decode::name("name", &request.name)?;
    let wanted = DeleteTrustedKey {
        principal: caller.about(&name).await?,
        name,
        etag: decode::etag(&request.etag)?,
        request_id: decode::request_id(&request.request_id)?,
    };
    api.metadata.delete_trusted_key(wanted).await.map_err(status)?;
    Ok(DeleteTrustedKeyResponse {})
}
