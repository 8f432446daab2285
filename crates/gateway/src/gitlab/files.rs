//! The files of a package, by their numbers.

use aide::axum::ApiRouter;
use aide::axum::routing::{delete_with, get_with};
use axum::response::NoContent;
use consign_client::Client;
use consign_proto::metadata::ListFilesRequest;
use consign_types::resource::{FileRef, VersionRef};
use schemars::JsonSchema;
use serde::Deserialize;

use super::call::Call;
use super::entity::ListedFile;
use super::pages::{Listing, Page, Pages, Paging};
use super::query::{Direction, Query, names, order};
use super::refusal::{Refusal, Result};
use super::{packages, projects};

/// The orders: what they are called, and what they are in the metadata plane.
const ORDERS: [(&str, &str); 3] = [("id", "id"), ("file_name", "path"), ("created_at", "create_time")];

/// In which order.
#[derive(Debug, Deserialize, JsonSchema)]
struct Wanted {
    /// `id` where nothing is said.
    #[schemars(extend("enum" = names(&ORDERS)))]
    order_by: Option<String>,
    /// `asc` where nothing is said.
    #[schemars(extend("enum" = ["asc", "desc"]))]
    sort: Option<String>,
}

pub(super) fn routes() -> ApiRouter<Client> {
    ApiRouter::new()
        .api_route(
            "/api/v4/projects/{id}/packages/{package_id}/package_files",
            get_with(list, |op| op.summary("Lists the files of a package")),
        )
        .api_route(
            "/api/v4/projects/{id}/packages/{package_id}/package_files/{package_file_id}",
            delete_with(delete, |op| op.summary("Deletes a file of a package")),
        )
        .with_path_items(|item| item.tag("Packages"))
}

/// `GET /projects/:id/packages/:package_id/package_files`: those too that newer ones replaced.
async fn list(call: Call, wanted: Query<Wanted>, paging: Query<Paging>) -> Result<Listing<ListedFile>> {
    let call = call.of_packages();
    let judged = wanted.read().and_then(|wanted| {
        let order_by = order(&ORDERS, wanted.order_by.as_deref(), wanted.sort.as_deref(), Direction::Ascending)?;
        Ok((Pages::of(&paging)?, order_by, call.number(6, "package_id")?))
    });
    let (pages, order_by, id) = call.judged(judged).await?;
    let (client, project) = projects::read(&call).await?;
    let version = packages::find_shown(&client, &project, id).await?;
    let asked = ListFilesRequest {
        parent: version.name,
        order_by,
        page_size: pages.size(),
        skip: pages.skip(),
        count: true,
        ..ListFilesRequest::default()
    };
    let found = client.list_files(asked).await?;
    let items = found.files.iter().map(ListedFile::from).collect();
    Ok(pages.answer(&call, Page { items, more: !found.next_page_token.is_empty(), total: Some(found.total_size) }))
}

/// `DELETE /projects/:id/packages/:package_id/package_files/:package_file_id`.
async fn delete(call: Call) -> Result<NoContent> {
    let call = call.of_packages();
    let numbers = call.number(6, "package_id").and_then(|id| Ok((id, call.number(8, "package_file_id")?)));
    let (id, file) = call.judged(numbers).await?;
    let (client, project) = projects::read(&call).await?;
    let version = packages::find(&client, &project, id).await?;
    if call.is_anonymous() {
        return Err(Refusal::forbidden("deleting takes the token of a maintainer"));
    }
    let filter = format!("id = {file}");
    let asked = ListFilesRequest { parent: version.name.clone(), filter, ..ListFilesRequest::default() };
    let file = client.list_files(asked).await?.files.pop().ok_or_else(Refusal::not_found)?;
    let unreadable = || Refusal::from(consign_client::Error::Protocol("a name that can't be read"));
    let version: VersionRef = version.name.parse().map_err(|_| unreadable())?;
    let name = FileRef { version, path: file.path.parse().map_err(|_| unreadable())? };
    client.delete_file(&name, file.revision).await.map_err(packages::undeleted)?;
    Ok(NoContent)
}
