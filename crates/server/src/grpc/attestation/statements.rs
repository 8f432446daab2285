//! Attestations: adding, finding and judging them.

use bytes::Bytes;
use consign_metadata::{AttestedWhat, CreateAttestation, ListAttestations, VerifyAttestations};
use consign_proto::metadata::{
    self as wire, CreateAttestationRequest, CreateAttestationResponse, GetAttestationRequest, GetAttestationResponse,
    ListAttestationsRequest, ListAttestationsResponse, VerifyAttestationsRequest, VerifyAttestationsResponse, create_attestation_request,
    list_attestations_request, verify_attestations_request,
};
use consign_proto::status::{invalid, refused, status};
use consign_types::attestation::{Format, MAX_BUNDLE_BYTES, Subject};
use consign_types::receipt::Receipt;
use consign_types::resource::{AttestationRef, ProjectRef, VersionRef};
use consign_types::{Digest, Reason};
use prost::Message as _;
use tonic::Status;

use super::{AttestationApi, predicate_types};
use crate::auth::Caller;
use crate::grpc::page::{Listing, fitting};
use crate::grpc::{decode, encode};

/// The only order of lists.
const ORDERS: &[(&str, ())] = &[("create_time", ())];

pub(super) async fn create(
    api: &AttestationApi,
    caller: &Caller,
    request: CreateAttestationRequest,
) -> Result<CreateAttestationResponse, Status> {
    use create_attestation_request::Subject as Wire;

    let project: ProjectRef = decode::name("parent", &request.parent)?;
    let principal = caller.about(&project).await?;
    let subject = match decode::present("subject", request.subject.as_ref())? {
        Wire::ContentDigest(digest) => content(digest)?,
        Wire::FileSha256(digest) => file(digest)?,
    };
    let receipt = received(api, &request)?;
    let wanted = CreateAttestation {
        principal,
        project,
        subject,
        format: format(request.format)?,
        bundle: request.bundle.to_vec(),
        receipt,
        request_id: decode::request_id(&request.request_id)?,
    };
    let (attestation, sequence) = api.metadata.create_attestation(wanted).await.map_err(status)?;
    Ok(CreateAttestationResponse { attestation: Some(encode::attestation(attestation)), sequence })
}

/// The receipt for the bundle, whose bytes are those that it speaks of.
fn received(api: &AttestationApi, request: &CreateAttestationRequest) -> Result<Receipt, Status> {
    let bundle = &request.bundle;
    if bundle.len() > MAX_BUNDLE_BYTES {
        let rule = format!("the bundle has {} bytes: at most {MAX_BUNDLE_BYTES} are read", bundle.len());
        return Err(invalid("bundle", Reason::AttestationInvalid, rule));
    }
    let blob = decode::present("blob", request.blob.as_ref())?;
    let declared: Digest = decode::present("blob.sha256", decode::digest("blob.sha256", &blob.sha256)?)?;
    let actual = Digest::of(bundle);
    if declared != actual {
        return Err(refused(Reason::DigestMismatch, format!("the bundle hashes to `{actual}`, and `{declared}` was declared")));
    }
    if i64::try_from(bundle.len()) != Ok(blob.size_bytes) {
        let words = format!("the bundle has {} bytes, and {} were declared", bundle.len(), blob.size_bytes);
        return Err(refused(Reason::SizeMismatch, words));
    }
    let receipt = api.notes.receipt(&request.receipt)?;
    if *blob != encode::blob(&receipt.digest, receipt.size) {
        return Err(refused(Reason::ReceiptInvalid, "the receipt is for other bytes than the bundle"));
    }
    Ok(receipt)
}

fn content(digest: &Bytes) -> Result<Subject, Status> {
    Ok(Subject::Content(decode::present("content_digest", decode::digest("content_digest", digest)?)?))
}

fn file(digest: &Bytes) -> Result<Subject, Status> {
    Ok(Subject::File(decode::present("file_sha256", decode::digest("file_sha256", digest)?)?))
}

