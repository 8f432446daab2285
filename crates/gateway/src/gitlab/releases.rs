//! Releases and their links. GitLab keeps the source code too; here a tag is what the client says it is.

use std::future::ready;

use aide::axum::ApiRouter;
use aide::axum::routing::{delete_with, get_with};
use axum::Json;
use axum::http::HeaderValue;
use consign_client::{Client, Error};
use consign_proto::metadata::release_link::Kind;
use consign_proto::metadata::{self as wire, ListReleasesRequest, ListReleasesResponse};
use consign_types::{Reason, Timestamp};
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};
use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::{Created, Elsewhere};
use super::call::Call;
use super::entity::{Release, ReleaseLink};
use super::form::{Form, MAX_LARGE_BODY_BYTES};
use super::pages::{Listing, Pages, Paging};
use super::query::{Direction, Query, names, order};
use super::refusal::{Refusal, Result};
use super::streamed::Streamed;

/// What a client sends of a release. What it says of the source code (`ref`, `milestones`) is passed over.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "ReleaseFields")]
struct Fields {
    tag_name: Option<String>,
    name: Option<String>,
    /// At most 1,000,000 bytes.
    description: Option<String>,
    /// RFC 3339.
    released_at: Option<String>,
    assets: Option<Assets>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "AssetFields")]
struct Assets {
    #[serde(default)]
    links: Vec<Link>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "ReleaseLinkFields")]
struct Link {
    name: Option<String>,
    url: Option<String>,
    #[serde(rename = "link_type")]
    #[schemars(extend("enum" = ["other", "runbook", "image", "package"]))]
    kind: Option<String>,
    /// Where below the release's `downloads` the link is followed.
    direct_asset_path: Option<String>,
    /// What `direct_asset_path` was called before.
    filepath: Option<String>,
}

/// The orders: what they are called, and what they are in the metadata plane.
const ORDERS: [(&str, &str); 2] = [("released_at", "release_time"), ("created_at", "create_time")];

/// In which order.
#[derive(Debug, Deserialize, JsonSchema)]
struct Wanted {
    /// `released_at` where nothing is said.
    #[schemars(extend("enum" = names(&ORDERS)))]
    order_by: Option<String>,
    /// `desc` where nothing is said.
    #[schemars(extend("enum" = ["asc", "desc"]))]
    sort: Option<String>,
}

pub(super) fn routes() -> ApiRouter<Client> {
    ApiRouter::new()
        .api_route(
            "/api/v4/projects/{id}/releases",
            get_with(list, |op| op.summary("Lists the releases of a project"))
                .post_with(create, |op| op.summary("Makes a release").response::<409, Refusal>()),
        )
        .api_route(
            "/api/v4/projects/{id}/releases/{tag_name}",
            get_with(get, |op| op.summary("Reads a release"))
                .put_with(update, |op| op.summary("Changes a release"))
                .delete_with(delete, |op| op.summary("Deletes a release")),
        )
        .api_route(
            "/api/v4/projects/{id}/releases/{tag_name}/assets/links",
            get_with(list_links, |op| op.summary("Lists the links of a release"))
                .post_with(create_link, |op| op.summary("Adds a link to a release")),
        )
        .api_route(
            "/api/v4/projects/{id}/releases/{tag_name}/assets/links/{link_id}",
            delete_with(delete_link, |op| op.summary("Removes a link from a release")),
        )
        .api_route(
            "/api/v4/projects/{id}/releases/{tag_name}/downloads/{*path}",
            get_with(follow_link, |op| op.summary("Follows a link of a release")),
        )
        .with_path_items(|item| item.tag("Releases"))
}

/// `POST /projects/:id/releases`.
async fn create(call: Call, form: Form<Fields, MAX_LARGE_BODY_BYTES>) -> Result<Created<Release>> {
    let client = call.signed_in()?;
    let project = call.project()?;
    let fields = form.read().await?;
    let tag = fields.tag_name.ok_or_else(|| missing("tag_name"))?;
    let release = wire::Release {
        tag: tag.clone(),
        display_name: fields.name.unwrap_or_default(),
        description: fields.description.unwrap_or_default(),
        release_time: time(fields.released_at)?,
        links: fields.assets.unwrap_or_default().links.into_iter().map(link).collect::<Result<_>>()?,
        ..Default::default()
    };
    let release = client.create_release(&project, release).await.map_err(|error| match taken(error) {
        Taken::Name(name) if name == tag => Refusal::conflict("Release already exists"),
        Taken::Name(name) => Refusal::link_taken(None, &name),
        Taken::Other(refusal) => refusal,
    })?;
    Ok(Created(Release::of(&release, &call)))
}

