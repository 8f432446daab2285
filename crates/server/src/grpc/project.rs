//! `consign.metadata.v1.ProjectService`.

use consign_metadata::{CreateNamespace, CreateProject, ListProjects, Metadata};
use consign_proto::metadata::project_service_server::ProjectService;
use consign_proto::metadata::{
    self as wire, CreateNamespaceRequest, CreateNamespaceResponse, CreateProjectRequest, CreateProjectResponse, GetNamespaceRequest,
    GetNamespaceResponse, GetProjectRequest, GetProjectResponse, ListNamespacesRequest, ListNamespacesResponse, ListProjectsRequest,
    ListProjectsResponse,
};
use consign_proto::status::status;
use consign_types::version::Visibility;
use tonic::{Request, Response, Status};

use super::page::Listing;
use super::{decode, encode};
use crate::auth::caller;

/// The service, over the metadata plane.
#[derive(Clone, Debug)]
pub(crate) struct ProjectApi {
    pub(crate) metadata: Metadata,
}

#[tonic::async_trait]
impl ProjectService for ProjectApi {
    async fn create_namespace(&self, request: Request<CreateNamespaceRequest>) -> Result<Response<CreateNamespaceResponse>, Status> {
        let principal = caller(&request)?;
        let request = request.into_inner();
        let new = CreateNamespace {
            principal,
            path: decode::name("path", &request.path)?,
            display_name: decode::text("display_name", &request.display_name)?,
            request_id: decode::optional("request_id", &request.request_id, decode::text)?,
        };
        let namespace = self.metadata.create_namespace(new).await.map_err(status)?;
        Ok(Response::new(CreateNamespaceResponse { namespace: Some(encode::namespace(namespace)) }))
    }

    async fn get_namespace(&self, request: Request<GetNamespaceRequest>) -> Result<Response<GetNamespaceResponse>, Status> {
        let name = decode::name("name", &request.get_ref().name)?;
        let namespace = self.metadata.find_namespace(name).await.map_err(status)?;
        Ok(Response::new(GetNamespaceResponse { namespace: Some(encode::namespace(namespace)) }))
    }

    async fn list_namespaces(&self, request: Request<ListNamespacesRequest>) -> Result<Response<ListNamespacesResponse>, Status> {
        let request = request.into_inner();
        decode::absent("filter", request.filter.is_empty())?;
        decode::absent("order_by", request.order_by.is_empty())?;
        let listing = Listing::of("ListNamespaces", &[]);
        let page = listing.page(request.page_size, &request.page_token)?;
        let found = self.metadata.list_namespaces(page).await.map_err(status)?;
        let next_page_token = listing.next(&found, |namespace| namespace.path.to_string());
        Ok(Response::new(ListNamespacesResponse { namespaces: found.map(encode::namespace).items, next_page_token }))
    }

    async fn create_project(&self, request: Request<CreateProjectRequest>) -> Result<Response<CreateProjectResponse>, Status> {
        let principal = caller(&request)?;
        let request = request.into_inner();
        let visibility = match request.visibility() {
            wire::Visibility::Unspecified | wire::Visibility::Private => Visibility::Private,
            wire::Visibility::Internal => Visibility::Internal,
            wire::Visibility::Public => Visibility::Public,
        };
        let new = CreateProject {
            principal,
            namespace: decode::optional("parent", &request.parent, decode::name)?,
            slug: decode::name("project_id", &request.project_id)?,
            display_name: decode::text("display_name", &request.display_name)?,
            description: decode::text("description", &request.description)?,
            visibility,
            request_id: decode::optional("request_id", &request.request_id, decode::text)?,
        };
        let project = self.metadata.create_project(new).await.map_err(status)?;
        Ok(Response::new(CreateProjectResponse { project: Some(encode::project(project)) }))
    }

    async fn get_project(&self, request: Request<GetProjectRequest>) -> Result<Response<GetProjectResponse>, Status> {
        let name = decode::name("name", &request.get_ref().name)?;
        let project = self.metadata.find_project(name).await.map_err(status)?;
        Ok(Response::new(GetProjectResponse { project: Some(encode::project(project)) }))
    }

    async fn list_projects(&self, request: Request<ListProjectsRequest>) -> Result<Response<ListProjectsResponse>, Status> {
        let request = request.into_inner();
        decode::absent("filter", request.filter.is_empty())?;
        decode::absent("order_by", request.order_by.is_empty())?;
        decode::absent("show_deleted", !request.show_deleted)?;
        let listing = Listing::of("ListProjects", &[&request.parent]);
        let wanted = ListProjects {
            namespace: decode::optional("parent", &request.parent, decode::name)?,
            page: listing.page(request.page_size, &request.page_token)?,
        };
        let found = self.metadata.list_projects(wanted).await.map_err(status)?;
        let next_page_token = listing.next(&found, |project| project.path.to_string());
        Ok(Response::new(ListProjectsResponse { projects: found.map(encode::project).items, next_page_token }))
    }
}
