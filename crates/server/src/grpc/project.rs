//! `consign.metadata.v1.ProjectService`.

use consign_metadata::{
    CreateNamespace, CreateProject, DeleteNamespace, DeleteProject, Force, ListProjects, Metadata, NamespaceOrder, PathList, ProjectOrder,
    UndeleteProject, UpdateProject, UpdateSettings,
};
use consign_proto::metadata::project_service_server::ProjectService;
use consign_proto::metadata::{
    self as wire, CreateNamespaceRequest, CreateNamespaceResponse, CreateProjectRequest, CreateProjectResponse, DeleteNamespaceRequest,
    DeleteNamespaceResponse, DeleteProjectRequest, DeleteProjectResponse, GetNamespaceRequest, GetNamespaceResponse, GetProjectRequest,
    GetProjectResponse, GetSettingsRequest, GetSettingsResponse, GetUsageRequest, GetUsageResponse, ListNamespacesRequest,
    ListNamespacesResponse, ListProjectsRequest, ListProjectsResponse, UndeleteProjectRequest, UndeleteProjectResponse,
    UpdateProjectRequest, UpdateProjectResponse, UpdateSettingsRequest, UpdateSettingsResponse,
};
use consign_proto::status::{invalid, status};
use consign_types::access::methods::{DELETE_WITHIN, need_to_change};
use consign_types::resource::{NamespaceRef, ProjectRef, ScopeRef};
use consign_types::retention::KeptRevisions;
use consign_types::settings::{DedupScope, DuplicateSetting, SettingsChange, VersionMode};
use consign_types::version::Visibility;
use consign_types::{NamespacePath, Reason};
use tonic::{Request, Response, Status};

use super::page::{Listing, skipping};
use super::{decode, encode};
use crate::auth::{Instance, caller};

/// How many packages a usage shows where the caller does not say, and at most.
const TOP_PACKAGES: (i32, i32) = (10, 100);

/// The service, over the metadata plane.
#[derive(Clone, Debug)]
pub(crate) struct ProjectApi {
    pub(crate) metadata: Metadata,
}

const NAMESPACE_ORDERS: &[(&str, NamespaceOrder)] = &[("path", NamespaceOrder::Path), ("create_time", NamespaceOrder::CreateTime)];

const PROJECT_ORDERS: &[(&str, ProjectOrder)] = &[
    ("path", ProjectOrder::Path),
    ("id", ProjectOrder::Id),
    ("create_time", ProjectOrder::CreateTime),
    ("update_time", ProjectOrder::UpdateTime),
];

