//! Reading settings: what is set at a scope, what is in force there, and where it comes from.

use std::collections::BTreeMap;

use consign_types::Timestamp;
use consign_types::resource::{ProjectRef, ScopeRef};
use consign_types::settings::{InForce, Settings};
use consign_types::version::Visibility;
use serde::{Deserialize, Serialize};

use super::{namespace, project};
use crate::connection::Db;
use crate::tables::cleanups;
use crate::tables::settings::{self, Scope, ScopeSettings};
use crate::{Metadata, Result, Rules};

/// The settings of a scope.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SettingsView {
    /// The scope by its canonical name.
    pub scope: ScopeRef,
    /// What is set at the scope itself.
    pub own: ScopeSettings,
    /// What is in force there.
    pub in_force: InForce,
    /// The name of each value that is set somewhere, and the name of the scope that it comes from.
    pub origins: BTreeMap<String, String>,
    /// When files that newer ones replaced are deleted next, of a project that keeps only some of them.
    #[serde(default)]
    pub next_cleanup_at: Option<Timestamp>,
    /// When it was last decided of a project that it keeps all of them.
    #[serde(default)]
    pub cleanup_ended_at: Option<Timestamp>,
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
}

/// A scope that is there.
pub(super) struct Place {
    pub(super) scope: Scope,
    pub(super) name: ScopeRef,
    /// The namespace from which its values are inherited; for a namespace, the one around it.
    pub(super) above: Option<i64>,
    /// What a project says of itself, whatever is set for new ones.
    pub(super) visibility: Option<Visibility>,
}

pub(super) fn place(db: &mut Db, name: &ScopeRef) -> Result<Place> {
    Ok(match name {
        ScopeRef::Instance => Place { scope: Scope::Instance, name: name.clone(), above: None, visibility: None },
        ScopeRef::Namespace(name) => {
            let namespace = namespace(db, name)?;
            let name = consign_types::resource::NamespaceRef::Path(namespace.path);
            Place { scope: Scope::Namespace(namespace.id), name: ScopeRef::Namespace(name), above: namespace.parent_id, visibility: None }
        }
        ScopeRef::Project(name) => {
            let project = project(db, name)?;
            let name = ScopeRef::Project(ProjectRef::Id(project.id));
            Place { scope: Scope::Project(project.id), name, above: Some(project.namespace_id), visibility: Some(project.visibility) }
        }
    })
}

pub(super) fn view(db: &mut Db, place: &Place, rules: &Rules) -> Result<SettingsView> {
    let own = settings::get(db, place.scope)?;
    let mut levels = vec![(place.name.to_string(), own.values.clone())];
    if place.scope != Scope::Instance {
        levels.append(&mut settings::list_above(db, place.above)?);
    }
    let mut origins = BTreeMap::new();
    for (origin, values) in &levels {
        for name in values.names() {
            origins.entry(name.to_owned()).or_insert_with(|| origin.clone());
        }
    }
    let nearest = levels.into_iter().fold(Settings::default(), |nearer, (_, farther)| nearer.or(farther));
    let mut in_force = nearest.in_force(&rules.defaults);
    if let Some(visibility) = place.visibility {
        in_force.visibility = visibility;
        origins.insert("visibility".to_owned(), place.name.to_string());
    }
    let cleanup = match place.scope {
        Scope::Project(id) => cleanups::find(db, id)?,
        _ => None,
    };
    let of_runs = |has_ended| cleanup.as_ref().filter(|cleanup| cleanup.has_ended() == has_ended).map(|cleanup| cleanup.next_run_at);
    let (next_cleanup_at, cleanup_ended_at) = (of_runs(false).filter(|_| in_force.keep_revisions.is_some()), of_runs(true));
    Ok(SettingsView { scope: place.name.clone(), own, in_force, origins, next_cleanup_at, cleanup_ended_at })
}
