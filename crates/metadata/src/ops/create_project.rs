//! Making a project.

use consign_types::resource::NamespaceRef;
use consign_types::settings::Settings;
use consign_types::text::{Description, DisplayName, RequestId};
use consign_types::version::Visibility;
use consign_types::{Slug, Timestamp};

use super::change::{call, note, tell_first};
use super::idempotency::{Fingerprint, once};
use super::{check_free, namespace, or_else};
use crate::connection::Db;
use crate::tables::projects::{self, NewProject, Project};
use crate::tables::{counters, settings};
use crate::{Error, Metadata, Principal, Result, Rules};

/// A project to be made.
#[derive(Clone, Debug)]
pub struct CreateProject {
    /// Who makes it.
    pub principal: Principal,
    /// The namespace it goes to; `None` for the caller's own.
    pub namespace: Option<NamespaceRef>,
    /// Its own part of the path.
    pub slug: Slug,
    /// What people call it; the slug where this is empty.
    pub display_name: DisplayName,
    /// What it is for.
    pub description: Description,
    /// Who may know of it; `None` for what the settings say.
    pub visibility: Option<Visibility>,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Makes a project. `NamespaceNotFound` if its namespace is missing, `NameTaken` if its path is taken.
    pub async fn create_project(&self, request: CreateProject) -> Result<Project> {
        let (now, rules) = (self.now(), self.rules.clone());
        self.pool.write(move |db| create(db, &request, &rules, now)).await
    }
}

fn create(db: &mut Db, request: &CreateProject, rules: &Rules, now: Timestamp) -> Result<Project> {
    let fingerprint = Fingerprint::new()
        .optional(request.namespace.as_ref().map(ToString::to_string))
        .field(request.slug.as_str())
        .field(request.display_name.as_str())
        .field(request.description.as_str())
        .optional(request.visibility.as_ref().map(Visibility::as_str));
    let call = call(&request.principal, "CreateProject", &request.slug, request.request_id.as_ref(), fingerprint.finish(), now);
    once(db, &call, |db| {
        let parent = request.namespace.clone().map_or_else(|| request.principal.namespace(), Ok)?;
        let namespace = namespace(db, &parent)?;
        let path = namespace.path.project(&request.slug);
        let path = path.map_err(|error| Error::ArgumentInvalid { field: "project_id", rule: error.to_string() })?;
        check_free(db, path.as_str())?;
        let visibility = match request.visibility {
            Some(visibility) => visibility,
            None => inherited(db, namespace.id)?.in_force(&rules.defaults).visibility,
        };
        let new = NewProject {
            namespace_id: namespace.id,
            path: &path,
            display_name: &or_else(&request.display_name, request.slug.as_str()),
            description: &request.description,
            visibility,
            sequence: 0,
            created_at: now,
            updated_at: now,
        };
        let made = projects::insert(db, &new)?.ok_or_else(|| Error::NameTaken(path.to_string()))?;
        // It may have been deleted while its row was waited for.
        self::namespace(db, &NamespaceRef::Id(namespace.id))?;
        counters::insert(db, made.id)?;
        note(db, &call, made.id, &made)?;
        tell_first(db, &call, made.id)?;
        Ok(made)
    })
}

/// What is set for the projects of a namespace.
fn inherited(db: &mut Db, namespace: i64) -> Result<Settings> {
    let levels = settings::list_above(db, Some(namespace))?;
    Ok(levels.into_iter().fold(Settings::default(), |nearer, (_, farther)| nearer.or(farther)))
}
