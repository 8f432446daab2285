//! GitLab's REST API and its GraphQL, as far as its clients need them to publish, fetch and look after generic packages.
//!
//! - `call`: a request without its body; `form`: what a body says; `pages`: the parts of lists; `streamed`: long
//!   ones
//! - `publish`, `download`, `path`, `range`, `byteranges`, `checksum`, `multipart`: the files of generic packages
//! - `archive`: all files of a version in one; `resumable`: a file by several requests
//! - `packages`, `files`, `releases`, `rules`, `projects`, `groups`, `members`, `tokens`, `users`, `user`: the things there are, one module
//!   each, with its routes; `project_lists`: the lists of projects
//! - `entity`: how they look in JSON; `answer`: the statuses of what was done; `refusal`: how GitLab says no; `words`: what fields are called here
//! - `query`: what a URL says behind the `?`; `search`: what lists of packages ask of the metadata plane
//! - `openapi`: the document of all routes; `graphql`: the same things over GraphQL

mod answer;
mod archive;
mod byteranges;
mod call;
mod checksum;
mod download;
mod entity;
mod files;
mod form;
mod graphql;
mod groups;
mod members;
mod multipart;
mod openapi;
mod packages;
mod pages;
mod path;
mod project_lists;
mod projects;
mod publish;
mod query;
mod range;
mod refusal;
mod releases;
mod resumable;
mod rules;
mod search;
mod streamed;
mod tokens;
mod user;
mod users;
mod words;

use std::any::Any;

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::Router;
use axum::response::IntoResponse as _;
use axum::routing::get;
use consign_client::Client;
use tower_http::catch_panic::CatchPanicLayer;

use refusal::Refusal;

pub(crate) fn router(client: Client) -> Router {
    let routes = ApiRouter::new()
        .merge(generic())
        .merge(packages::routes())
        .merge(files::routes())
        .merge(rules::routes())
        .merge(releases::routes())
        .merge(projects::routes())
        .merge(groups::routes())
        .merge(members::routes())
        .merge(tokens::routes())
        .merge(users::routes())
        .merge(user::routes());
    openapi::served(routes)
        .route("/api/graphql", get(graphql::get).post(graphql::post))
        .fallback(|| async { Refusal::no_route() })
        .method_not_allowed_fallback(|| async { Refusal::method_not_allowed() })
        .with_state(client)
        .layer(CatchPanicLayer::custom(|_: Box<dyn Any + Send>| Refusal::panicked().into_response()))
}

/// The files of generic packages, and their versions as a whole.
fn generic() -> ApiRouter<Client> {
    let file = get_with(download::get, download::documented)
        .head_with(download::head, resumable::offset_documented)
        .put_with(publish::put, publish::documented)
        .patch_with(resumable::append, resumable::append_documented)
        .delete_with(resumable::cancel, resumable::cancel_documented)
        .options_with(resumable::options, |op| op.summary("Tells how files are uploaded").response::<204, ()>());
    let whole = get_with(archive::get, archive::documented).head_with(archive::head, archive::documented);
    ApiRouter::new()
        .api_route("/api/v4/projects/{id}/packages/generic/{package_name}/{package_version}", whole)
        .api_route("/api/v4/projects/{id}/packages/generic/{package_name}/{package_version}/{*file_name}", file)
        .with_path_items(|item| item.tag("Generic packages"))
}
