//! Who the caller is, and what is spoken to.

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::Json;
use consign_client::Client;
use consign_proto::metadata as wire;
use schemars::JsonSchema;
use serde::Serialize;

use super::call::Call;
use super::entity::User;
use super::refusal::Result;

/// The version of GitLab whose API this is.
const GITLAB_VERSION: &str = "18.2.0";

pub(super) fn routes() -> ApiRouter<Client> {
    ApiRouter::new()
        .api_route("/api/v4/user", get_with(get, |op| op.summary("Tells who the caller is").tag("Users")))
        .api_route("/api/v4/version", get_with(version, |op| op.summary("Tells the version of GitLab's API").tag("Instance")))
        .api_route("/api/v4/metadata", get_with(metadata, |op| op.summary("Tells what this is").tag("Instance")))
}

/// What is spoken to.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Version {
    /// The version of GitLab whose API this is.
    version: &'static str,
    /// That of Consign.
    revision: String,
}

impl Version {
    pub(crate) fn current() -> Self {
        Self { version: GITLAB_VERSION, revision: format!("consign-{}", env!("CARGO_PKG_VERSION")) }
    }
}

/// What is spoken to, and what belongs to it.
#[derive(Debug, Serialize, JsonSchema)]
struct Metadata {
    #[serde(flatten)]
    version: Version,
    kas: Kas,
    enterprise: bool,
}

/// GitLab's agents for Kubernetes, of which there are none here.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Kas {
    enabled: bool,
    external_url: Option<String>,
    external_k8s_proxy_url: Option<String>,
    version: Option<String>,
}

/// `GET /user`. The token of a project or group stands for a user of its own, as in GitLab.
async fn get(call: Call) -> Result<Json<User>> {
    let client = call.signed_in()?;
    let (actor, user, token) = client.who_am_i().await?;
    let user = match user.as_str() {
        "" => wire::User {
            id: token.id,
            username: actor,
            display_name: token.display_name,
            create_time: token.create_time,
            ..Default::default()
        },
        name => client.find_user(name).await?,
    };
    Ok(Json(User::of(&user, &call.origin())))
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
