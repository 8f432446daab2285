//! Packages: what Consign calls a version of a package, by its number.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::Json;
use axum::response::NoContent;
use consign_client::{Client, Error};
use consign_proto::metadata::{ListVersionsRequest, Project, SearchVersionsRequest, Version};
use consign_types::Reason;
use consign_types::resource::NamespaceRef;
use headers::{HeaderMapExt as _, IfUnmodifiedSince};
use schemars::JsonSchema;
use serde::Deserialize;

use super::call::Call;
use super::entity::{self, Package, Pipeline, Status};
use super::pages::{Keyset, Listing, Page, Pages, Paging};
use super::query::{Direction, Query, is_set, names, number, order};
use super::refusal::{Refusal, Result};
use super::search::{ORDERS, ORDERS_OF_PROJECT, Search, TYPE, TYPES, by_numbers, others, projects_of};
use super::words::filtered_by;
use super::{groups, projects};

/// How many other versions an answer about one names.
const MAX_OTHERS: i32 = 1000;

/// Which packages, and in which order.
#[derive(Debug, Deserialize, JsonSchema)]
struct Wanted {
    /// `asc` where nothing is said.
    #[schemars(extend("enum" = ["asc", "desc"]))]
    sort: Option<String>,
    /// There are only `generic` ones here.
    #[schemars(extend("enum" = TYPES))]
    package_type: Option<String>,
    /// A part of the name, whatever its case.
    package_name: Option<String>,
    /// The whole version.
    package_version: Option<String>,
    /// Where nothing is said, those that are hidden are left out.
    #[schemars(with = "Status")]
    status: Option<String>,
}

/// The order of those of a project.
#[derive(Debug, Deserialize, JsonSchema)]
struct OrderInProject {
    /// `created_at` where nothing is said.
    #[schemars(extend("enum" = names(&ORDERS_OF_PROJECT)))]
    order_by: Option<String>,
}

/// The order of those of a group, and how far down they are.
#[derive(Debug, Deserialize, JsonSchema)]
struct OrderInGroup {
    /// `created_at` where nothing is said.
    #[schemars(extend("enum" = names(&ORDERS)))]
    order_by: Option<String>,
    /// Only those of the projects directly in the group.
    #[schemars(with = "bool")]
    exclude_subgroups: Option<String>,
}

pub(super) fn routes() -> ApiRouter<Client> {
    ApiRouter::new()
        .api_route("/api/v4/projects/{id}/packages", get_with(list, |op| op.summary("Lists the packages of a project")))
        .api_route(
            "/api/v4/groups/{id}/packages",
            get_with(list_of_group, |op| op.summary("Lists the packages of the projects in a group")),
        )
        .api_route(
            "/api/v4/projects/{id}/packages/{package_id}",
            get_with(get, |op| op.summary("Reads a package"))
                .delete_with(delete, |op| op.summary("Deletes a package").response::<412, Refusal>()),
        )
        .api_route(
            "/api/v4/projects/{id}/packages/{package_id}/pipelines",
            get_with(pipelines, |op| op.summary("Lists the pipelines of a package")),
        )
        .with_path_items(|item| item.tag("Packages"))
}

/// `GET /projects/:id/packages`.
async fn list(call: Call, wanted: Query<Wanted>, order: Query<OrderInProject>, paging: Query<Paging>) -> Result<Listing<Package>> {
    let call = call.of_packages();
    let asked = order.read().and_then(|order| Asked::of(&call, &wanted, &paging, &ORDERS_OF_PROJECT, order.order_by.as_deref()));
    let asked = call.judged(asked).await?;
    let (client, project) = projects::read(&call).await?;
    let found = asked.search(&client, project.name.clone(), None).await?;
    let entity = |version: &Version| Package::of(version, &call.origin(), &project);
    let items = found.versions.iter().map(entity).collect();
    Ok(found.pages.answer(&call, Page { items, more: found.more, total: found.total }))
}

/// `GET /groups/:id/packages`: those of the projects below it that the caller may read.
async fn list_of_group(call: Call, wanted: Query<Wanted>, order: Query<OrderInGroup>, paging: Query<Paging>) -> Result<Listing<Package>> {
    let call = call.of_packages();
    let asked = order.read().and_then(|order| {
        let asked = Asked::of(&call, &wanted, &paging, &ORDERS, order.order_by.as_deref())?;
        Ok((asked, is_set(order.exclude_subgroups.as_deref())))
    });
    let (asked, is_direct) = call.judged(asked).await?;
    let (client, group) = groups::read(&call).await?;
    let found = asked.search(&client, NamespaceRef::Id(group.id).to_string(), is_direct.then_some(group.id)).await?;
    let mut projects = BTreeMap::new();
    for asked in projects_of(&found.versions) {
        projects.extend(client.list_projects(asked).await?.projects.into_iter().map(|project| (project.id, project)));
    }
    let entity = |version: &Version| {
        let project = projects.get(&entity::project_id(&version.name))?;
        Some(Package::of(version, &call.origin(), project).within(project))
    };
    let items = found.versions.iter().filter_map(entity).collect();
    Ok(found.pages.answer(&call, Page { items, more: found.more, total: found.total }))
}

/// `GET /projects/:id/packages/:package_id`, with the first [`MAX_OTHERS`] of the other versions of the same name.
async fn get(call: Call) -> Result<Json<Package>> {
    let call = call.of_packages();
    let id = call.judged(call.number(6, "package_id")).await?;
    let (client, project) = projects::read(&call).await?;
    let version = find_shown(&client, &project, id).await?;
    let others = client.list_versions(ListVersionsRequest { page_size: MAX_OTHERS, ..others(&version) }).await?.versions;
    Ok(Json(Package::of(&version, &call.origin(), &project).beside(others.iter())))
}

