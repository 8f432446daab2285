//! Adding an attestation.

use std::sync::Arc;

use consign_types::Timestamp;
use consign_types::attestation::{Bundle, Format, Subject};
use consign_types::promotion::PredicateType;
use consign_types::receipt::Receipt;
use consign_types::resource::{AttestationRef, ProjectRef};
use consign_types::text::RequestId;
use serde::Serialize;

use super::attesting::Jury;
use super::change::{Begun, begin, call};
use super::copies::{self, Brought};
use super::idempotency::Fingerprint;
use super::project;
use crate::batch::Batch;
use crate::connection::Db;
use crate::error::BytesOf;
use crate::promotion_error::PromotionError;
use crate::tables::attestations::{self, Attestation, Check};
use crate::tables::{blobs, leases, promotions};
use crate::{Error, Metadata, Principal, Result};

/// How many attestations a subject may have.
const MAX_ATTESTATIONS: i64 = 1000;

/// An attestation to be added.
#[derive(Clone, Debug)]
pub struct CreateAttestation {
    /// Who adds it.
    pub principal: Principal,
    /// The project.
    pub project: ProjectRef,
    /// What it speaks of.
    pub subject: Subject,
    /// How its bundle is encoded.
    pub format: Format,
    /// The bundle.
    pub bundle: Vec<u8>,
    /// Proof that these bytes are stored. Its signature and its digest were checked, its time was not.
    pub receipt: Receipt,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Brought for CreateAttestation {
    fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    fn bytes_of(&self) -> BytesOf {
        BytesOf::Bundle
    }
}

/// An attestation as it is to be written, with what was found for the keys that there are.
struct Read {
    attestation: Attestation,
    checks: Vec<Check>,
}

impl Metadata {
    /// Adds an attestation, and has promotions that wait judged again; answers it with the number of the change. The same bundle on the same
    /// subject once more is answered as it is there. `AttestationInvalid`, `SubjectNotFound`, `ReceiptInvalid`, `BlobExpired`.
    pub async fn create_attestation(&self, request: CreateAttestation) -> Result<(Attestation, i64)> {
        let now = self.now();
        let request = Arc::new(request);
        let asked = Arc::clone(&request);
        // To verify signatures takes its time, so it is done where nobody waits for it. A key that is added meanwhile is tried later.
        let read = self.pool.read(move |db| read(db, &asked, now)).await?;
        self.pool.write(move |db| create(db, &request, &read, now)).await
    }
}

fn read(db: &mut Db, request: &CreateAttestation, now: Timestamp) -> Result<Read> {
    let invalid = |why: String| PromotionError::AttestationInvalid(why);
    let bundle = Bundle::parse(request.format, &request.bundle).map_err(|error| invalid(error.to_string()))?;
    if !bundle.speaks_of(&request.subject.digest()) {
        return Err(invalid(format!("its statement does not speak of `sha256:{}`", request.subject.digest())).into());
    }
    let project = project(db, &request.project)?.id;
    let attestation = Attestation {
        id: 0,
        project_id: project,
        subject: request.subject,
        format: request.format,
        predicate_type: bundle.predicate_type().clone(),
        claimed_signers: bundle.claimed_signers(),
        blob: request.receipt.digest,
        size_bytes: request.receipt.size,
        creator: request.principal.name.clone(),
        sequence: 0,
        created_at: now,
    };
    let checks = Jury::reading(db, project, now)?.checks_of(&bundle, &attestation)?;
    Ok(Read { attestation, checks })
}

/// What watchers are told of an attestation at once.
#[derive(Serialize)]
struct Made<'a> {
    subject: &'a Subject,
    predicate_type: &'a PredicateType,
}

fn create(db: &mut Db, request: &CreateAttestation, read: &Read, now: Timestamp) -> Result<(Attestation, i64)> {
    let CreateAttestation { principal, project: name, subject, receipt, request_id, .. } = request;
    let fingerprint = Fingerprint::new().shown(&(name, subject, request.format, receipt.digest)).finish();
    let call = call(principal, "CreateAttestation", name, request_id.as_ref(), fingerprint, now);
    let mut change = match begin(db, name, &call)? {
        Begun::Done(answer) => return answer.read(),
        Begun::New(change) => change,
    };
    let project = change.project.id;
    let uploads = std::slice::from_ref(request);
    copies::check(uploads, project, now)?;
    change.counters.reserved_bytes -= leases::sum_reserved(db, project, receipt.upload)?;
    if let Some(known) = attestations::find_same(db, project, subject, receipt.digest)? {
        let answer = (known.clone(), known.sequence);
        let mut batch = change.batch_unchanged(db, &answer);
        leases::remove(&mut batch, &[receipt.upload]);
        batch.send(db)?;
        return Ok(answer);
    }
    if !attestations::has_subject(db, project, subject)? {
        return Err(PromotionError::SubjectNotFound { project: ProjectRef::Id(project), subject: *subject }.into());
    }
    if attestations::count(db, project, subject)? >= MAX_ATTESTATIONS {
        let rule = format!("{subject} has as many attestations as it may have: {MAX_ATTESTATIONS}");
        return Err(Error::ArgumentInvalid { field: "subject", rule });
    }
    let mut batch = Batch::new(db);
    blobs::insert(&mut batch, &copies::of(uploads), now);
    batch.send(db)?;
    let sequence = change.counters.sequence;
    let mut attestation = Attestation { project_id: project, sequence, ..read.attestation.clone() };
    attestation.id = attestations::insert(db, &attestation, &read.checks, &request.bundle)?;
    let answer = (attestation, sequence);
    let name = AttestationRef { project: ProjectRef::Id(project), id: answer.0.id };
    let told = Made { subject, predicate_type: &answer.0.predicate_type };
    let change = change.named(&name).telling(&told);
    let mut batch = change.batch(db, &answer, Vec::new());
    leases::remove(&mut batch, &[receipt.upload]);
    promotions::hasten(&mut batch, project, &[], now);
    copies::settle(db, batch, uploads, now)?;
    Ok(answer)
}
