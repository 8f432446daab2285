//! Who the caller is, and what is spoken to.

use axum::Json;
use consign_proto::metadata::User;
use serde_json::{Value, json};

use super::call::Call;
use super::entity;
use super::refusal::Result;

/// The version of GitLab whose API this is.
const GITLAB_VERSION: &str = "18.2.0";

/// `GET /user`. The token of a project or group stands for a user of its own, as in GitLab.
pub(crate) async fn get(call: Call) -> Result<Json<Value>> {
    let client = call.signed_in()?;
    let (actor, user, token) = client.who_am_i().await?;
    let user = match user.as_str() {
        "" => User { id: token.id, username: actor, display_name: token.display_name, create_time: token.create_time, ..User::default() },
        name => client.find_user(name).await?,
    };
    Ok(Json(entity::user(&user, &call.origin())))
}

/// `GET /version`, for whoever is signed in.
pub(crate) async fn version(call: Call) -> Result<Json<Value>> {
    call.signed_in()?.who_am_i().await?;
    Ok(Json(json!({ "version": GITLAB_VERSION, "revision": revision() })))
}

/// `GET /metadata`, for whoever is signed in.
pub(crate) async fn metadata(call: Call) -> Result<Json<Value>> {
    call.signed_in()?.who_am_i().await?;
    Ok(Json(json!({
        "version": GITLAB_VERSION,
        "revision": revision(),
        "kas": { "enabled": false, "externalUrl": null, "externalK8sProxyUrl": null, "version": null },
        "enterprise": false,
    })))
}

fn revision() -> String {
    format!("consign-{}", env!("CARGO_PKG_VERSION"))
}
