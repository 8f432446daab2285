//! Users.

use consign_proto::metadata as wire;
use consign_types::Username;
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
        let username = username(&found.username);
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

/// The name of whoever acts, as it is called here. What is a namespace to the planes is a group, and so its tokens act for one; their names
/// are none that a user can have.
pub(crate) fn username(name: &str) -> String {
    let group = name.strip_prefix("namespace_").filter(|_| name.parse::<Username>().is_err()).map(|rest| format!("group_{rest}"));
    group.unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_of_a_namespace_acts_by_the_name_of_a_group() {
        for (name, told) in [
            ("namespace_1_bot_5", "group_1_bot_5"),
            ("namespace_1_deploy_5", "group_1_deploy_5"),
            ("project_1_bot_5", "project_1_bot_5"),
            ("namespace_keeper", "namespace_keeper"),
            ("dora", "dora"),
            ("", ""),
        ] {
            assert_eq!(username(name), told);
        }
    }
}