#[tonic::async_trait]
impl ProjectService for ProjectApi {
    async fn create_namespace(&self, request: Request<CreateNamespaceRequest>) -> Result<Response<CreateNamespaceResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let path: NamespacePath = decode::name("path", &request.path)?;
        let principal = match path.parent() {
            Some(parent) => caller.about(&NamespaceRef::Path(parent)).await?,
            None => caller.about(&Instance).await?,
        };
        let new = CreateNamespace {
            principal,
            path,
            display_name: decode::text("display_name", &request.display_name)?,
            request_id: decode::request_id(&request.request_id)?,
        };
        let namespace = self.metadata.create_namespace(new).await.map_err(status)?;
        Ok(Response::new(CreateNamespaceResponse { namespace: Some(encode::namespace(namespace)) }))
    }

    async fn get_namespace(&self, request: Request<GetNamespaceRequest>) -> Result<Response<GetNamespaceResponse>, Status> {
        let caller = caller(&request)?;
        let name: NamespaceRef = decode::name("name", &request.get_ref().name)?;
        caller.about(&name).await?;
        let namespace = self.metadata.find_namespace(name).await.map_err(status)?;
        Ok(Response::new(GetNamespaceResponse { namespace: Some(encode::namespace(namespace)) }))
    }

    async fn list_namespaces(&self, request: Request<ListNamespacesRequest>) -> Result<Response<ListNamespacesResponse>, Status> {
        let caller = caller(&request)?;
        let reach = caller.everywhere().await?;
        let request = request.into_inner();
        let listing = Listing::of("ListNamespaces", &[&request.filter, &request.order_by]);
        let (order, descending) = decode::order(&request.order_by, NAMESPACE_ORDERS)?;
        let page = skipping(listing.page(request.page_size, &request.page_token)?, request.skip, request.count)?;
        let wanted = PathList { filter: decode::filter(&request.filter)?, order, descending, page };
        let found = self.metadata.list_namespaces(reach, wanted).await.map_err(status)?;
        let next_page_token = listing.next(&found, |namespace| order.cursor(namespace).to_string());
        let total_size = found.total.unwrap_or_default();
        Ok(Response::new(ListNamespacesResponse { namespaces: found.map(encode::namespace).items, next_page_token, total_size }))
    }

    async fn delete_namespace(&self, request: Request<DeleteNamespaceRequest>) -> Result<Response<DeleteNamespaceResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let name: NamespaceRef = decode::name("name", &request.name)?;
        let principal = caller.about(&name).await?;
        if request.force {
            caller.also(DELETE_WITHIN, &name).await?;
        }
        let wanted = DeleteNamespace {
            principal,
            name,
            etag: decode::etag(&request.etag)?,
            force: force(request.force),
            request_id: decode::request_id(&request.request_id)?,
        };
        self.metadata.delete_namespace(wanted).await.map_err(status)?;
        Ok(Response::new(DeleteNamespaceResponse {}))
    }

    async fn create_project(&self, request: Request<CreateProjectRequest>) -> Result<Response<CreateProjectResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let namespace: Option<NamespaceRef> = decode::optional("parent", &request.parent, decode::name)?;
        let principal = match &namespace {
            Some(namespace) => caller.about(namespace).await?,
            None if caller.unjudged().is_anonymous() => caller.about(&Instance).await?,
            None => caller.about(&caller.unjudged().namespace().map_err(status)?).await?,
        };
        let new = CreateProject {
            principal,
            namespace,
            slug: decode::name("project_id", &request.project_id)?,
            display_name: decode::text("display_name", &request.display_name)?,
            description: decode::text("description", &request.description)?,
            visibility: visibility("visibility", request.visibility)?,
            request_id: decode::request_id(&request.request_id)?,
        };
        let principal = new.principal.clone();
        let project = self.metadata.create_project(new).await.map_err(status)?;
        Ok(Response::new(CreateProjectResponse { project: Some(encode::project(project, &principal)) }))
    }

    async fn get_project(&self, request: Request<GetProjectRequest>) -> Result<Response<GetProjectResponse>, Status> {
        let caller = caller(&request)?;
        let name: ProjectRef = decode::name("name", &request.get_ref().name)?;
        let principal = caller.about(&name).await?;
        let project = self.metadata.find_project(name).await.map_err(status)?;
        Ok(Response::new(GetProjectResponse { project: Some(encode::project(project, &principal)) }))
    }

    async fn list_projects(&self, request: Request<ListProjectsRequest>) -> Result<Response<ListProjectsResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let namespace: Option<NamespaceRef> = decode::optional("parent", &request.parent, decode::name)?;
        if let Some(namespace) = &namespace {
            caller.about(namespace).await?;
        }
        if request.direct && namespace.is_none() {
            return Err(invalid("direct", Reason::ArgumentInvalid, "goes with a parent"));
        }
        let reach = match decode::role("minimum_role", request.minimum_role)? {
            Some(role) => caller.member(role).await?,
            None => caller.everywhere().await?,
        };
        let shown = format!("{} {} {}", request.show_deleted, request.direct, request.minimum_role);
        let listing = Listing::of("ListProjects", &[&request.parent, &request.filter, &request.order_by, &shown]);
        let (order, descending) = decode::order(&request.order_by, PROJECT_ORDERS)?;
        let page = skipping(listing.page(request.page_size, &request.page_token)?, request.skip, request.count)?;
        let wanted = ListProjects {
            namespace,
            direct: request.direct,
            reach,
            show_deleted: request.show_deleted,
            list: PathList { filter: decode::filter(&request.filter)?, order, descending, page },
        };
        let found = self.metadata.list_projects(wanted).await.map_err(status)?;
        let next_page_token = listing.next(&found, |project| order.cursor(project).to_string());
        let total_size = found.total.unwrap_or_default();
        let principal = caller.unjudged();
        let encode = |project| encode::project(project, principal);
        Ok(Response::new(ListProjectsResponse { projects: found.map(encode).items, next_page_token, total_size }))
    }

    async fn update_project(&self, request: Request<UpdateProjectRequest>) -> Result<Response<UpdateProjectResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let new = decode::present("project", request.project)?;
        let mask = decode::mask(request.update_mask, &["display_name", "description", "visibility"])?;
        let set = new.visibility != 0;
        let name: ProjectRef = decode::name("project.name", &new.name)?;
        let wanted = UpdateProject {
            principal: caller.about(&name).await?,
            name,
            etag: decode::etag(&new.etag)?,
            display_name: mask
                .changed("display_name", !new.display_name.is_empty(), || decode::text("project.display_name", &new.display_name))?,
            description: mask
                .changed("description", !new.description.is_empty(), || decode::text("project.description", &new.description))?,
            visibility: mask
                .changed("visibility", set, || decode::present("project.visibility", visibility("project.visibility", new.visibility)?))?,
            request_id: decode::request_id(&request.request_id)?,
        };
        let principal = wanted.principal.clone();
        let project = self.metadata.update_project(wanted).await.map_err(status)?;
        Ok(Response::new(UpdateProjectResponse { project: Some(encode::project(project, &principal)) }))
    }

    async fn delete_project(&self, request: Request<DeleteProjectRequest>) -> Result<Response<DeleteProjectResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let name: ProjectRef = decode::name("name", &request.name)?;
        let wanted = DeleteProject {
            principal: caller.about(&name).await?,
            name,
            etag: decode::etag(&request.etag)?,
            force: force(request.force),
            request_id: decode::request_id(&request.request_id)?,
        };
        let principal = wanted.principal.clone();
        let project = self.metadata.delete_project(wanted).await.map_err(status)?;
        Ok(Response::new(DeleteProjectResponse { project: Some(encode::project(project, &principal)) }))
    }

    async fn undelete_project(&self, request: Request<UndeleteProjectRequest>) -> Result<Response<UndeleteProjectResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let name: ProjectRef = decode::name("name", &request.name)?;
        let principal = caller.about(&name).await?;
        let wanted = UndeleteProject { principal, name, request_id: decode::request_id(&request.request_id)? };
        let principal = wanted.principal.clone();
        let project = self.metadata.undelete_project(wanted).await.map_err(status)?;
        Ok(Response::new(UndeleteProjectResponse { project: Some(encode::project(project, &principal)) }))
    }

    async fn get_settings(&self, request: Request<GetSettingsRequest>) -> Result<Response<GetSettingsResponse>, Status> {
        let caller = caller(&request)?;
        let scope: ScopeRef = decode::name("name", &request.get_ref().name)?;
        caller.about(&scope).await?;
        let view = self.metadata.find_settings(scope).await.map_err(status)?;
        let (own, in_force, origins) = encode::settings_view(view);
        Ok(Response::new(GetSettingsResponse { settings: Some(own), effective_settings: Some(in_force), origins }))
    }

    async fn update_settings(&self, request: Request<UpdateSettingsRequest>) -> Result<Response<UpdateSettingsResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let new = decode::present("settings", request.settings)?;
        let scope: ScopeRef = decode::name("settings.name", &new.name)?;
        let etag = decode::etag(&new.etag)?;
        let change = settings_change(new, request.update_mask)?;
        let wanted = UpdateSettings {
            principal: caller.needing(need_to_change(&scope, &change), &scope).await?,
            scope,
            etag,
            change,
            request_id: decode::request_id(&request.request_id)?,
            validate_only: request.validate_only,
        };
        let view = self.metadata.update_settings(wanted).await.map_err(status)?;
        let (own, in_force, origins) = encode::settings_view(view);
        Ok(Response::new(UpdateSettingsResponse { settings: Some(own), effective_settings: Some(in_force), origins }))
    }

    async fn get_usage(&self, request: Request<GetUsageRequest>) -> Result<Response<GetUsageResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let scope: ScopeRef = decode::name("name", &request.name)?;
        caller.about(&scope).await?;
        let (default, most) = TOP_PACKAGES;
        let top = match request.top_count {
            0 => default,
            count => count.min(most),
        };
        let top = usize::try_from(top).map_err(|_| invalid("top_count", Reason::ArgumentInvalid, "must not be negative"))?;
        let usage = self.metadata.find_usage(scope, top).await.map_err(status)?;
        Ok(Response::new(GetUsageResponse { usage: Some(encode::usage(usage)) }))
    }
}

