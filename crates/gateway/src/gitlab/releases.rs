//! Releases and their links. GitLab keeps the source code too; here a tag is what the client says it is.

use axum::Json;
use axum::body::Body;
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use consign_client::Error;
use consign_proto::metadata::release_link::Kind;
use consign_proto::metadata::{ListReleasesRequest, Release, ReleaseLink};
use consign_types::{Reason, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use super::call::Call;
use super::pages::{Page, Pages};
use super::refusal::{Refusal, Result};
use super::{entity, form};

/// What a client sends of a release. What it says of the source code (`ref`, `milestones`) is passed over.
#[derive(Debug, Default, Deserialize)]
struct Fields {
    tag_name: Option<String>,
    name: Option<String>,
    description: Option<String>,
    released_at: Option<String>,
    assets: Option<Assets>,
}

#[derive(Debug, Default, Deserialize)]
struct Assets {
    #[serde(default)]
    links: Vec<Link>,
}

#[derive(Debug, Deserialize)]
struct Link {
    name: Option<String>,
    url: Option<String>,
    #[serde(rename = "link_type")]
    kind: Option<String>,
    direct_asset_path: Option<String>,
    /// What `direct_asset_path` was called before.
    filepath: Option<String>,
}

/// `POST /projects/:id/releases`.
pub(crate) async fn create(call: Call, body: Body) -> Result<Response> {
    let client = call.signed_in()?;
    let project = call.project()?;
    let fields: Fields = form::read_large(&call.headers, body).await?;
    let release = Release {
        tag: fields.tag_name.ok_or_else(|| missing("tag_name"))?,
        display_name: fields.name.unwrap_or_default(),
        description: fields.description.unwrap_or_default(),
        release_time: time(fields.released_at)?,
        links: fields.assets.unwrap_or_default().links.into_iter().map(link).collect::<Result<_>>()?,
        ..Release::default()
    };
    let release = client.create_release(&project, release).await.map_err(taken)?;
    Ok((StatusCode::CREATED, Json(entity::release(&release, &call))).into_response())
}

/// `GET /projects/:id/releases`, the last released first.
pub(crate) async fn list(call: Call) -> Result<Response> {
    let pages = Pages::of(&call)?;
    let (client, parent) = (call.client()?, call.project()?.to_string());
    let mut asked = ListReleasesRequest { parent, page_size: pages.size(), skip: pages.skip(), page_token: String::new() };
    let mut items = Vec::new();
    // Long releases come on several pages.
    let more = loop {
        let found = client.list_releases(asked.clone()).await?;
        items.extend(found.releases.iter().map(|release| entity::release(release, &call)));
        let left = pages.size().saturating_sub(i32::try_from(items.len()).unwrap_or(i32::MAX));
        if left == 0 || found.next_page_token.is_empty() {
            break !found.next_page_token.is_empty();
        }
        asked = ListReleasesRequest { page_size: left, skip: 0, page_token: found.next_page_token, ..asked };
    };
    Ok(pages.answer(&call, Page { items, more, total: None }))
}

/// `GET /projects/:id/releases/:tag_name`.
pub(crate) async fn get(call: Call) -> Result<Json<Value>> {
    let release = call.client()?.find_release(&call.project()?, &call.decoded(6)?).await?;
    Ok(Json(entity::release(&release, &call)))
}

/// `PUT /projects/:id/releases/:tag_name`: what is not sent stays.
pub(crate) async fn update(call: Call, body: Body) -> Result<Json<Value>> {
    let client = call.signed_in()?;
    let (project, tag) = (call.project()?, call.decoded(6)?);
    let fields: Fields = form::read_large(&call.headers, body).await?;
    let given = [
        ("display_name", fields.name.is_some()),
        ("description", fields.description.is_some()),
        ("release_time", fields.released_at.is_some()),
    ];
    let given: Vec<&str> = given.iter().filter(|(_, is_given)| *is_given).map(|(field, _)| *field).collect();
    if given.is_empty() {
        return Err(Refusal::parameter("name, description, released_at are missing, at least one parameter must be provided"));
    }
    let release = Release {
        tag,
        display_name: fields.name.unwrap_or_default(),
        description: fields.description.unwrap_or_default(),
        release_time: time(fields.released_at)?,
        ..Release::default()
    };
    let release = client.update_release(&project, release, &given).await?;
    Ok(Json(entity::release(&release, &call)))
}

/// `DELETE /projects/:id/releases/:tag_name`: what it links to stays.
pub(crate) async fn delete(call: Call) -> Result<Json<Value>> {
    let release = call.signed_in()?.delete_release(&call.project()?, &call.decoded(6)?).await?;
    Ok(Json(entity::release(&release, &call)))
}

/// `POST /projects/:id/releases/:tag_name/assets/links`.
pub(crate) async fn create_link(call: Call, body: Body) -> Result<Response> {
    let client = call.signed_in()?;
    let (project, tag) = (call.project()?, call.decoded(6)?);
    let new = link(form::read(&call.headers, body).await?)?;
    let link = client.create_release_link(&project, &tag, new).await.map_err(taken)?;
    Ok((StatusCode::CREATED, Json(entity::release_link(&link, &tag, &call))).into_response())
}

/// `GET /projects/:id/releases/:tag_name/assets/links`.
pub(crate) async fn list_links(call: Call) -> Result<Response> {
    let (pages, tag) = (Pages::of(&call)?, call.decoded(6)?);
    let release = call.client()?.find_release(&call.project()?, &tag).await?;
    let links = release.links.iter().map(|link| entity::release_link(link, &tag, &call)).collect();
    Ok(pages.answer(&call, pages.cut(links)))
}

/// `DELETE /projects/:id/releases/:tag_name/assets/links/:link_id`.
pub(crate) async fn delete_link(call: Call) -> Result<Json<Value>> {
    let (project, tag, id) = (call.project()?, call.decoded(6)?, call.number(9, "link_id")?);
    let link = call.signed_in()?.delete_release_link(&project, &tag, id).await?;
    Ok(Json(entity::release_link(&link, &tag, &call)))
}

/// `GET /projects/:id/releases/:tag_name/downloads/*path`: on to the address of the link that has this path.
pub(crate) async fn follow_link(call: Call) -> Result<Response> {
    let release = call.client()?.find_release(&call.project()?, &call.decoded(6)?).await?;
    let path = call.rest(8)?;
    let link = release.links.iter().find(|link| !link.path.is_empty() && link.path.trim_start_matches('/') == path);
    let url = link.ok_or_else(Refusal::not_found)?.url.parse::<HeaderValue>().map_err(|_| Refusal::not_found())?;
    Ok((StatusCode::FOUND, [(LOCATION, url)]).into_response())
}

fn missing(field: &str) -> Refusal {
    Refusal::parameter(format!("{field} is missing"))
}

fn time(text: Option<String>) -> Result<Option<prost_types::Timestamp>> {
    let invalid = |_| Refusal::parameter("released_at is invalid");
    text.map(|text| text.parse::<Timestamp>().map(consign_proto::timestamp).map_err(invalid)).transpose()
}

fn link(link: Link) -> Result<ReleaseLink> {
    let kind = match link.kind.as_deref() {
        None | Some("other") => Kind::Other,
        Some("runbook") => Kind::Runbook,
        Some("image") => Kind::Image,
        Some("package") => Kind::Package,
        Some(_) => return Err(Refusal::no_valid_value("link_type")),
    };
    Ok(ReleaseLink {
        id: 0,
        display_name: link.name.ok_or_else(|| missing("name"))?,
        url: link.url.ok_or_else(|| missing("url"))?,
        kind: kind.into(),
        path: link.direct_asset_path.or(link.filepath).unwrap_or_default(),
    })
}

fn taken(error: Error) -> Refusal {
    match error {
        Error::Refused { reason: Reason::NameTaken, message, .. } => Refusal::conflict(&message),
        error => error.into(),
    }
}
