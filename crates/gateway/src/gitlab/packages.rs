//! Packages: what Consign calls a version of a package, by its number.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use axum::Json;
use axum::http::StatusCode;
use axum::response::Response;
use consign_client::{Client, Error};
use consign_proto::metadata::{ListProjectsRequest, ListVersionsRequest, Project, SearchVersionsRequest, Version};
use consign_types::Reason;
use consign_types::resource::NamespaceRef;
use headers::{HeaderMapExt as _, IfUnmodifiedSince};
use serde::Deserialize;
use serde_json::{Value, json};

use super::call::Call;
use super::entity::{self, Status};
use super::pages::{Page, Pages};
use super::query::{Direction, order};
use super::refusal::{Refusal, Result};
use super::search::{MAX_NAMED, ORDERS, Search, TYPE, TYPES, any_of, by_numbers};
use super::{groups, projects};

/// How many other versions an answer about one names.
const MAX_OTHERS: i32 = 1000;

/// Which packages, and in which order.
#[derive(Debug, Deserialize)]
struct Wanted {
    order_by: Option<String>,
    sort: Option<String>,
    package_type: Option<String>,
    package_name: Option<String>,
    package_version: Option<String>,
    status: Option<String>,
    exclude_subgroups: Option<String>,
}

/// `GET /projects/:id/packages`.
pub(crate) async fn list(call: Call) -> Result<Response> {
    let (client, project) = projects::read(&call).await?;
    let found = search(&call, &client, project.name.clone(), None).await?;
    let entity = |version: &Version| entity::package(version, &call.origin(), &project);
    let items = found.versions.iter().map(entity).collect();
    Ok(found.pages.answer(&call, Page { items, more: found.more, total: found.total }))
}

/// `GET /groups/:id/packages`: those of the projects below it that the caller may read.
pub(crate) async fn list_of_group(call: Call) -> Result<Response> {
    let (client, group) = groups::read(&call).await?;
    let found = search(&call, &client, NamespaceRef::Id(group.id).to_string(), Some(group.id)).await?;
    let projects = projects_of(&client, &found.versions).await?;
    let entity = |version: &Version| {
        let project = projects.get(&entity::project_id(&version.name))?;
        let mut package = entity::package(version, &call.origin(), project);
        package["project_id"] = project.id.into();
        package["project_path"] = project.path.clone().into();
        Some(package)
    };
    let items = found.versions.iter().filter_map(entity).collect();
    Ok(found.pages.answer(&call, Page { items, more: found.more, total: found.total }))
}

/// `GET /projects/:id/packages/:package_id`, with the other versions of the same name.
pub(crate) async fn get(call: Call) -> Result<Json<Value>> {
    let (client, project) = projects::read(&call).await?;
    let version = find_shown(&call, &client, &project).await?;
    let parent = format!("{}/packages/{}", project.name, version.package);
    let others = ListVersionsRequest { parent, page_size: MAX_OTHERS, order_by: "version".to_owned(), ..ListVersionsRequest::default() };
    let others = client.list_versions(others).await?.versions;
    let others = others.iter().filter(|other| other.id != version.id && Status::of(other).is_shown());
    let mut package = entity::package(&version, &call.origin(), &project);
    package["versions"] = others.map(entity::other_version).collect();
    Ok(Json(package))
}

/// `GET /projects/:id/packages/:package_id/pipelines`: there are none here.
pub(crate) async fn pipelines(call: Call) -> Result<Json<Value>> {
    #[derive(Deserialize)]
    struct Size {
        per_page: Option<i64>,
    }
    let size: Size = call.query().map_err(|_| Refusal::parameter("per_page is invalid"))?;
    if size.per_page.is_some_and(|size| !(1..=20).contains(&size)) {
        return Err(Refusal::no_valid_value("per_page"));
    }
    let (client, project) = projects::read(&call).await?;
    find_shown(&call, &client, &project).await?;
    Ok(Json(json!([])))
}

