//! Groups: what Consign calls namespaces.

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::Json;
use consign_client::{Client, Error};
use consign_proto::metadata::{CreateNamespaceRequest, ListNamespacesRequest, ListProjectsRequest, Namespace};
use consign_types::Reason;
use consign_types::resource::NamespaceRef;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::answer::{Accepted, Created};
use super::call::Call;
use super::entity::{Group, Project};
use super::form::{Form, number};
use super::pages::{Keyset, Listing, Page, Pages, Paging};
use super::project_lists;
use super::projects::slug;
use super::query::{Query, is_set, quoted};
use super::refusal::{Refusal, Result};
use super::words::filtered_by;

/// What a client sends to make a group.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "GroupFields")]
struct Fields {
    name: Option<String>,
    /// Made of the name where it isn't given.
    path: Option<String>,
    /// The number of the group that it is made in; `null` for none.
    #[schemars(with = "Option<i64>")]
    parent_id: Option<Value>,
}

/// Which groups.
#[derive(Debug, Deserialize, JsonSchema)]
struct Wanted {
    /// A part of the path or name.
    search: Option<String>,
}

/// Whether the groups below count.
#[derive(Debug, Deserialize, JsonSchema)]
struct Below {
    /// Also those of the groups below it.
    #[schemars(with = "bool")]
    include_subgroups: Option<String>,
}

pub(super) fn routes() -> ApiRouter<Client> {
    ApiRouter::new()
        .api_route("/api/v4/groups", get_with(list, |op| op.summary("Lists groups")).post_with(create, |op| op.summary("Makes a group")))
        .api_route(
            "/api/v4/groups/{id}",
            get_with(get, |op| op.summary("Reads a group"))
                .delete_with(delete, |op| op.summary("Deletes a group that nothing is in").response::<409, Refusal>()),
        )
        .api_route("/api/v4/groups/{id}/projects", get_with(list_projects, |op| op.summary("Lists the projects in a group")))
        .with_path_items(|item| item.tag("Groups"))
}

/// `POST /groups`: within another one where `parent_id` names that.
async fn create(call: Call, form: Form<Fields>) -> Result<Created<Group>> {
    let client = call.signed_in()?;
    let fields = form.read().await?;
    let own = fields.path.or_else(|| fields.name.as_deref().map(slug)).ok_or_else(|| Refusal::parameter("path is missing"))?;
    let parent = match fields.parent_id.map(|id| number("parent_id", &id)).transpose()? {
        Some(id) => Some(client.find_namespace(&NamespaceRef::Id(id)).await?.path),
        None => None,
    };
    let path = parent.map_or(own.clone(), |parent| format!("{parent}/{own}"));
    let new = CreateNamespaceRequest { path, display_name: fields.name.unwrap_or_default(), ..CreateNamespaceRequest::default() };
    let group = client.create_namespace(new).await?;
    Ok(Created(Group::of(&group, &call.origin())))
}

/// `GET /groups`: those that the caller may know of.
async fn list(call: Call, wanted: Query<Wanted>, paging: Query<Paging>) -> Result<Listing<Group>> {
    let client = call.client()?;
    let (wanted, pages) = (wanted.read()?, Pages::of(&paging)?);
    let filter = wanted.search.filter(|part| !part.is_empty()).map(|part| quoted(&part));
    let asked = ListNamespacesRequest {
        filter: filter.map(|part| format!("path : {part} OR display_name : {part}")).unwrap_or_default(),
        page_size: pages.size(),
        skip: pages.skip(),
        count: true,
        ..ListNamespacesRequest::default()
    };
    let found = client.list_namespaces(asked).await.map_err(|error| filtered_by("search", error))?;
    let items = found.namespaces.iter().map(|group| Group::of(group, &call.origin())).collect();
    Ok(pages.answer(&call, Page { items, more: !found.next_page_token.is_empty(), total: Some(found.total_size) }))
}

/// `GET /groups/:id`, by id or by encoded path.
async fn get(call: Call) -> Result<Json<Group>> {
    let (_, group) = read(&call).await?;
    Ok(Json(Group::of(&group, &call.origin())))
}

/// `DELETE /groups/:id`, if nothing is in it; where the gateway is strict, with all that is in it.
async fn delete(call: Call) -> Result<Accepted> {
    let client = call.signed_in()?;
    client.delete_namespace(&call.group()?, call.is_strict()).await?;
    Ok(Accepted)
}

/// `GET /groups/:id/projects`: those in the group itself, unless those of the groups below it are asked for too.
async fn list_projects(
    call: Call,
    wanted: Query<project_lists::Wanted>,
    below: Query<Below>,
    _: Query<Keyset>,
    paging: Query<Paging>,
) -> Result<Listing<Project>> {
    let (wanted, below) = (wanted.read()?, below.read()?);
    let (client, group) = read(&call).await?;
    let direct = !is_set(below.include_subgroups.as_deref());
    let within = ListProjectsRequest { parent: NamespaceRef::Id(group.id).to_string(), direct, ..ListProjectsRequest::default() };
    project_lists::list(&call, &client, within, wanted, &paging).await
}

/// The group of the path, for whoever may know of it. Nobody is asked for a token: what they may not know of is not there.
pub(super) async fn read(call: &Call) -> Result<(Client, Namespace)> {
    let client = call.client()?;
    match client.find_namespace(&call.group()?).await {
        Ok(group) => Ok((client, group)),
        Err(Error::Refused { reason: Reason::TokenInvalid, .. }) if call.is_anonymous() => Err(Refusal::group_not_found()),
        Err(error) => Err(error.into()),
    }
}
