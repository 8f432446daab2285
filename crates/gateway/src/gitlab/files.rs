//! The files of a package, by their numbers.

use axum::http::StatusCode;
use axum::response::Response;
use consign_proto::metadata::ListFilesRequest;
use consign_types::resource::{FileRef, VersionRef};
use serde::Deserialize;

use super::call::Call;
use super::pages::{Page, Pages};
use super::query::{Direction, order};
use super::refusal::{Refusal, Result};
use super::{entity, packages, projects};

/// The orders: what they are called, and what they are in the metadata plane.
const ORDERS: [(&str, &str); 3] = [("id", "id"), ("file_name", "path"), ("created_at", "create_time")];

#[derive(Debug, Deserialize)]
struct Wanted {
    order_by: Option<String>,
    sort: Option<String>,
}

/// `GET /projects/:id/packages/:package_id/package_files`: those too that newer ones replaced.
pub(crate) async fn list(call: Call) -> Result<Response> {
    let (client, project) = projects::read(&call).await?;
    let (wanted, pages): (Wanted, Pages) = (call.query()?, Pages::of(&call)?);
    let order_by = order(&ORDERS, wanted.order_by.as_deref(), wanted.sort.as_deref(), Direction::Ascending)?;
    let version = packages::find_shown(&call, &client, &project).await?;
    let asked = ListFilesRequest {
        parent: version.name,
        order_by,
        page_size: pages.size(),
        skip: pages.skip(),
        count: true,
        ..ListFilesRequest::default()
    };
    let found = client.list_files(asked).await?;
    let items = found.files.iter().map(entity::listed_file).collect();
    Ok(pages.answer(&call, Page { items, more: !found.next_page_token.is_empty(), total: Some(found.total_size) }))
}

/// `DELETE /projects/:id/packages/:package_id/package_files/:package_file_id`.
pub(crate) async fn delete(call: Call) -> Result<StatusCode> {
    let (client, project) = projects::read(&call).await?;
    let version = packages::find(&call, &client, &project).await?;
    if call.is_anonymous() {
        return Err(Refusal::forbidden());
    }
    let filter = format!("id = {}", call.number(8, "package_file_id")?);
    let asked = ListFilesRequest { parent: version.name.clone(), filter, ..ListFilesRequest::default() };
    let file = client.list_files(asked).await?.files.pop().ok_or_else(Refusal::not_found)?;
    let unreadable = || Refusal::from(consign_client::Error::Protocol("a name that can't be read"));
    let version: VersionRef = version.name.parse().map_err(|_| unreadable())?;
    let name = FileRef { version, path: file.path.parse().map_err(|_| unreadable())? };
    client.delete_file(&name, file.revision).await.map_err(packages::undeleted)?;
    Ok(StatusCode::NO_CONTENT)
}
