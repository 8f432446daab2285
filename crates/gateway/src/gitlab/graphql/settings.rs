//! How a namespace keeps packages: whether a file may be published again.

use async_graphql::{InputObject, SimpleObject};
use consign_client::Error;
use consign_proto::metadata::{DuplicatePolicy, Settings};
use consign_types::Reason;
use consign_types::resource::{NamespaceRef, ScopeRef};

use super::namespace;
use super::refusal::{Refusal, Result, known, told};
use super::scalar::Pattern;
use super::session::Session;

/// How often a change is made again after another one came between.
const ATTEMPTS: usize = 3;

/// What is in force in a namespace.
#[derive(Clone, Debug, SimpleObject)]
pub(super) struct PackageSettings {
    generic_duplicates_allowed: bool,
    generic_duplicate_exception_regex: Pattern,
}

/// What is to be in force. What is not given stays.
#[derive(Debug, InputObject)]
pub(super) struct UpdateNamespacePackageSettingsInput {
    namespace_path: String,
    generic_duplicates_allowed: Option<bool>,
    generic_duplicate_exception_regex: Option<Pattern>,
    client_mutation_id: Option<String>,
}

/// What became of it.
#[derive(Debug, SimpleObject)]
pub(super) struct UpdateNamespacePackageSettingsPayload {
    package_settings: Option<PackageSettings>,
    errors: Vec<String>,
    client_mutation_id: Option<String>,
}

impl PackageSettings {
    fn of(in_force: Option<Settings>) -> Result<Self> {
        let policy = policy(in_force)?;
        let generic_duplicates_allowed = policy.allowed.unwrap_or(true);
        Ok(Self { generic_duplicates_allowed, generic_duplicate_exception_regex: Pattern(policy.exception_regex) })
    }
}

fn policy(in_force: Option<Settings>) -> Result<DuplicatePolicy> {
    in_force.and_then(|settings| settings.duplicate_policy).ok_or(Refusal::Plane(Error::Protocol("no settings in force")))
}

/// What is in force in a namespace, for those who may read it.
pub(super) async fn find(session: &Session, namespace: NamespaceRef) -> Result<Option<PackageSettings>> {
    let found = known(session.ask(session.client().find_settings(&ScopeRef::Namespace(namespace))).await)?;
    found.map(|found| PackageSettings::of(found.effective_settings)).transpose()
}

/// Changes what is in force in a namespace.
pub(super) async fn update(session: &Session, input: UpdateNamespacePackageSettingsInput) -> Result<UpdateNamespacePackageSettingsPayload> {
    let scope = namespace::at(&input.namespace_path).map(ScopeRef::Namespace).ok_or(Refusal::Hidden)?;
    let mut changed = change(session, &scope, &input).await;
    for _ in 1..ATTEMPTS {
        if !matches!(changed, Err(Refusal::Plane(Error::Refused { reason: Reason::EtagMismatch, .. }))) {
            break;
        }
        changed = change(session, &scope, &input).await;
    }
    let (package_settings, errors) = told(changed)?;
    Ok(UpdateNamespacePackageSettingsPayload { package_settings, errors, client_mutation_id: input.client_mutation_id })
}

async fn change(session: &Session, scope: &ScopeRef, input: &UpdateNamespacePackageSettingsInput) -> Result<PackageSettings> {
    session.reserve(2)?;
    let found = session.ask(session.client().find_settings(scope)).await?;
    let mut policy = policy(found.effective_settings)?;
    policy.allowed = input.generic_duplicates_allowed.or(policy.allowed);
    if let Some(Pattern(pattern)) = &input.generic_duplicate_exception_regex {
        policy.exception_regex.clone_from(pattern);
    }
    let etag = found.settings.map(|settings| settings.etag).unwrap_or_default();
    let settings = Settings { name: scope.to_string(), duplicate_policy: Some(policy), etag, ..Settings::default() };
    let changed = session.ask(session.client().update_settings(settings)).await?;
    PackageSettings::of(changed.effective_settings)
}
