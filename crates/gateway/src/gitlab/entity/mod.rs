//! What GitLab's clients read: the things there are, as JSON.

mod group;
mod member;
mod package;
mod project;
mod release;
mod rule;
mod token;
mod user;

use consign_proto::to_time;
use consign_types::access::Role;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use schemars::JsonSchema;
use serde::Serialize;

pub(crate) use group::Group;
pub(crate) use member::Member;
pub(crate) use package::{ListedFile, Package, PackageFile, Pipeline, Status, download_path, project_id};
pub(crate) use project::Project;
pub(crate) use release::{Release, ReleaseLink};
pub(crate) use rule::ProtectionRule;
pub(crate) use token::{DeployToken, Token};
pub(crate) use user::{User, username};

/// What Ruby's `URI.encode_uri_component` leaves as it is.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What a path in an address keeps as it is.
const IN_PATHS: &AsciiSet = &UNRESERVED.remove(b'/').remove(b'@');

/// The path of a file or a link as addresses and headers have it: its folders may have whatever letters there are.
pub(crate) fn in_address(path: &str) -> PercentEncode<'_> {
    utf8_percent_encode(path, IN_PATHS)
}

/// RFC 3339 with milliseconds, as GitLab writes it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline, extend("format" = "date-time"))]
pub(crate) struct Time(String);

impl From<prost_types::Timestamp> for Time {
    fn from(time: prost_types::Timestamp) -> Self {
        Self(self::time(time))
    }
}

/// An instant as GitLab writes it.
pub(crate) fn time(time: prost_types::Timestamp) -> String {
    let instant = jiff::Timestamp::from_microsecond(to_time(time).as_micros()).unwrap_or_default();
    format!("{instant:.3}")
}

/// A day, as `2026-01-31`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline, extend("format" = "date"))]
pub(crate) struct Day(String);

impl From<prost_types::Timestamp> for Day {
    fn from(time: prost_types::Timestamp) -> Self {
        let Time(mut text) = time.into();
        text.truncate("2026-01-31".len());
        Self(text)
    }
}

/// A role as GitLab numbers it.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[schemars(inline, extend("enum" = [10, 15, 20, 30, 40, 50]))]
pub(crate) struct AccessLevel(i32);

impl From<Role> for AccessLevel {
    fn from(role: Role) -> Self {
        Self(match role {
            Role::Guest => 10,
            Role::Planner => 15,
            Role::Reporter => 20,
            Role::Developer => 30,
            Role::Maintainer => 40,
            Role::Owner | Role::Admin => 50,
        })
    }
}

/// An answer that says what was done, and nothing else.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Message {
    message: &'static str,
}

impl Message {
    pub(crate) const CREATED: Self = Self { message: "201 Created" };
    pub(crate) const ACCEPTED: Self = Self { message: "202 Accepted" };
}