/// `GET /projects/:id/releases`, the last released first, unless another order is asked for.
async fn list(call: Call, wanted: Query<Wanted>, paging: Query<Paging>) -> Result<Streamed<Release>> {
    let judged = wanted.read().and_then(|wanted| {
        let order_by = order(&ORDERS, wanted.order_by.as_deref(), wanted.sort.as_deref(), Direction::Descending)?;
        Ok((Pages::of(&paging)?, order_by))
    });
    let (pages, order_by) = call.judged(judged).await?;
    let (client, parent) = (call.client()?, call.project()?.to_string());
    let asked = ListReleasesRequest { parent, order_by, page_size: pages.size(), skip: pages.skip(), count: true, ..Default::default() };
    let first = client.list_releases(asked.clone()).await.map_err(|error| call.unseen(error))?;
    let left = pages.size() - count(&first);
    // Where all that is asked for came at once, the plane has told what is behind it.
    let more = !first.next_page_token.is_empty() && (left <= 0 || pages.has_more(first.total_size));
    let headers = pages.headers(&call, more, Some(first.total_size));
    let rest = ListReleasesRequest { page_size: left, page_token: first.next_page_token, skip: 0, count: false, ..asked };
    let releases = all(client, first.releases, rest);
    Ok(Streamed::of(headers, releases.map_ok(move |release| Release::of(&release, &call))))
}

/// Releases, and behind them those that a request asks for: where they are long they come on several pages.
fn all(
    client: Client,
    first: Vec<wire::Release>,
    rest: ListReleasesRequest,
) -> impl Stream<Item = Result<wire::Release, Error>> + Send + 'static {
    let rest = stream::try_unfold((client, rest), |(client, asked)| async {
        if asked.page_size <= 0 || asked.page_token.is_empty() {
            return Ok(None);
        }
        let found = client.list_releases(asked.clone()).await?;
        let left = asked.page_size - count(&found);
        let next = ListReleasesRequest { page_size: left, page_token: found.next_page_token, ..asked };
        Ok(Some((found.releases, (client, next))))
    });
    let pages = stream::once(ready(Ok::<_, Error>(first))).chain(rest);
    pages.map_ok(|releases| stream::iter(releases.into_iter().map(Ok))).try_flatten()
}

fn count(found: &ListReleasesResponse) -> i32 {
    i32::try_from(found.releases.len()).unwrap_or(i32::MAX)
}

/// `GET /projects/:id/releases/:tag_name`.
async fn get(call: Call) -> Result<Json<Release>> {
    let release = find(&call, &call.decoded(6)?).await?;
    Ok(Json(Release::of(&release, &call)))
}

/// `PUT /projects/:id/releases/:tag_name`: what is not sent stays.
async fn update(call: Call, form: Form<Fields, MAX_LARGE_BODY_BYTES>) -> Result<Json<Release>> {
    let client = call.signed_in()?;
    let (project, tag) = (call.project()?, call.decoded(6)?);
    let fields = form.read().await?;
    let given = [
        ("display_name", fields.name.is_some()),
        ("description", fields.description.is_some()),
        ("release_time", fields.released_at.is_some()),
    ];
    let given: Vec<&str> = given.iter().filter(|(_, is_given)| *is_given).map(|(field, _)| *field).collect();
    if given.is_empty() {
        return Err(Refusal::parameter("name, description, released_at are missing, at least one parameter must be provided"));
    }
    let release = wire::Release {
        tag,
        display_name: fields.name.unwrap_or_default(),
        description: fields.description.unwrap_or_default(),
        release_time: time(fields.released_at)?,
        ..Default::default()
    };
    let release = client.update_release(&project, release, &given).await?;
    Ok(Json(Release::of(&release, &call)))
}

