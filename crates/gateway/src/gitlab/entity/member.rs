//! Members of projects and groups.

use consign_proto::metadata as wire;
use schemars::JsonSchema;
use serde::Serialize;

use super::{AccessLevel, Day, Time};

/// A user with a role in a project or group.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Member {
    id: i64,
    username: String,
    name: String,
    state: &'static str,
    locked: bool,
    avatar_url: Option<String>,
    web_url: String,
    access_level: Option<AccessLevel>,
    created_at: Option<Time>,
    expires_at: Option<Day>,
    membership_state: &'static str,
}

impl Member {
    pub(crate) fn of(found: &wire::Member, origin: &str) -> Self {
        Self {
            id: found.user.rsplit('/').next().and_then(|id| id.parse().ok()).unwrap_or_default(),
            username: found.username.clone(),
            name: found.display_name.clone(),
            state: "active",
            locked: false,
            avatar_url: None,
            web_url: format!("{origin}/{}", found.username),
            access_level: found.role().known().map(AccessLevel::from),
            created_at: found.create_time.map(Time::from),
            expires_at: found.expire_time.map(Day::from),
            membership_state: "active",
        }
    }
}
