//! Who the caller is, and what is spoken to.

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::Json;
use consign_client::Client;
use consign_proto::metadata::{self as wire, Token};
use schemars::JsonSchema;
use serde::Serialize;

use super::call::Call;
use super::entity::User;
use super::refusal::Result;

/// The version of GitLab whose API this is.
pub(super) const GITLAB_VERSION: &str = "18.2.0";

pub(super) fn routes() -> ApiRouter<Client> {
    ApiRouter::new()
        .api_route("/api/v4/user", get_with(get, |op| op.summary("Tells who the caller is").tag("Users")))
        .api_route("/api/v4/version", get_with(version, |op| op.summary("Tells the version of GitLab's API").tag("Instance")))
        .api_route("/api/v4/metadata", get_with(metadata, |op| op.summary("Tells what this is").tag("Instance")))
}

/// What is spoken to.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ServerVersion")]
struct Version {
    /// The version of GitLab whose API this is.
    version: &'static str,
    /// That of Consign.
    revision: String,
}

impl Version {
    fn current() -> Self {
        Self { version: GITLAB_VERSION, revision: revision() }
    }
}

/// What is spoken to, and what belongs to it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ServerMetadata")]
struct Metadata {
    #[serde(flatten)]
    version: Version,
    kas: Kas,
    enterprise: bool,
}

/// GitLab's agents for Kubernetes, of which there are none here.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "MetadataKas")]
struct Kas {
    enabled: bool,
    external_url: Option<String>,
    external_k8s_proxy_url: Option<String>,
    version: Option<String>,
}

/// `GET /user`. The token of a project or group stands for a user of its own, as in GitLab.
async fn get(call: Call) -> Result<Json<User>> {
    let client = call.signed_in()?;
    let user = user_behind(&client, &client.who_am_i().await?.token).await?;
    Ok(Json(User::of(&user, &call.origin())))
}

/// The user behind a token: one of its own, if it is not personal.
pub(super) async fn user_behind(client: &Client, token: &Token) -> consign_client::Result<wire::User> {
    client.find_user(&token.user).await
}

/// `GET /version`, for whoever is signed in.
async fn version(call: Call) -> Result<Json<Version>> {
    call.signed_in()?.who_am_i().await?;
    Ok(Json(Version::current()))
}

/// `GET /metadata`, for whoever is signed in.
async fn metadata(call: Call) -> Result<Json<Metadata>> {
    call.signed_in()?.who_am_i().await?;
    let kas = Kas { enabled: false, external_url: None, external_k8s_proxy_url: None, version: None };
    Ok(Json(Metadata { version: Version::current(), kas, enterprise: false }))
}

/// The version of Consign, where GitLab tells its commit.
pub(super) fn revision() -> String {
    format!("consign-{}", env!("CARGO_PKG_VERSION"))
}
