//! Projects: enough to make one and to find it.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, LINK};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use consign_client::Client;
use consign_client::projects::NewProject;
use consign_proto::metadata::Visibility;
use consign_types::resource::NamespaceRef;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value;

use super::refusal::{Refusal, Result};
use super::{authenticated, entity, path, query};

/// What a client sends to make a project, as JSON or as a form.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Fields {
    name: Option<String>,
    path: Option<String>,
    namespace_id: Option<Value>,
    description: Option<String>,
    visibility: Option<String>,
}

/// Which page of a list.
#[derive(Debug, Deserialize)]
pub(crate) struct Page {
    #[serde(rename = "per_page")]
    size: Option<i32>,
    cursor: Option<String>,
    search: Option<String>,
}

/// `POST /projects`: without a namespace, the project goes to the caller's own.
pub(crate) async fn create(State(client): State<Client>, headers: HeaderMap, body: Bytes) -> Result<Response> {
    let client = authenticated(&client, &headers)?;
    let fields = read(&headers, &body)?;
    let slug = fields.path.or_else(|| fields.name.as_deref().map(slug));
    let slug = slug.ok_or_else(|| Refusal::parameter("name, path are missing, at least one parameter must be provided"))?;
    let visibility = match fields.visibility.as_deref() {
        None | Some("private") => Visibility::Private,
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
pub(crate) async fn list(State(client): State<Client>, uri: Uri, headers: HeaderMap) -> Result<Response> {
    let client = authenticated(&client, &headers)?;
    let page: Page = query(&uri)?;
    if page.search.is_some() {
        return Err(Refusal::parameter("search is not supported"));
    }
    let per_page = page.size.unwrap_or(20);
    if !(1..=100).contains(&per_page) {
        return Err(Refusal::parameter("per_page does not have a valid value"));
    }
    let (projects, next) = client.list_projects(per_page, page.cursor.as_deref().unwrap_or_default()).await?;
    let mut response = Json(projects.iter().map(entity::project_json).collect::<Vec<_>>()).into_response();
    if !next.is_empty() {
        let host = headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or("localhost");
        let cursor = utf8_percent_encode(&next, NON_ALPHANUMERIC);
        let link = format!("<http://{host}/api/v4/projects?per_page={per_page}&cursor={cursor}>; rel=\"next\"");
        if let Ok(link) = link.parse() {
            response.headers_mut().insert(LINK, link);
        }
    }
    Ok(response)
}

/// `GET /projects/:id`, by id or by encoded path.
pub(crate) async fn find(State(client): State<Client>, uri: Uri, headers: HeaderMap) -> Result<Json<Value>> {
    let client = authenticated(&client, &headers)?;
    let segment = uri.path().rsplit('/').next().unwrap_or_default();
    let project = client.find_project(&path::project(segment)?).await?;
    Ok(Json(entity::project_json(&project)))
}

fn read(headers: &HeaderMap, body: &[u8]) -> Result<Fields> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if content_type.starts_with("application/json") {
        return serde_json::from_slice(body).map_err(|_| Refusal::parameter("body is not valid JSON"));
    }
    serde_urlencoded::from_bytes(body).map_err(|_| Refusal::parameter("body is not a valid form"))
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