/// Whether something is deleted under what holds it.
pub(super) fn force(force: bool) -> Force {
    if force { Force::Yes } else { Force::No }
}

fn visibility(field: &str, number: i32) -> Result<Option<Visibility>, Status> {
    let visibility = wire::Visibility::try_from(number).map_err(|_| invalid(field, Reason::ArgumentInvalid, "no such visibility"))?;
    Ok(match visibility {
        wire::Visibility::Unspecified => None,
        wire::Visibility::Private => Some(Visibility::Private),
        wire::Visibility::Internal => Some(Visibility::Internal),
        wire::Visibility::Public => Some(Visibility::Public),
    })
}

/// What is set and removed. A field that is named and not set is removed.
fn settings_change(new: wire::Settings, mask: Option<prost_types::FieldMask>) -> Result<SettingsChange, Status> {
    const FIELDS: &[&str] =
        &["duplicate_policy", "max_file_bytes", "quota_bytes", "default_version_mode", "visibility", "dedup_scope", "keep_revisions"];
    let mask = decode::mask(mask, FIELDS)?;
    let unknown = |field| move |_| invalid(field, Reason::ArgumentInvalid, "no such value");
    let mode = match wire::VersionMode::try_from(new.default_version_mode).map_err(unknown("settings.default_version_mode"))? {
        wire::VersionMode::Unspecified => None,
        wire::VersionMode::Open => Some(VersionMode::Open),
        wire::VersionMode::Sealed => Some(VersionMode::Sealed),
    };
    let scope = match wire::DedupScope::try_from(new.dedup_scope).map_err(unknown("settings.dedup_scope"))? {
        wire::DedupScope::Unspecified => None,
        wire::DedupScope::Readable => Some(DedupScope::Readable),
        wire::DedupScope::Instance => Some(DedupScope::Instance),
    };
    let visibility = visibility("settings.visibility", new.visibility)?;
    let policy = new.duplicate_policy.map(|policy| {
        let allowed = decode::present("settings.duplicate_policy.allowed", policy.allowed)?;
        Ok::<_, Status>(DuplicateSetting { allowed, exception: policy.exception_regex, reject_identical: policy.reject_identical })
    });
    let policy = policy.transpose()?;
    let kept = new.keep_revisions.map(|kept| {
        KeptRevisions::try_from(kept).map_err(|error| invalid("settings.keep_revisions", Reason::ArgumentInvalid, error.to_string()))
    });
    let kept = kept.transpose()?;
    Ok(SettingsChange {
        duplicate_policy: mask.changed("duplicate_policy", policy.is_some(), || Ok(policy.clone()))?,
        max_file_bytes: mask.changed("max_file_bytes", new.max_file_bytes.is_some(), || Ok(new.max_file_bytes))?,
        quota_bytes: mask.changed("quota_bytes", new.quota_bytes.is_some(), || Ok(new.quota_bytes))?,
        default_version_mode: mask.changed("default_version_mode", mode.is_some(), || Ok(mode))?,
        visibility: mask.changed("visibility", visibility.is_some(), || Ok(visibility))?,
        dedup_scope: mask.changed("dedup_scope", scope.is_some(), || Ok(scope))?,
        keep_revisions: mask.changed("keep_revisions", kept.is_some(), || Ok(kept))?,
    })
}
