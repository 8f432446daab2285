//! Tokens.

use std::collections::BTreeSet;

use consign_proto::metadata as wire;
use consign_types::access::Scope;
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
    scopes: Vec<&'static str>,
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
    /// A token, with the user whose it is, if it is personal.
    pub(crate) fn of(token: &wire::Token, user: Option<i64>, secret: Option<String>) -> Self {
        Self {
            id: token.id,
            name: token.display_name.clone(),
            description: None,
            revoked: token.revoke_time.is_some(),
            active: token.revoke_time.is_none() && !is_over(token),
            created_at: token.create_time.map(Time::from),
            last_used_at: token.last_use_time.map(Time::from),
            expires_at: token.expire_time.map(Day::from),
            scopes: scopes(token),
            user_id: user.unwrap_or(token.id),
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
    scopes: Vec<&'static str>,
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
            username: format!("gitlab+deploy-token-{}", token.id),
            expires_at: token.expire_time.map(Time::from),
            revoked: token.revoke_time.is_some(),
            expired: is_over(token),
            scopes: scopes(token),
            secret,
        }
    }
}

/// Whether a token's time is over.
#[expect(clippy::disallowed_methods, reason = "GitLab tells whether a token is expired as of the answer")]
fn is_over(token: &wire::Token) -> bool {
    token.expire_time.is_some_and(|end| end.seconds <= jiff::Timestamp::now().as_second())
}

/// The scopes of a token: GitLab's words where there is one, else our own.
fn scopes(token: &wire::Token) -> Vec<&'static str> {
    let scopes: BTreeSet<Scope> = token.scopes().filter_map(wire::Scope::known).collect();
    let is_deploy = token.kind() == wire::token::Kind::Deploy;
    if scopes.len() == Scope::ALL.len() {
        return vec!["api"];
    }
    let word = |scope: &Scope| match scope {
        Scope::Read if is_deploy => "read_package_registry",
        Scope::Publish if is_deploy => "write_package_registry",
        Scope::Read if scopes.len() == 1 => "read_api",
        scope => scope.as_str(),
    };
    scopes.iter().map(word).collect()
}
