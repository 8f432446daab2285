//! Releases and their links.

use consign_proto::metadata as wire;
use consign_proto::metadata::release_link::Kind;
use percent_encoding::utf8_percent_encode;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Time, UNRESERVED, in_address, username};
use crate::gitlab::call::Call;

/// A release. GitLab's has the commit and the sources too, which are not here.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Release {
    tag_name: String,
    name: String,
    description: String,
    created_at: Option<Time>,
    released_at: Option<Time>,
    #[serde(rename = "upcoming_release")]
    is_upcoming: bool,
    author: Author,
    milestones: [(); 0],
    evidences: [(); 0],
    assets: Assets,
    #[serde(rename = "_links")]
    links: Links,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ReleaseAuthor")]
struct Author {
    username: String,
    name: String,
}

/// What a release leads to.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ReleaseAssets")]
struct Assets {
    count: usize,
    sources: [(); 0],
    links: Vec<ReleaseLink>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ReleaseLinks")]
struct Links {
    #[serde(rename = "self")]
    itself: String,
}

/// A link of a release.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ReleaseLink {
    id: i64,
    name: String,
    url: String,
    direct_asset_url: String,
    /// `other`, `runbook`, `image` or `package`.
    link_type: &'static str,
}

impl Release {
    pub(crate) fn of(release: &wire::Release, call: &Call) -> Self {
        let links: Vec<ReleaseLink> = release.links.iter().map(|link| ReleaseLink::of(link, &release.tag, call)).collect();
        Self {
            tag_name: release.tag.clone(),
            name: release.display_name.clone(),
            description: release.description.clone(),
            created_at: release.create_time.map(Time::from),
            released_at: release.release_time.map(Time::from),
            is_upcoming: release.upcoming,
            author: Author { username: username(&release.creator), name: username(&release.creator) },
            milestones: [],
            evidences: [],
            assets: Assets { count: links.len(), sources: [], links },
            links: Links { itself: below(call, &release.tag) },
        }
    }
}

impl ReleaseLink {
    pub(crate) fn of(link: &wire::ReleaseLink, tag: &str, call: &Call) -> Self {
        Self {
            id: link.id,
            name: link.display_name.clone(),
            url: link.url.clone(),
            direct_asset_url: match link.path.as_str() {
                "" => link.url.clone(),
                path => format!("{}/downloads/{}", below(call, tag), in_address(path.trim_start_matches('/'))),
            },
            link_type: match link.kind() {
                Kind::Unspecified | Kind::Other => "other",
                Kind::Runbook => "runbook",
                Kind::Image => "image",
                Kind::Package => "package",
            },
        }
    }
}

/// The address of a release, told to whoever makes a call below `/projects/:id/releases`.
fn below(call: &Call, tag: &str) -> String {
    format!("{}{}/{}", call.origin(), call.prefix(4), utf8_percent_encode(tag, UNRESERVED))
}
