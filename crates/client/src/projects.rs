//! Making and finding projects.

use consign_proto::metadata::{CreateProjectRequest, GetProjectRequest, ListProjectsRequest, Project, Visibility};
use consign_types::resource::{NamespaceRef, ProjectRef};
use uuid::Uuid;

use crate::retry::repeat;
use crate::{Client, Error, Result};

/// A project to be made.
#[derive(Clone, Debug, Default)]
pub struct NewProject {
    /// The namespace it goes to; `None` for the caller's own.
    pub namespace: Option<NamespaceRef>,
    /// Its own part of the path.
    pub slug: String,
    /// What people call it; empty for the slug.
    pub display_name: String,
    /// What it is for.
    pub description: String,
    /// Who may know of it.
    pub visibility: Visibility,
}

impl Client {
    /// Makes a project. A repetition within this call is recognised; another call for the same path is refused with `NAME_TAKEN`.
    pub async fn create_project(&self, new: NewProject) -> Result<Project> {
        let request = CreateProjectRequest {
            parent: new.namespace.map(|namespace| namespace.to_string()).unwrap_or_default(),
            project_id: new.slug,
            display_name: new.display_name,
            description: new.description,
            visibility: new.visibility.into(),
            request_id: Uuid::new_v4().to_string(),
        };
        let call = || async { self.project_service().create_project(self.request(request.clone())).await };
        repeat(call).await?.project.ok_or(Error::Protocol("no project"))
    }

    /// The project of this name, or `PROJECT_NOT_FOUND`.
    pub async fn find_project(&self, name: &ProjectRef) -> Result<Project> {
        let request = GetProjectRequest { name: name.to_string() };
        let call = || async { self.project_service().get_project(self.request(request.clone())).await };
        repeat(call).await?.project.ok_or(Error::Protocol("no project"))
    }

    /// A page of the projects that the caller may see, and the token of the next page, which is empty on the last.
    pub async fn list_projects(&self, page_size: i32, page_token: &str) -> Result<(Vec<Project>, String)> {
        let request = ListProjectsRequest { page_size, page_token: page_token.to_owned(), ..ListProjectsRequest::default() };
        let call = || async { self.project_service().list_projects(self.request(request.clone())).await };
        let page = repeat(call).await?;
        Ok((page.projects, page.next_page_token))
    }
}
