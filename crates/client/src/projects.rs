//! Projects, and the namespaces that they stand in.

use consign_proto::metadata::{
    CreateNamespaceRequest, CreateProjectRequest, DeleteNamespaceRequest, DeleteProjectRequest, GetNamespaceRequest, GetProjectRequest,
    GetSettingsRequest, GetSettingsResponse, ListNamespacesRequest, ListNamespacesResponse, ListProjectsRequest, ListProjectsResponse,
    Namespace, Project, Settings, UpdateProjectRequest, UpdateSettingsRequest, UpdateSettingsResponse, Visibility,
};
use consign_types::resource::{NamespaceRef, ProjectRef, ScopeRef};
use prost_types::FieldMask;
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

    /// A page of the projects that the caller may know of.
    pub async fn list_projects(&self, request: ListProjectsRequest) -> Result<ListProjectsResponse> {
        let call = || async { self.project_service().list_projects(self.request(request.clone())).await };
        Ok(repeat(call).await?)
    }

    /// Changes the named fields of a project, which is found by its name.
    pub async fn update_project(&self, project: Project, fields: &[&str]) -> Result<Project> {
        let update_mask = Some(FieldMask { paths: fields.iter().map(|field| (*field).to_owned()).collect() });
        let request = UpdateProjectRequest { project: Some(project), update_mask, request_id: Uuid::new_v4().to_string() };
        let call = || async { self.project_service().update_project(self.request(request.clone())).await };
        repeat(call).await?.project.ok_or(Error::Protocol("no project"))
    }

    /// Deletes a project, so that it can be brought back for a while.
    pub async fn delete_project(&self, name: &ProjectRef) -> Result<()> {
        let request = DeleteProjectRequest { name: name.to_string(), request_id: Uuid::new_v4().to_string(), ..Default::default() };
        let call = || async { self.project_service().delete_project(self.request(request.clone())).await };
        repeat(call).await?;
        Ok(())
    }

    /// Makes a namespace. The request's id is set here.
    pub async fn create_namespace(&self, request: CreateNamespaceRequest) -> Result<Namespace> {
        let request = CreateNamespaceRequest { request_id: Uuid::new_v4().to_string(), ..request };
        let call = || async { self.project_service().create_namespace(self.request(request.clone())).await };
        repeat(call).await?.namespace.ok_or(Error::Protocol("no namespace"))
    }

    /// The namespace of this name, or `NAMESPACE_NOT_FOUND`.
    pub async fn find_namespace(&self, name: &NamespaceRef) -> Result<Namespace> {
        let request = GetNamespaceRequest { name: name.to_string() };
        let call = || async { self.project_service().get_namespace(self.request(request.clone())).await };
        repeat(call).await?.namespace.ok_or(Error::Protocol("no namespace"))
    }

    /// A page of the namespaces that the caller may know of.
    pub async fn list_namespaces(&self, request: ListNamespacesRequest) -> Result<ListNamespacesResponse> {
        let call = || async { self.project_service().list_namespaces(self.request(request.clone())).await };
        Ok(repeat(call).await?)
    }

    /// Removes an empty namespace for good; where that is forced, with all that is in it.
    pub async fn delete_namespace(&self, name: &NamespaceRef, force: bool) -> Result<()> {
        let request =
            DeleteNamespaceRequest { name: name.to_string(), request_id: Uuid::new_v4().to_string(), force, ..Default::default() };
        let call = || async { self.project_service().delete_namespace(self.request(request.clone())).await };
        repeat(call).await?;
        Ok(())
    }

    /// What is set at a place, and what is in force there.
    pub async fn find_settings(&self, scope: &ScopeRef) -> Result<GetSettingsResponse> {
        let request = GetSettingsRequest { name: scope.to_string() };
        let call = || async { self.project_service().get_settings(self.request(request.clone())).await };
        Ok(repeat(call).await?)
    }

    /// Changes what is set at a place, which is found by its name: those of the settings that are there.
    pub async fn update_settings(&self, settings: Settings) -> Result<UpdateSettingsResponse> {
        let request =
            UpdateSettingsRequest { settings: Some(settings), request_id: Uuid::new_v4().to_string(), ..UpdateSettingsRequest::default() };
        let call = || async { self.project_service().update_settings(self.request(request.clone())).await };
        Ok(repeat(call).await?)
    }

    /// Says how many files of one path the open versions of a project keep; `None` for all.
    pub async fn keep_revisions(&self, project: &ProjectRef, keep_revisions: Option<i32>) -> Result<UpdateSettingsResponse> {
        let settings = Settings { name: project.to_string(), keep_revisions, ..Settings::default() };
        let request = UpdateSettingsRequest {
            settings: Some(settings),
            update_mask: Some(FieldMask { paths: vec!["keep_revisions".to_owned()] }),
            request_id: Uuid::new_v4().to_string(),
            validate_only: false,
        };
        let call = || async { self.project_service().update_settings(self.request(request.clone())).await };
        Ok(repeat(call).await?)
    }
}
