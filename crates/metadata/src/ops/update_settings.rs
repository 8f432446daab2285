//! Changing what is set at a scope.

use consign_types::Timestamp;
use consign_types::resource::ScopeRef;
use consign_types::settings::SettingsChange;
use consign_types::text::{Etag, RequestId};

use super::change::{Begun, begin, call};
use super::etag_of;
use super::find_settings::{SettingsView, place, view};
use super::idempotency::{Call, Fingerprint, once};
use crate::connection::{Db, Ending};
use crate::tables::settings::{self, ScopeSettings};
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
    let fingerprint = Fingerprint::new().shown(&(&request.scope, &request.etag, &request.change, request.validate_only)).finish();
    let call = call(&request.principal.name, "UpdateSettings", request.request_id.as_ref(), fingerprint, now);
    let show = |db: &mut Db| {
        let place = place(db, &request.scope)?;
        view(db, &place, rules)
    };
    match &request.scope {
        ScopeRef::Project(name) => {
            let Begun::New(change) = begin(db, name, &call)? else {
                return show(db);
            };
            put(db, request, now)?;
            change.batch(db, [], Vec::new()).send(db)?;
            show(db)
        }
        _ => change_shared(db, request, &call, show),
    }
}

fn change_shared(
    db: &mut Db,
    request: &UpdateSettings,
    call: &Call<'_>,
    show: impl Fn(&mut Db) -> Result<SettingsView>,
) -> Result<SettingsView> {
    once(
        db,
        call,
        |db, _| show(db),
        |db| {
            put(db, request, call.now)?;
            Ok((show(db)?, Vec::new()))
        },
    )
}

fn put(db: &mut Db, request: &UpdateSettings, now: Timestamp) -> Result<()> {
    let place = place(db, &request.scope)?;
    let own = settings::get(db, place.scope)?;
    etag_of(request.etag.as_ref(), &own.etag(), &place.name)?;
    let new = ScopeSettings { values: own.values.changed(request.change.clone()), revision: own.revision + 1, updated_at: Some(now) };
    settings::put(db, place.scope, &new, now)
}

fn check(change: &SettingsChange) -> Result<()> {
    let negative = |field, value: Option<Option<i64>>| match value.flatten() {
        Some(value) if value < 0 => Err(Error::ArgumentInvalid { field, rule: "must not be negative".to_owned() }),
        _ => Ok(()),
    };
    negative("settings.max_file_bytes", change.max_file_bytes)?;
    negative("settings.quota_bytes", change.quota_bytes)?;
    if let Some(Some(setting)) = &change.duplicate_policy {
        let invalid = |error: consign_types::duplicates::PatternError| Error::ArgumentInvalid {
            field: "settings.duplicate_policy.exception_regex",
            rule: error.to_string(),
        };
        setting.policy().map_err(invalid)?;
    }
    Ok(())
}
