//! Tokens.

use consign_proto::metadata as wire;
use schemars::JsonSchema;
use serde::Serialize;

use super::{AccessLevel, Day, Time};

/// A personal token, or one of a project or group.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Token {
    id: i64,
    name: String,
    description: Option<String>,
    revoked: bool,
    active: bool,
    created_at: Option<Time>,
    last_used_at: Option<Time>,
    expires_at: Option<Day>,
    scopes: Vec<String>,
    /// The user for whom it acts: one of its own, if it is not personal.
    user_id: i64,
    /// That of a project's or group's token; personal ones have their user's.
    #[serde(skip_serializing_if = "Option::is_none")]
    access_level: Option<AccessLevel>,
    /// The secret, told once: when it is made or rotated.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(rename = "token")]
    secret: Option<String>,
}

impl Token {
    pub(crate) fn of(token: &wire::Token, secret: Option<String>) -> Self {
        Self {
            id: token.id,
            name: token.display_name.clone(),
            description: Some(token.description.clone()).filter(|text| !text.is_empty()),
            revoked: token.revoke_time.is_some(),
            active: token.revoke_time.is_none() && !token.expired,
            created_at: token.create_time.map(Time::from),
            last_used_at: token.last_use_time.map(Time::from),
            expires_at: token.expire_time.map(Day::from),
            scopes: token.scope_names.clone(),
            user_id: token.user.rsplit('/').next().and_then(|id| id.parse().ok()).unwrap_or_default(),
            access_level: token.role().known().map(AccessLevel::from),
            secret,
        }
    }
}

/// A deploy token.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct DeployToken {
    id: i64,
    name: String,
    username: String,
    expires_at: Option<Time>,
    revoked: bool,
    expired: bool,
    scopes: Vec<String>,
    /// The secret, told once: when it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(rename = "token")]
    secret: Option<String>,
}

impl DeployToken {
    pub(crate) fn of(token: &wire::Token, secret: Option<String>) -> Self {
        Self {
            id: token.id,
            name: token.display_name.clone(),
            username: token.username.clone(),
            expires_at: token.expire_time.map(Time::from),
            revoked: token.revoke_time.is_some(),
            expired: token.expired,
            scopes: token.scope_names.clone(),
            secret,
        }
    }
}

#[cfg(test)]
mod tests {
    use prost_types::Timestamp;

    use super::*;

    #[test]
    fn whether_a_token_counts_is_what_the_plane_says() {
        let (past, future) = (Some(Timestamp { seconds: 1, nanos: 0 }), Some(Timestamp { seconds: 253_402_300_799, nanos: 0 }));
        for (expired, expire_time, revoke_time) in [(true, future, None), (false, past, None), (false, future, past), (true, past, past)] {
            let token = wire::Token { expired, expire_time, revoke_time, ..wire::Token::default() };
            let told = Token::of(&token, None);
            assert_eq!((told.active, told.revoked), (!expired && revoke_time.is_none(), revoke_time.is_some()), "{token:?}");
            let deploy = DeployToken::of(&token, None);
            assert_eq!((deploy.expired, deploy.revoked), (expired, revoke_time.is_some()), "{token:?}");
        }
    }
}
