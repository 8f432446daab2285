//! Groups: what Consign calls namespaces.

use axum::Json;
use axum::body::Body;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use consign_client::{Client, Error};
use consign_proto::metadata::{CreateNamespaceRequest, ListNamespacesRequest, ListProjectsRequest, Namespace};
use consign_types::Reason;
use consign_types::resource::NamespaceRef;
use serde::Deserialize;
use serde_json::{Value, json};

use super::call::Call;
use super::form::number;
use super::pages::{Page, Pages};
use super::projects::slug;
use super::query::quoted;
use super::refusal::{Refusal, Result};
use super::{entity, form};

/// What a client sends to make a group.
#[derive(Debug, Deserialize)]
struct Fields {
    name: Option<String>,
    path: Option<String>,
    parent_id: Option<Value>,
}

/// `POST /groups`: within another one where `parent_id` names that.
pub(crate) async fn create(call: Call, body: Body) -> Result<Response> {
    let client = call.signed_in()?;
    let fields: Fields = form::read(&call.headers, body).await?;
    let own = fields.path.or_else(|| fields.name.as_deref().map(slug)).ok_or_else(|| Refusal::parameter("path is missing"))?;
    let parent = match fields.parent_id.map(|id| number("parent_id", &id)).transpose()? {
        Some(id) => Some(client.find_namespace(&NamespaceRef::Id(id)).await?.path),
        None => None,
    };
    let path = parent.map_or(own.clone(), |parent| format!("{parent}/{own}"));
    let new = CreateNamespaceRequest { path, display_name: fields.name.unwrap_or_default(), ..CreateNamespaceRequest::default() };
    let group = client.create_namespace(new).await?;
    Ok((StatusCode::CREATED, Json(entity::group(&group, &call.origin()))).into_response())
}

/// `GET /groups`: those that the caller may know of.
pub(crate) async fn list(call: Call) -> Result<Response> {
    #[derive(Deserialize)]
    struct Wanted {
        search: Option<String>,
    }
    let client = call.client()?;
    let (wanted, pages): (Wanted, Pages) = (call.query()?, Pages::of(&call)?);
    let filter = wanted.search.filter(|part| !part.is_empty()).map(|part| quoted(&part));
    let asked = ListNamespacesRequest {
        filter: filter.map(|part| format!("path : {part} OR display_name : {part}")).unwrap_or_default(),
        page_size: pages.size(),
        skip: pages.skip(),
        ..ListNamespacesRequest::default()
    };
    let found = client.list_namespaces(asked).await?;
    let items = found.namespaces.iter().map(|group| entity::group(group, &call.origin())).collect();
    Ok(pages.answer(&call, Page { items, more: !found.next_page_token.is_empty(), total: None }))
}

/// `GET /groups/:id`, by id or by encoded path.
pub(crate) async fn get(call: Call) -> Result<Json<Value>> {
    let (_, group) = read(&call).await?;
    Ok(Json(entity::group(&group, &call.origin())))
}

/// `DELETE /groups/:id`, if nothing is in it.
pub(crate) async fn delete(call: Call) -> Result<Response> {
    let client = call.signed_in()?;
    client.delete_namespace(&call.group()?).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "message": "202 Accepted" }))).into_response())
}

/// `GET /groups/:id/projects`.
pub(crate) async fn list_projects(call: Call) -> Result<Response> {
    let (client, group) = read(&call).await?;
    let pages = Pages::of(&call)?;
    let asked = ListProjectsRequest {
        parent: NamespaceRef::Id(group.id).to_string(),
        page_size: pages.size(),
        skip: pages.skip(),
        count: true,
        ..ListProjectsRequest::default()
    };
    let found = client.list_projects(asked).await?;
    let items = found.projects.iter().map(|project| entity::project(project, &call.origin())).collect();
    Ok(pages.answer(&call, Page { items, more: !found.next_page_token.is_empty(), total: Some(found.total_size) }))
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