/// What a URL says of a page of pipelines.
#[derive(Debug, Deserialize, JsonSchema)]
struct PipelinePage {
    /// How many entries a page has.
    #[schemars(with = "i64", range(min = 1, max = 20))]
    per_page: Option<String>,
}

/// `GET /projects/:id/packages/:package_id/pipelines`: there are none here.
async fn pipelines(call: Call, wanted: Query<PipelinePage>) -> Result<Json<Vec<Pipeline>>> {
    let call = call.of_packages();
    let judged = wanted.read().and_then(|wanted| match number("per_page", wanted.per_page.as_deref())? {
        Some(size) if !(1..=20).contains(&size) => Err(Refusal::no_valid_value("per_page")),
        _ => call.number(6, "package_id"),
    });
    let id = call.judged(judged).await?;
    let (client, project) = projects::read(&call).await?;
    find_shown(&client, &project, id).await?;
    Ok(Json(Vec::new()))
}

/// `DELETE /projects/:id/packages/:package_id`.
async fn delete(call: Call) -> Result<NoContent> {
    let call = call.of_packages();
    let id = call.judged(call.number(6, "package_id")).await?;
    let (client, project) = projects::read(&call).await?;
    let version = find(&client, &project, id).await?;
    if call.is_anonymous() {
        return Err(Refusal::forbidden("deleting takes the token of a maintainer"));
    }
    let changed = version.update_time.map_or(0, |time| time.seconds).max(0).unsigned_abs();
    let condition = call.headers.typed_get::<IfUnmodifiedSince>();
    if condition.as_ref().is_some_and(|condition| !condition.precondition_passes(SystemTime::UNIX_EPOCH + Duration::from_secs(changed))) {
        return Err(Refusal::precondition_failed());
    }
    let etag = if condition.is_some() { version.etag.as_str() } else { "" };
    client.delete_version(&version.name, etag).await.map_err(undeleted)?;
    Ok(NoContent)
}

/// Why something is not deleted.
pub(super) fn undeleted(error: Error) -> Refusal {
    match error {
        Error::Refused { reason: Reason::PackageProtected, .. } => Refusal::deletion_protected(),
        Error::Refused { reason: Reason::EtagMismatch, .. } => Refusal::precondition_failed(),
        error => error.into(),
    }
}

/// The version of this number in a project, hidden or not.
pub(super) async fn find(client: &Client, project: &Project, id: i64) -> Result<Version> {
    let asked = SearchVersionsRequest { judge_deletion: true, ..by_numbers(&project.name, &[id]) };
    client.search_versions(asked).await?.versions.pop().ok_or_else(Refusal::not_found)
}

/// The same, if it is one that is shown.
pub(super) async fn find_shown(client: &Client, project: &Project, id: i64) -> Result<Version> {
    let version = find(client, project, id).await?;
    if Status::of(&version).is_shown() { Ok(version) } else { Err(Refusal::package_not_found()) }
}

/// What a search found.
struct Found {
    pages: Pages,
    versions: Vec<Version>,
    more: bool,
    total: Option<i64>,
}

/// What a list is asked for, once that was judged: before anything is looked for, as in GitLab.
struct Asked {
    pages: Pages,
    search: Search,
}

impl Asked {
    /// `orders` are those that the list has.
    fn of(call: &Call, wanted: &Query<Wanted>, paging: &Query<Paging>, orders: &[(&str, &str)], order_by: Option<&str>) -> Result<Self> {
        let (wanted, pages) = (wanted.read()?, Pages::of(paging)?);
        if call.is_strict() && Keyset::is_wanted(&call.uri)? {
            return Err(Refusal::no_keyset());
        }
        let order_by = order(orders, order_by, wanted.sort.as_deref(), Direction::Ascending)?;
        if wanted.package_type.as_deref().is_some_and(|kind| !TYPES.contains(&kind)) {
            return Err(Refusal::no_valid_value("package_type"));
        }
        let status =
            wanted.status.as_deref().map(|status| Status::named(status).ok_or_else(|| Refusal::no_valid_value("status"))).transpose()?;
        let search = Search {
            name: wanted.package_name,
            version: wanted.package_version,
            status,
            is_of_other_type: wanted.package_type.as_deref().is_some_and(|kind| kind != TYPE),
            order_by,
            ..Search::default()
        };
        Ok(Self { pages, search })
    }

    /// Looks for them in a project or a group; `directly_in` is the group in whose own projects they are to be.
    async fn search(self, client: &Client, parent: String, directly_in: Option<i64>) -> Result<Found> {
        let Self { pages, search } = self;
        let search = Search { parent, directly_in, ..search };
        let parameter = search.longest(["package_name", "package_version"]);
        let Some(asked) = search.request() else {
            return Ok(Found { pages, versions: Vec::new(), more: false, total: Some(0) });
        };
        let asked = SearchVersionsRequest { page_size: pages.size(), skip: pages.skip(), count: true, judge_deletion: true, ..asked };
        let found = client.search_versions(asked).await.map_err(|error| filtered_by(parameter, error))?;
        Ok(Found { pages, more: !found.next_page_token.is_empty(), versions: found.versions, total: Some(found.total_size) })
    }
}
