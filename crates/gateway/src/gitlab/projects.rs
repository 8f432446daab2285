//! Projects: enough to make one and to find it.

use axum::body::Body;
use axum::extract::State;
use axum::http::header::LINK;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use consign_client::Client;
use consign_client::projects::NewProject;
use consign_proto::metadata::Visibility;
use consign_types::resource::NamespaceRef;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value;

use super::refusal::{Refusal, Result};
use super::{authenticated, entity, form, path, query, signed_in};
use crate::Scheme;

/// What a client sends to make a project, as JSON or as a form.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Fields {
    name: Option<String>,
    path: Option<String>,
    namespace_id: Option<Value>,
    description: Option<String>,
    visibility: Option<String>,
}

/// Which part of a list.
#[derive(Debug, Deserialize)]
pub(crate) struct Slice {
    #[serde(rename = "per_page")]
    size: Option<i32>,
    cursor: Option<String>,
    page: Option<u32>,
    search: Option<String>,
}

/// `POST /projects`: without a namespace, the project goes to the caller's own.
pub(crate) async fn create(State(client): State<Client>, headers: HeaderMap, body: Body) -> Result<Response> {
    let client = signed_in(&client, &headers)?;
    let fields: Fields = form::read(&headers, body).await?;
    let slug = fields.path.or_else(|| fields.name.as_deref().map(slug));
    let slug = slug.ok_or_else(|| Refusal::parameter("name, path are missing, at least one parameter must be provided"))?;
    let visibility = match fields.visibility.as_deref() {
        None => Visibility::Unspecified,
        Some("private") => Visibility::Private,
        Some("internal") => Visibility::Internal,
        Some("public") => Visibility::Public,
        Some(_) => return Err(Refusal::parameter("visibility does not have a valid value")),
    };
    let namespace = fields.namespace_id.map(namespace).transpose()?;
    let (display_name, description) = (fields.name.unwrap_or_default(), fields.description.unwrap_or_default());
    let project = client.create_project(NewProject { namespace, slug, display_name, description, visibility }).await?;
    Ok((StatusCode::CREATED, Json(entity::project_json(&project))).into_response())
}

/// `GET /projects`: the next page is in the `Link` header, which is what clients follow.
pub(crate) async fn list(
    State(client): State<Client>,
    Extension(scheme): Extension<Scheme>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response> {
    let client = authenticated(&client, &headers)?;
    let slice: Slice = query(&uri)?;
    if slice.search.is_some() {
        return Err(Refusal::parameter("search is not supported"));
    }
    if slice.page.is_some_and(|page| page > 1) {
        return Err(Refusal::parameter("page is not supported: follow the Link header"));
    }
    let per_page = slice.size.unwrap_or(20).clamp(1, 100);
    let (projects, next) = client.list_projects(per_page, slice.cursor.as_deref().unwrap_or_default()).await?;
    let mut response = Json(projects.iter().map(entity::project_json).collect::<Vec<_>>()).into_response();
    if !next.is_empty() {
        let cursor = utf8_percent_encode(&next, NON_ALPHANUMERIC);
        let link = format!("<{}/api/v4/projects?per_page={per_page}&cursor={cursor}>; rel=\"next\"", origin(scheme, &uri, &headers));
        if let Ok(link) = link.parse() {
            response.headers_mut().insert(LINK, link);
        }
    }
    Ok(response)
}

/// The scheme and host that the client used, as far as proxies tell: clients follow only links to where they came from.
fn origin(Scheme(scheme): Scheme, uri: &Uri, headers: &HeaderMap) -> String {
    let header = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()?.split(',').next()).map(str::trim);
    let scheme = header("x-forwarded-proto").filter(|scheme| *scheme == "https").unwrap_or(scheme);
    let host = header("x-forwarded-host").or_else(|| header("host")).or_else(|| uri.authority().map(Authority::as_str));
    let plain = |host: &&str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
    host.filter(plain).map_or(String::new(), |host| format!("{scheme}://{host}"))
}

/// `GET /projects/:id`, by id or by encoded path.
pub(crate) async fn find(State(client): State<Client>, uri: Uri, headers: HeaderMap) -> Result<Json<Value>> {
    let client = authenticated(&client, &headers)?;
    let project = client.find_project(&path::project_of(&uri)?).await?;
    // The planes show a deleted project to those who may bring it back; here nobody can.
    if project.delete_time.is_some() {
        return Err(Refusal::project_not_found());
    }
    Ok(Json(entity::project_json(&project)))
}

/// The id of a namespace, which JSON clients send as a number and forms as text.
fn namespace(id: Value) -> Result<NamespaceRef> {
    let id = match id {
        Value::Number(id) => id.as_i64(),
        Value::String(id) => id.parse().ok(),
        _ => None,
    };
    id.map(NamespaceRef::Id).ok_or_else(|| Refusal::parameter("namespace_id is invalid"))
}

/// GitLab makes the path of a project out of its name: lower case, with `-` for what a path can't have.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '_') {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_a_path() {
        for (name, expected) in [("demo", "demo"), ("My Tool", "my-tool"), ("  a -- b! ", "a-b"), ("v1.0_x", "v1.0_x"), ("!", "")] {
            assert_eq!(slug(name), expected);
        }
    }
}
