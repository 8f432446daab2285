//! Users.

use consign_proto::metadata as wire;
use schemars::JsonSchema;
use serde::Serialize;

use super::Time;

/// A user.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct User {
    id: i64,
    username: String,
    name: String,
    /// `active`, or `blocked`.
    state: &'static str,
    locked: bool,
    avatar_url: Option<String>,
    web_url: String,
    created_at: Option<Time>,
    /// For administrators and the user; empty for others.
    email: String,
    public_email: &'static str,
    bot: bool,
    is_admin: bool,
}

impl User {
    pub(crate) fn of(found: &wire::User, origin: &str) -> Self {
        // What is a namespace to the planes is a group here.
        let group = found.username.strip_prefix("namespace_").filter(|_| found.bot).map(|rest| format!("group_{rest}"));
        let username = group.unwrap_or_else(|| found.username.clone());
        Self {
            id: found.id,
            name: found.display_name.clone(),
            state: if found.disabled { "blocked" } else { "active" },
            locked: false,
            avatar_url: None,
            web_url: format!("{origin}/{username}"),
            username,
            created_at: found.create_time.map(Time::from),
            email: found.email.clone(),
            public_email: "",
            bot: found.bot,
            is_admin: found.admin,
        }
    }
}
