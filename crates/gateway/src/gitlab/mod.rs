//! GitLab's REST API and its GraphQL, as far as its clients need them to publish, fetch and look after generic packages.
//!
//! - `call`: a request without its body; `form`: what a body says; `pages`: the parts of lists
//! - `publish`, `download`, `path`, `range`, `checksum`, `multipart`: the files of generic packages
//! - `packages`, `files`, `releases`, `rules`, `projects`, `groups`, `tokens`, `user`: the things there are, one module each
//! - `search`, `query`: what lists ask of the metadata plane
//! - `graphql`: the same things over GraphQL
//! - `entity`: how they look in JSON; `refusal`: how GitLab says no

mod call;
mod checksum;
mod download;
mod entity;
mod files;
mod form;
mod graphql;
mod groups;
mod multipart;
mod packages;
mod pages;
mod path;
mod projects;
mod publish;
mod query;
mod range;
mod refusal;
mod releases;
mod rules;
mod search;
mod tokens;
mod user;

use std::any::Any;

use axum::Router;
use axum::response::IntoResponse as _;
use axum::routing::{delete, get, patch, post};
use consign_client::Client;
use tower_http::catch_panic::CatchPanicLayer;

use refusal::Refusal;

pub(crate) fn router(client: Client) -> Router {
    let generic = get(download::get).head(download::head).put(publish::put);
    let tokens = get(tokens::list_below).post(tokens::create_below);
    let token = get(tokens::get_below).delete(tokens::delete_below);
    let owned = ["projects", "groups"].into_iter().fold(Router::new(), |router, owner| {
        let below = format!("/api/v4/{owner}/{{id}}");
        let router = router.route(&format!("{below}/access_tokens"), tokens.clone());
        let router = router.route(&format!("{below}/access_tokens/{{token}}"), token.clone());
        let router = router.route(&format!("{below}/access_tokens/{{token}}/rotate"), post(tokens::rotate_below));
        let router = router.route(&format!("{below}/deploy_tokens"), tokens.clone());
        router.route(&format!("{below}/deploy_tokens/{{token}}"), token.clone())
    });
    owned
        .route("/api/v4/user/personal_access_tokens", post(tokens::create_personal))
        .route("/api/v4/users/{user}/personal_access_tokens", post(tokens::create_personal))
        .route("/api/v4/personal_access_tokens", get(tokens::list_personal))
        .route("/api/v4/personal_access_tokens/{token}", get(tokens::get_personal).delete(tokens::delete_personal))
        .route("/api/v4/personal_access_tokens/{token}/rotate", post(tokens::rotate_personal))
        .route("/api/graphql", post(graphql::post))
        .route("/api/v4/version", get(user::version))
        .route("/api/v4/metadata", get(user::metadata))
        .route("/api/v4/user", get(user::get))
        .route("/api/v4/groups", get(groups::list).post(groups::create))
        .route("/api/v4/groups/{id}", get(groups::get).delete(groups::delete))
        .route("/api/v4/groups/{id}/projects", get(groups::list_projects))
        .route("/api/v4/groups/{id}/packages", get(packages::list_of_group))
        .route("/api/v4/projects", get(projects::list).post(projects::create))
        .route("/api/v4/projects/{id}", get(projects::get).put(projects::update).delete(projects::delete))
        .route("/api/v4/projects/{id}/releases", get(releases::list).post(releases::create))
        .route("/api/v4/projects/{id}/releases/{tag}", get(releases::get).put(releases::update).delete(releases::delete))
        .route("/api/v4/projects/{id}/releases/{tag}/assets/links", get(releases::list_links).post(releases::create_link))
        .route("/api/v4/projects/{id}/releases/{tag}/downloads/{*path}", get(releases::follow_link))
        .route("/api/v4/projects/{id}/releases/{tag}/assets/links/{link}", delete(releases::delete_link))
        .route("/api/v4/projects/{id}/issues", get(projects::nothing))
        .route("/api/v4/projects/{id}/repository/commits/{sha}/merge_requests", get(projects::nothing))
        .route("/api/v4/projects/{id}/packages", get(packages::list))
        .route("/api/v4/projects/{id}/packages/{package}", get(packages::get).delete(packages::delete))
        .route("/api/v4/projects/{id}/packages/{package}/pipelines", get(packages::pipelines))
        .route("/api/v4/projects/{id}/packages/{package}/package_files", get(files::list))
        .route("/api/v4/projects/{id}/packages/{package}/package_files/{file}", delete(files::delete))
        .route("/api/v4/projects/{id}/packages/generic/{*path}", generic)
        .route("/api/v4/projects/{id}/packages/protection/rules", get(rules::list).post(rules::create))
        .route("/api/v4/projects/{id}/packages/protection/rules/{rule}", patch(rules::update).delete(rules::delete))
        .fallback(|| async { Refusal::not_found() })
        .method_not_allowed_fallback(|| async { Refusal::method_not_allowed() })
        .with_state(client)
        .layer(CatchPanicLayer::custom(|_: Box<dyn Any + Send>| Refusal::panicked().into_response()))
}
