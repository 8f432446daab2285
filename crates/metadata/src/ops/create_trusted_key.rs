//! Trusting a key.

use consign_types::Timestamp;
use consign_types::promotion::PredicateType;
use consign_types::resource::TrustedKeyRef;
use consign_types::text::{Description, RequestId};

use super::change::{Begun, begin, call};
use super::pending::fingerprint;
use crate::connection::Db;
use crate::tables::promotions;
use crate::tables::trusted_keys::{self, TrustedKey, TrustedSigner};
use crate::{Error, Metadata, Principal, Result};

/// The most trusted keys of a project.
pub(super) const MAX_KEYS: i64 = 100;

/// The most predicate types that a key counts for.
const MAX_TYPES: usize = 50;

/// A key to be trusted.
#[derive(Clone, Debug)]
pub struct CreateTrustedKey {
    /// Who says so.
    pub principal: Principal,
    /// Its name.
    pub name: TrustedKeyRef,
    /// Who signs.
    pub signer: TrustedSigner,
    /// The predicate types that it counts for; none stands for all.
    pub predicate_types: Vec<PredicateType>,
    /// Until when it counts; `None` for ever.
    pub expires_at: Option<Timestamp>,
    /// Why it is there.
    pub description: Description,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Trusts a key, and has promotions that wait judged again. `NameTaken`; `ArgumentInvalid` for a key that can't be read.
    pub async fn create_trusted_key(&self, request: CreateTrustedKey) -> Result<TrustedKey> {
        let now = self.now();
        self.pool.write(move |db| create(db, &request, now)).await
    }
}

fn create(db: &mut Db, request: &CreateTrustedKey, now: Timestamp) -> Result<TrustedKey> {
    let CreateTrustedKey { principal, name, signer, predicate_types, expires_at, description, request_id } = request;
    check_types(predicate_types)?;
    if let Err(error) = signer.read() {
        return Err(Error::ArgumentInvalid { field: field_of(signer), rule: error.to_string() });
    }
    let fingerprint = fingerprint(&(name, signer, predicate_types, expires_at, description));
    let call = call(principal, "CreateTrustedKey", name, request_id.as_ref(), fingerprint, now);
    let change = match begin(db, &name.project, &call)? {
        Begun::Done(answer) => return answer.read(),
        Begun::New(change) => change,
    };
    let project = change.project.id;
    if trusted_keys::count(db, project)? >= MAX_KEYS {
        return Err(Error::ArgumentInvalid { field: "parent", rule: format!("a project has at most {MAX_KEYS} trusted keys") });
    }
    let mut key = TrustedKey {
        id: 0,
        project_id: project,
        key: name.key.clone(),
        signer: signer.clone(),
        predicate_types: predicate_types.clone(),
        expires_at: *expires_at,
        description: description.clone(),
        revision: 1,
        created_at: now,
        updated_at: now,
    };
    key.id = trusted_keys::insert(db, &key)?.ok_or_else(|| Error::NameTaken(name.to_string()))?;
    let mut batch = change.batch(db, &key, Vec::new());
    promotions::hasten(&mut batch, project, &[], now);
    batch.send(db)?;
    Ok(key)
}

fn field_of(signer: &TrustedSigner) -> &'static str {
    match signer {
        TrustedSigner::Key { .. } => "trusted_key.public_key_pem",
        TrustedSigner::Identity { .. } => "trusted_key.identity",
    }
}

/// Refuses more predicate types than a key may name.
pub(super) fn check_types(types: &[PredicateType]) -> Result<()> {
    if types.len() > MAX_TYPES {
        let rule = format!("at most {MAX_TYPES} types; none stands for all");
        return Err(Error::ArgumentInvalid { field: "trusted_key.predicate_types", rule });
    }
    Ok(())
}
