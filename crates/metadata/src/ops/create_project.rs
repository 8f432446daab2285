//! Making a project.

use consign_types::Slug;
use consign_types::resource::{NamespaceRef, ProjectRef};

use super::ensure_admin_token::admin_namespace;
use super::request_id::{self, Claimed, Fingerprint};
use crate::tables::namespaces;
use crate::tables::projects::{self, Project, Visibility};
use crate::{Error, Metadata, Principal, Result};

/// A project to be made.
#[derive(Clone, Debug)]
pub struct CreateProject {
    /// Who makes it.
    pub principal: Principal,
    /// The namespace it goes to; `None` for the caller's own.
    pub namespace: Option<NamespaceRef>,
    /// Its own part of the path.
    pub slug: Slug,
    /// What people call it; the slug where it is empty.
    pub display_name: String,
    /// What it is for.
    pub description: String,
    /// Who may know of it.
    pub visibility: Visibility,
    /// Makes a repeated request safe.
    pub request_id: Option<String>,
}

impl Metadata {
    /// Makes a project.
    pub async fn create_project(&self, new: CreateProject) -> Result<Project> {
        let now = self.now();
        self.pool
            .write(move |db| {
                let parent = new.namespace.clone().unwrap_or_else(|| NamespaceRef::Path(admin_namespace()));
                let fingerprint = Fingerprint::new()
                    .field(parent.to_string())
                    .field(new.slug.as_str())
                    .field(&new.display_name)
                    .field(&new.description)
                    .field(format!("{:?}", new.visibility))
                    .finish();
                let request_id = new.request_id.as_deref();
                let claim = match request_id::claim(db, &new.principal.name, "CreateProject", request_id, fingerprint, now)? {
                    Claimed::Done(ids) => return projects::find(db, &ProjectRef::Id(ids.first().copied().unwrap_or_default())),
                    Claimed::New(claim) => claim,
                };
                let namespace = namespaces::find(db, &parent)?;
                let full = namespace
                    .path
                    .project(&new.slug)
                    .map_err(|error| Error::ArgumentInvalid { field: "project_id", rule: error.to_string() })?;
                let display_name = if new.display_name.is_empty() { new.slug.as_str() } else { &new.display_name };
                let texts = (display_name, new.description.as_str());
                let project = projects::insert(db, namespace.id, &full, texts, new.visibility, now)?;
                let project = project.ok_or_else(|| Error::NameTaken(full.to_string()))?;
                claim.settle(db, [project.id])?;
                Ok(project)
            })
            .await
    }
}
