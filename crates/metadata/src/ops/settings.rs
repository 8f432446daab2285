//! Settings: what is set at a scope, what is in force there, and where it comes from.

use std::collections::BTreeMap;

use consign_types::Timestamp;
use consign_types::resource::{ProjectRef, ScopeRef};
use consign_types::settings::{InForce, Settings, SettingsChange};
use consign_types::text::{Etag, RequestId};

use super::change::{Begun, begin, call};
use super::idempotency::{Call, Fingerprint, once};
use super::{etag_of, namespace, project};
use crate::connection::{Db, Ending};
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

/// The settings of a scope.
#[derive(Clone, Debug)]
pub struct SettingsView {
    /// The scope by its canonical name.
    pub scope: ScopeRef,
    /// What is set at the scope itself.
    pub own: ScopeSettings,
    /// What is in force there.
    pub in_force: InForce,
    /// The name of each value that is set somewhere, and the name of the scope that it comes from.
    pub origins: BTreeMap<&'static str, String>,
}

impl Metadata {
    /// The settings of a scope. `NamespaceNotFound`, `ProjectNotFound`.
    pub async fn find_settings(&self, scope: ScopeRef) -> Result<SettingsView> {
        let rules = self.rules.clone();
        self.pool
            .read(move |db| {
                let place = place(db, &scope)?;
                view(db, &place, &rules)
            })
            .await
    }

    /// Changes what is set at a scope. `NamespaceNotFound`, `ProjectNotFound`, `EtagMismatch`, `ArgumentInvalid`.
    pub async fn update_settings(&self, request: UpdateSettings) -> Result<SettingsView> {
        let (now, rules) = (self.now(), self.rules.clone());
        let ending = if request.validate_only { Ending::Rollback } else { Ending::Commit };
        self.pool.end(ending, move |db| update(db, &request, &rules, now)).await
    }
}

/// A scope that is there.
struct Place {
    scope: Scope,
    name: ScopeRef,
    /// The namespace from which its values are inherited; for a namespace, the one around it.
    above: Option<i64>,
}

fn place(db: &mut Db, name: &ScopeRef) -> Result<Place> {
    Ok(match name {
        ScopeRef::Instance => Place { scope: Scope::Instance, name: name.clone(), above: None },
        ScopeRef::Namespace(name) => {
            let namespace = namespace(db, name)?;
            let name = consign_types::resource::NamespaceRef::Path(namespace.path);
            Place { scope: Scope::Namespace(namespace.id), name: ScopeRef::Namespace(name), above: namespace.parent_id }
        }
        ScopeRef::Project(name) => {
            let project = project(db, name)?;
            let name = ScopeRef::Project(ProjectRef::Id(project.id));
            Place { scope: Scope::Project(project.id), name, above: Some(project.namespace_id) }
        }
    })
}

fn view(db: &mut Db, place: &Place, rules: &Rules) -> Result<SettingsView> {
    let own = settings::get(db, place.scope)?;
    let mut levels = vec![(place.name.to_string(), own.values.clone())];
    if place.scope != Scope::Instance {
        levels.append(&mut settings::list_above(db, place.above)?);
    }
    let mut origins = BTreeMap::new();
    for (origin, values) in &levels {
        for name in values.names() {
            origins.entry(name).or_insert_with(|| origin.clone());
        }
    }
    let nearest = levels.into_iter().fold(Settings::default(), |nearer, (_, farther)| nearer.or(farther));
    Ok(SettingsView { scope: place.name.clone(), own, in_force: nearest.in_force(&rules.defaults), origins })
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
    etag_of(&request.etag, own.etag(), &place.name)?;
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