fn format(number: i32) -> Result<Format, Status> {
    match wire::BundleFormat::try_from(number) {
        Ok(wire::BundleFormat::Dsse) => Ok(Format::Dsse),
        Ok(wire::BundleFormat::Sigstore) => Ok(Format::Sigstore),
        Ok(wire::BundleFormat::Unspecified) | Err(_) => Err(invalid("format", Reason::ArgumentInvalid, "DSSE or SIGSTORE")),
    }
}

pub(super) async fn get(api: &AttestationApi, caller: &Caller, request: GetAttestationRequest) -> Result<GetAttestationResponse, Status> {
    let name: AttestationRef = decode::name("name", &request.name)?;
    caller.about(&name).await?;
    let (attestation, bundle) = api.metadata.find_attestation(name).await.map_err(status)?;
    Ok(GetAttestationResponse { attestation: Some(encode::attestation(attestation)), bundle: bundle.into() })
}

/// A version, which the caller may know of.
async fn version(caller: &Caller, name: &str) -> Result<AttestedWhat, Status> {
    let name: VersionRef = decode::name("version", name)?;
    caller.about(&name).await?;
    Ok(AttestedWhat::Version(name))
}

pub(super) async fn list(
    api: &AttestationApi,
    caller: &Caller,
    request: ListAttestationsRequest,
) -> Result<ListAttestationsResponse, Status> {
    use list_attestations_request::Subject as Wire;

    let arguments = [&request.parent, &format!("{:?}", request.subject), &request.filter, &request.order_by];
    let listing = Listing::of("ListAttestations", &arguments.map(String::as_str));
    let ((), descending) = decode::order(&request.order_by, ORDERS)?;
    let project: ProjectRef = decode::name("parent", &request.parent)?;
    caller.about(&project).await?;
    let subject = match &request.subject {
        None => None,
        Some(Wire::Version(name)) => Some(version(caller, name).await?),
        Some(Wire::ContentDigest(digest)) => Some(AttestedWhat::Subject(content(digest)?)),
        Some(Wire::FileSha256(digest)) => Some(AttestedWhat::Subject(file(digest)?)),
    };
    let wanted = ListAttestations {
        project,
        subject,
        filter: decode::filter(&request.filter)?,
        descending: descending || request.order_by.is_empty(),
        page: listing.page(request.page_size, &request.page_token)?,
    };
    let found = api.metadata.list_attestations(wanted).await.map_err(status)?;
    let encoded = found.map(|attestation| (attestation.cursor(), encode::attestation(attestation)));
    let found = fitting(encoded, |(_, attestation)| attestation.encoded_len());
    let next_page_token = listing.next(&found, |(cursor, _)| cursor.to_string());
    Ok(ListAttestationsResponse { attestations: found.map(|(_, attestation)| attestation).items, next_page_token })
}

pub(super) async fn verify(
    api: &AttestationApi,
    caller: &Caller,
    request: VerifyAttestationsRequest,
) -> Result<VerifyAttestationsResponse, Status> {
    use verify_attestations_request::Subject as Wire;

    let project: ProjectRef = decode::name("parent", &request.parent)?;
    caller.about(&project).await?;
    let subject = match decode::present("subject", request.subject.as_ref())? {
        Wire::Version(name) => version(caller, name).await?,
        Wire::ContentDigest(digest) => AttestedWhat::Subject(content(digest)?),
        Wire::FileSha256(digest) => AttestedWhat::Subject(file(digest)?),
    };
    let predicate_types = predicate_types("predicate_types", &request.predicate_types)?;
    let wanted = VerifyAttestations { project, subject, predicate_types };
    let (verdicts, missing) = api.metadata.verify_attestations(wanted).await.map_err(status)?;
    Ok(VerifyAttestationsResponse {
        verdicts: verdicts.into_iter().map(encode::attestation_verdict).collect(),
        missing_predicate_types: missing.iter().map(ToString::to_string).collect(),
    })
}
