//! Tokens, and to whom they belong.

use std::fmt;
use std::str::FromStr;

use super::{NamespaceRef, ParseResourceError, ProjectRef, ScopeRef, UserRef};

/// Stands for whichever user.
const USERS: &str = "users/-";

/// To whom tokens belong: `projects/7`, `namespaces/group`, `users/7`; `users/-` for whichever user, `instance` for whomever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenParent {
    /// A project.
    Project(ProjectRef),
    /// A namespace.
    Namespace(NamespaceRef),
    /// A user.
    User(UserRef),
    /// Whichever user the caller may act for.
    Users,
    /// Whomever there is.
    Instance,
}

impl fmt::Display for TokenParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Project(project) => project.fmt(f),
            Self::Namespace(namespace) => namespace.fmt(f),
            Self::User(user) => user.fmt(f),
            Self::Users => f.write_str(USERS),
            Self::Instance => ScopeRef::Instance.fmt(f),
        }
    }
}

impl FromStr for TokenParent {
    type Err = ParseResourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('/') {
            _ if text == USERS => Ok(Self::Users),
            None if text.parse() == Ok(ScopeRef::Instance) => Ok(Self::Instance),
            Some(("projects", _)) => text.parse().map(Self::Project),
            Some(("namespaces", _)) => text.parse().map(Self::Namespace),
            Some(("users", _)) => text.parse().map(Self::User),
            _ => Err(ParseResourceError::Shape("projects/{project}, namespaces/{path}, users/{user}, users/- or instance")),
        }
    }
}

/// A token: `projects/7/tokens/3`, `users/root/tokens/3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRef {
    /// To whom it belongs.
    pub parent: TokenParent,
    /// Its id.
    pub token: i64,
}

impl fmt::Display for TokenRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/tokens/{}", self.parent, self.token)
    }
}

impl FromStr for TokenRef {
    type Err = ParseResourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shape = ParseResourceError::Shape("projects/{project}/tokens/{id}");
        // A namespace may be called `tokens` too, so the last one counts.
        let Some((parent, token)) = text.rsplit_once("/tokens/") else {
            return Err(shape);
        };
        let is_number = token.bytes().all(|byte| byte.is_ascii_digit());
        let token = token.parse().ok().filter(|_| is_number).ok_or(shape)?;
        Ok(Self { parent: parent.parse()?, token })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_named_below_a_project_a_namespace_or_a_user() {
        for name in [
            "projects/7/tokens/3",
            "projects/a%2Fb/tokens/3",
            "users/root/tokens/3",
            "users/7/tokens/3",
            "users/-/tokens/3",
            "instance/tokens/3",
            "namespaces/a/tokens/b/tokens/3",
        ] {
            assert_eq!(name.parse::<TokenRef>().unwrap().to_string(), name);
        }
        for name in ["projects/7", "projects/7/tokens/", "projects/7/tokens/x", "users/tokens/3", "users/a/b/tokens/3", "groups/a/tokens/3"]
        {
            assert!(name.parse::<TokenRef>().is_err(), "{name}");
        }
    }
}