/// `DELETE /projects/:id/releases/:tag_name`: what it links to stays.
async fn delete(call: Call) -> Result<Json<Release>> {
    let release = call.signed_in()?.delete_release(&call.project()?, &call.decoded(6)?).await?;
    Ok(Json(Release::of(&release, &call)))
}

/// `POST /projects/:id/releases/:tag_name/assets/links`.
async fn create_link(call: Call, form: Form<Link>) -> Result<Created<ReleaseLink>> {
    let client = call.signed_in()?;
    let (project, tag) = (call.project()?, call.decoded(6)?);
    let new = link(form.read().await?)?;
    let fields = [("url", new.url.clone()), ("name", new.display_name.clone()), ("filepath", new.path.clone())];
    let link = client.create_release_link(&project, &tag, new).await.map_err(|error| match taken(error) {
        Taken::Name(name) => Refusal::link_taken(fields.iter().find(|(_, value)| *value == name).map(|(field, _)| *field), &name),
        Taken::Other(refusal) => refusal,
    })?;
    Ok(Created(ReleaseLink::of(&link, &tag, &call)))
}

/// `GET /projects/:id/releases/:tag_name/assets/links`.
async fn list_links(call: Call, paging: Query<Paging>) -> Result<Listing<ReleaseLink>> {
    let (pages, tag) = (call.judged(Pages::of(&paging)).await?, call.decoded(6)?);
    let release = find(&call, &tag).await?;
    let links = release.links.iter().map(|link| ReleaseLink::of(link, &tag, &call)).collect();
    Ok(pages.answer(&call, pages.cut(links)))
}

/// `DELETE /projects/:id/releases/:tag_name/assets/links/:link_id`.
async fn delete_link(call: Call) -> Result<Json<ReleaseLink>> {
    let (project, tag, id) = (call.project()?, call.decoded(6)?, call.judged(call.number(9, "link_id")).await?);
    let link = call.signed_in()?.delete_release_link(&project, &tag, id).await?;
    Ok(Json(ReleaseLink::of(&link, &tag, &call)))
}

/// `GET /projects/:id/releases/:tag_name/downloads/*path`: on to the address of the link that has this path.
async fn follow_link(call: Call) -> Result<Elsewhere> {
    let release = find(&call, &call.decoded(6)?).await?;
    let path = call.rest(8)?;
    let link = release.links.iter().find(|link| !link.path.is_empty() && link.path.trim_start_matches('/') == path);
    let url = link.ok_or_else(Refusal::not_found)?.url.parse::<HeaderValue>().map_err(|_| Refusal::not_found())?;
    Ok(Elsewhere(url))
}

async fn find(call: &Call, tag: &str) -> Result<wire::Release> {
    call.client()?.find_release(&call.project()?, tag).await.map_err(|error| call.unseen(error))
}

fn missing(field: &str) -> Refusal {
    Refusal::parameter(format!("{field} is missing"))
}

fn time(text: Option<String>) -> Result<Option<prost_types::Timestamp>> {
    let invalid = |_| Refusal::parameter("released_at is invalid");
    text.map(|text| text.parse::<Timestamp>().map(consign_proto::timestamp).map_err(invalid)).transpose()
}

fn link(link: Link) -> Result<wire::ReleaseLink> {
    let kind = match link.kind.as_deref() {
        None | Some("other") => Kind::Other,
        Some("runbook") => Kind::Runbook,
        Some("image") => Kind::Image,
        Some("package") => Kind::Package,
        Some(_) => return Err(Refusal::no_valid_value("link_type")),
    };
    Ok(wire::ReleaseLink {
        id: 0,
        display_name: link.name.ok_or_else(|| missing("name"))?,
        url: link.url.ok_or_else(|| missing("url"))?,
        kind: kind.into(),
        path: link.direct_asset_path.or(link.filepath).unwrap_or_default(),
    })
}

/// Why something was not made.
enum Taken {
    /// This is in use.
    Name(String),
    Other(Refusal),
}

fn taken(error: Error) -> Taken {
    match error {
        Error::Refused { reason: Reason::NameTaken, mut details, .. } => Taken::Name(details.remove("resource").unwrap_or_default()),
        error => Taken::Other(error.into()),
    }
}
