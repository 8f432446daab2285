//! Changing what is set at a scope.

use consign_types::access::methods::need_to_change;
use consign_types::resource::ScopeRef;
use consign_types::settings::SettingsChange;
use consign_types::settings::{MAX_FILE_BYTES, MAX_QUOTA_BYTES};
use consign_types::text::{Etag, RequestId};
use consign_types::{Digest, Timestamp};

use super::change::{Begun, INSTANCE, begin, call, note};
use super::etag_of;
use super::find_settings::{SettingsView, place, view};
use super::idempotency::{Fingerprint, once};
use crate::connection::{Db, Ending};
use crate::tables::cleanups::{self, Cleanup};
use crate::tables::settings::{self, Scope, ScopeSettings};
use crate::{Error, Metadata, Principal, Result, Rules};

/// Settings to be changed.
#[derive(Clone, Debug)]
pub struct UpdateSettings {
    /// Who changes them.
    pub principal: Principal,
    /// Where they are set.
    pub scope: ScopeRef,
    /// The etag as last read.
    pub etag: Option<Etag>,
    /// What is set and removed.
    pub change: SettingsChange,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
    /// Answers as if it were done, and does nothing.
    pub validate_only: bool,
}

impl Metadata {
    /// Changes what is set at a scope. `NamespaceNotFound`, `ProjectNotFound`, `EtagMismatch`, `ArgumentInvalid`.
    pub async fn update_settings(&self, request: UpdateSettings) -> Result<SettingsView> {
        let (now, rules) = (self.now(), self.rules.clone());
        let ending = if request.validate_only { Ending::Rollback } else { Ending::Commit };
        self.pool.end(ending, move |db| update(db, &request, &rules, now)).await
    }
}

fn update(db: &mut Db, request: &UpdateSettings, rules: &Rules, now: Timestamp) -> Result<SettingsView> {
    check(&request.change)?;
    if matches!((&request.scope, &request.change.visibility), (ScopeRef::Project(_), Some(Some(_)))) {
        let rule = "is of new projects: `UpdateProject` changes that of one that is there".to_owned();
        return Err(Error::ArgumentInvalid { field: "settings.visibility", rule });
    }
    let least = need_to_change(&request.scope, &request.change).role;
    if request.principal.role < least {
        return Err(Error::RoleInsufficient(least));
    }
    if matches!((&request.scope, &request.change.keep_revisions), (ScopeRef::Instance | ScopeRef::Namespace(_), Some(Some(_)))) {
        let rule = "is set at projects alone".to_owned();
        return Err(Error::ArgumentInvalid { field: "settings.keep_revisions", rule });
    }
    let call = call(&request.principal, "UpdateSettings", &request.scope, request.request_id.as_ref(), fingerprint(request), now);
    let change = |db: &mut Db| {
        put(db, request, rules, now)?;
        let place = place(db, &request.scope)?;
        view(db, &place, rules)
    };
    let ScopeRef::Project(name) = &request.scope else {
        return once(db, &call, |db| {
            let answer = change(db)?;
            note(db, &call, INSTANCE, &answer)?;
            Ok(answer)
        });
    };
    match begin(db, name, &call)? {
        Begun::Done(answer) => answer.read(),
        Begun::New(begun) => {
            let answer = change(db)?;
            begun.batch(db, &answer, Vec::new()).send(db)?;
            Ok(answer)
        }
    }
}

pub(super) fn fingerprint(request: &UpdateSettings) -> Digest {
    Fingerprint::new().shown(&(&request.scope, &request.etag, &request.change, request.validate_only)).finish()
}

fn put(db: &mut Db, request: &UpdateSettings, rules: &Rules, now: Timestamp) -> Result<()> {
    let place = place(db, &request.scope)?;
    let own = settings::get(db, place.scope)?;
    etag_of(request.etag.as_ref(), &own.etag(), &place.name)?;
    let new = ScopeSettings { values: own.values.changed(request.change.clone()), revision: own.revision + 1, updated_at: Some(now) };
    if !settings::put(db, place.scope, own.revision, &new, now)? {
        return Err(Error::raced());
    }
    match (place.scope, request.change.keep_revisions) {
        (Scope::Project(id), Some(Some(_))) => {
            let first = now.plus_seconds(rules.cleanup_seconds);
            cleanups::put(db, &Cleanup::new(id, first, request.principal.name.clone()))
        }
        (Scope::Project(id), Some(None)) => cleanups::put(db, &Cleanup::ended(id, now, request.principal.name.clone())),
        _ => Ok(()),
    }
}

fn check(change: &SettingsChange) -> Result<()> {
    let within = |field, value: Option<Option<i64>>, most: i64| match value.flatten() {
        Some(value) if !(0..=most).contains(&value) => Err(Error::ArgumentInvalid { field, rule: format!("from 0 to {most}") }),
        _ => Ok(()),
    };
    within("settings.max_file_bytes", change.max_file_bytes, MAX_FILE_BYTES)?;
    within("settings.quota_bytes", change.quota_bytes, MAX_QUOTA_BYTES)?;
    if let Some(Some(setting)) = &change.duplicate_policy {
        let invalid = |error: consign_types::duplicates::PatternError| Error::ArgumentInvalid {
            field: "settings.duplicate_policy.exception_regex",
            rule: error.to_string(),
        };
        setting.policy().map_err(invalid)?;
    }
    Ok(())
}
