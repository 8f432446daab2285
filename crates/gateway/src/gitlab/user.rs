//! Who the caller is, and what is spoken to.

use axum::Json;
use consign_client::Client;
use consign_proto::metadata::{Token, User};
use serde_json::{Value, json};

use super::call::Call;
use super::entity;
use super::refusal::Result;

/// The version of GitLab whose API this is.
pub(super) const GITLAB_VERSION: &str = "18.2.0";

/// `GET /user`. The token of a project or group stands for a user of its own, as in GitLab.
pub(crate) async fn get(call: Call) -> Result<Json<Value>> {
    let client = call.signed_in()?;
    let user = user_behind(&client, client.who_am_i().await?).await?;
    Ok(Json(entity::user(&user, &call.origin())))
}

/// The user behind a token, as `who_am_i` tells of it.
pub(super) async fn user_behind(client: &Client, (actor, user, token): (String, String, Token)) -> consign_client::Result<User> {
    match user.as_str() {
        "" => {
            Ok(User { id: token.id, username: actor, display_name: token.display_name, create_time: token.create_time, ..User::default() })
        }
        name => client.find_user(name).await,
    }
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

/// The version of Consign, where GitLab tells its commit.
pub(super) fn revision() -> String {
    format!("consign-{}", env!("CARGO_PKG_VERSION"))
}