/// `DELETE /projects/:id/packages/:package_id`.
pub(crate) async fn delete(call: Call) -> Result<StatusCode> {
    let (client, project) = projects::read(&call).await?;
    let version = find(&call, &client, &project).await?;
    if call.is_anonymous() {
        return Err(Refusal::forbidden());
    }
    let changed = version.update_time.map_or(0, |time| time.seconds).max(0).unsigned_abs();
    let condition = call.headers.typed_get::<IfUnmodifiedSince>();
    if condition.as_ref().is_some_and(|condition| !condition.precondition_passes(SystemTime::UNIX_EPOCH + Duration::from_secs(changed))) {
        return Err(Refusal::precondition_failed());
    }
    let etag = if condition.is_some() { version.etag.as_str() } else { "" };
    client.delete_version(&version.name, etag).await.map_err(undeleted)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Why something is not deleted.
pub(super) fn undeleted(error: Error) -> Refusal {
    match error {
        Error::Refused { reason: Reason::PackageProtected, .. } => Refusal::deletion_protected(),
        Error::Refused { reason: Reason::EtagMismatch, .. } => Refusal::precondition_failed(),
        error => error.into(),
    }
}

/// The version of this number in the path, hidden or not.
pub(super) async fn find(call: &Call, client: &Client, project: &Project) -> Result<Version> {
    let id = call.number(6, "package_id")?;
    client.search_versions(by_numbers(&project.name, &[id])).await?.versions.pop().ok_or_else(Refusal::not_found)
}

/// The same, if it is one that is shown.
pub(super) async fn find_shown(call: &Call, client: &Client, project: &Project) -> Result<Version> {
    let version = find(call, client, project).await?;
    if Status::of(&version).is_shown() { Ok(version) } else { Err(Refusal::package_not_found()) }
}

/// What a search found.
struct Found {
    pages: Pages,
    versions: Vec<Version>,
    more: bool,
    total: Option<i64>,
}

async fn search(call: &Call, client: &Client, parent: String, group: Option<i64>) -> Result<Found> {
    let (wanted, pages): (Wanted, Pages) = (call.query()?, Pages::of(call)?);
    let order_by = order(&ORDERS, wanted.order_by.as_deref(), wanted.sort.as_deref(), Direction::Ascending)?;
    if wanted.package_type.as_deref().is_some_and(|kind| !TYPES.contains(&kind)) {
        return Err(Refusal::no_valid_value("package_type"));
    }
    let status =
        wanted.status.as_deref().map(|status| Status::named(status).ok_or_else(|| Refusal::no_valid_value("status"))).transpose()?;
    let is_direct = wanted.exclude_subgroups.is_some_and(|flag| matches!(flag.to_ascii_lowercase().as_str(), "true" | "1" | "t" | "on"));
    let search = Search {
        parent,
        directly_in: group.filter(|_| is_direct),
        name: wanted.package_name,
        version: wanted.package_version,
        status,
        is_of_other_type: wanted.package_type.as_deref().is_some_and(|kind| kind != TYPE),
        order_by,
    };
    let Some(asked) = search.request() else {
        return Ok(Found { pages, versions: Vec::new(), more: false, total: Some(0) });
    };
    let asked = SearchVersionsRequest { page_size: pages.size(), skip: pages.skip(), count: true, ..asked };
    let found = client.search_versions(asked).await?;
    Ok(Found { pages, more: !found.next_page_token.is_empty(), versions: found.versions, total: Some(found.total_size) })
}

/// The projects of versions, by their numbers.
pub(super) async fn projects_of(client: &Client, versions: &[Version]) -> consign_client::Result<BTreeMap<i64, Project>> {
    let ids: BTreeSet<i64> = versions.iter().map(|version| entity::project_id(&version.name)).collect();
    let mut projects = BTreeMap::new();
    for ids in ids.into_iter().collect::<Vec<_>>().chunks(MAX_NAMED) {
        let page = ListProjectsRequest { filter: any_of(ids), page_size: MAX_OTHERS, ..ListProjectsRequest::default() };
        projects.extend(client.list_projects(page).await?.projects.into_iter().map(|project| (project.id, project)));
    }
    Ok(projects)
}
