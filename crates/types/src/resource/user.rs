//! Users, and the roles that they have.

use std::fmt;
use std::str::FromStr;

use super::{NamespaceRef, ParseResourceError, ProjectRef};
use crate::Username;

/// A user, by id or by name: `users/7`, `users/alice`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum UserRef {
    /// By numeric id, the canonical form.
    Id(i64),
    /// By user name, which is never digits alone.
    Name(Username),
}

/// The ids of the users for whom tokens of projects and namespaces act begin behind this one. No person's id comes near it, and programs
/// that take numbers for doubles read all of them as they are.
const BOTS: i64 = 1 << 52;

/// The id of the user for whom a token of a project or namespace acts.
pub fn bot_id(token: i64) -> i64 {
    BOTS + token
}

/// The token that acts for the user of this id, if it is no person.
pub fn bot_token(user: i64) -> Option<i64> {
    (user > BOTS).then(|| user - BOTS)
}

impl UserRef {
    /// Reads the segment behind `users/`.
    fn from_segment(segment: &str) -> Result<Self, ParseResourceError> {
        if !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit()) {
            return segment.parse().map(Self::Id).map_err(|_| ParseResourceError::Shape("users/{id or name}"));
        }
        Ok(Self::Name(segment.parse()?))
    }
}

impl fmt::Display for UserRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "users/{id}"),
            Self::Name(name) => write!(f, "users/{name}"),
        }
    }
}

impl FromStr for UserRef {
    type Err = ParseResourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("users/") {
            Some(segment) if !segment.contains('/') => Self::from_segment(segment),
            _ => Err(ParseResourceError::Shape("users/{id or name}")),
        }
    }
}

/// Where members are: `projects/7`, `namespaces/group/sub`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberParent {
    /// In a project.
    Project(ProjectRef),
    /// In a namespace, and so in all below it.
    Namespace(NamespaceRef),
}

impl fmt::Display for MemberParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Project(project) => project.fmt(f),
            Self::Namespace(namespace) => namespace.fmt(f),
        }
    }
}

impl FromStr for MemberParent {
    type Err = ParseResourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('/') {
            Some(("projects", _)) => text.parse().map(Self::Project),
            Some(("namespaces", _)) => text.parse().map(Self::Namespace),
            _ => Err(ParseResourceError::Shape("projects/{project} or namespaces/{path}")),
        }
    }
}

/// A member: `projects/7/members/alice`, `namespaces/group/sub/members/7`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRef {
    /// Where.
    pub parent: MemberParent,
    /// Who.
    pub user: UserRef,
}

impl fmt::Display for MemberRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.user.to_string();
        write!(f, "{}/members/{}", self.parent, user.trim_start_matches("users/"))
    }
}

impl FromStr for MemberRef {
    type Err = ParseResourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // A namespace may be called `members` too, so the last one counts.
        let Some((parent, user)) = text.rsplit_once("/members/") else {
            return Err(ParseResourceError::Shape("projects/{project}/members/{user} or namespaces/{path}/members/{user}"));
        };
        Ok(Self { parent: parent.parse()?, user: UserRef::from_segment(user)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_taken_for_the_user_of_a_token() {
        for token in [1, 7, 1 << 51] {
            assert_eq!((bot_token(bot_id(token)), bot_token(token)), (Some(token), None));
        }
        assert!(bot_id(1 << 51) < 1 << 53, "a double has it as it is");
    }

    #[test]
    fn users_and_members_are_named_by_id_or_name() {
        for name in ["users/7", "users/alice", "users/a.b-c_d"] {
            assert_eq!(name.parse::<UserRef>().unwrap().to_string(), name);
        }
        for name in ["users/", "users/a/b", "user/a", "users/-a", "users/99999999999999999999"] {
            assert!(name.parse::<UserRef>().is_err(), "{name}");
        }
        for name in ["projects/7/members/7", "namespaces/a/b/members/alice", "namespaces/a/members/b/members/7", "projects/a%2Fb/members/x"]
        {
            assert_eq!(name.parse::<MemberRef>().unwrap().to_string(), name);
        }
        for name in ["projects/7/members/", "users/a/members/b", "projects/7/members/a/b", "namespaces/members/7"] {
            assert!(name.parse::<MemberRef>().is_err(), "{name}");
        }
    }
}
