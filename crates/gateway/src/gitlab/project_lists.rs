//! Lists of projects: of all that the caller may know of, and of a group.

use consign_client::Client;
use consign_proto::metadata::{ListProjectsRequest, Role as WireRole};
use consign_types::access::Role;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::call::Call;
use super::entity::Project;
use super::form;
use super::pages::{Keyset, Listing, Page, Pages, Paging};
use super::projects::{VISIBILITIES, visibility};
use super::query::{Direction, Query, is_set, names, number, order, quoted};
use super::refusal::{Refusal, Result};
use super::words::filtered_by;

/// The orders: what they are called, and what they are in the metadata plane.
const ORDERS: [(&str, &str); 6] = [
    ("created_at", "create_time"),
    ("id", "id"),
    ("name", "path"),
    ("path", "path"),
    ("updated_at", "update_time"),
    ("last_activity_at", "update_time"),
];

/// Which projects, in which order, and how much of each.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Wanted {
    /// A part of the path or name.
    search: Option<String>,
    #[schemars(extend("enum" = VISIBILITIES))]
    visibility: Option<String>,
    /// Only those in which the caller was given a role, there or above.
    #[schemars(with = "bool")]
    membership: Option<String>,
    /// Only those that the caller was made an owner of, there or above.
    #[schemars(with = "bool")]
    owned: Option<String>,
    /// Only those in which the caller was given this role or a higher one.
    #[schemars(with = "i64", extend("enum" = [10, 15, 20, 30, 40, 50]))]
    min_access_level: Option<String>,
    /// Only those with higher numbers.
    #[schemars(with = "i64")]
    id_after: Option<String>,
    /// Only those with lower numbers.
    #[schemars(with = "i64")]
    id_before: Option<String>,
    /// Whether only the names, places and times of each are told. Whoever comes without a token is told no more.
    #[schemars(with = "bool")]
    simple: Option<String>,
    /// `created_at` where nothing is said.
    #[schemars(extend("enum" = names(&ORDERS)))]
    order_by: Option<String>,
    /// `desc` where nothing is said.
    #[schemars(extend("enum" = ["asc", "desc"]))]
    sort: Option<String>,
}

impl Wanted {
    /// What the metadata plane is asked for.
    fn request(&self) -> Result<ListProjectsRequest> {
        visibility(self.visibility.as_deref())?;
        let visible = self.visibility.as_ref().map(|visibility| format!("visibility = {visibility}"));
        let part = self.search.as_deref().filter(|part| !part.is_empty()).map(quoted);
        let named = part.map(|part| format!("(path : {part} OR display_name : {part})"));
        let after = number("id_after", self.id_after.as_deref())?.map(|id| format!("id > {id}"));
        let before = number("id_before", self.id_before.as_deref())?.map(|id| format!("id < {id}"));
        let filters: Vec<String> = [visible, named, after, before].into_iter().flatten().collect();
        Ok(ListProjectsRequest {
            filter: filters.join(" AND "),
            order_by: order(&ORDERS, self.order_by.as_deref(), self.sort.as_deref(), Direction::Descending)?,
            minimum_role: self.role()?.map_or(WireRole::Unspecified, WireRole::from).into(),
            ..ListProjectsRequest::default()
        })
    }

    /// The least role that the caller was given in them.
    fn role(&self) -> Result<Option<Role>> {
        let level = self.min_access_level.as_ref().filter(|level| !level.is_empty());
        let given = level.map(|level| form::role("min_access_level", &Value::from(level.as_str()))).transpose()?;
        let member = is_set(self.membership.as_deref()).then_some(Role::Guest);
        let owned = is_set(self.owned.as_deref()).then_some(Role::Owner);
        Ok([given, member, owned].into_iter().flatten().max())
    }
}

/// The projects that are wanted, of those that `within` is about. A list that goes on from page to page is, in GitLab, ordered by `id` alone.
pub(super) async fn list(
    call: &Call,
    client: &Client,
    within: ListProjectsRequest,
    wanted: Wanted,
    paging: &Query<Paging>,
) -> Result<Listing<Project>> {
    let pages = Pages::of(paging)?;
    let asked = ListProjectsRequest { parent: within.parent, direct: within.direct, ..wanted.request()? };
    let is_simple = is_set(wanted.simple.as_deref()) || call.is_anonymous();
    let shown = |project| if is_simple { Project::simple(project, &call.origin()) } else { Project::of(project, &call.origin()) };
    let refused = |error| filtered_by("search", error);
    if let Some(Keyset { cursor }) = Keyset::of(&call.uri)? {
        if call.is_strict() && wanted.order_by.as_deref() != Some("id") {
            return Err(Refusal::no_keyset());
        }
        let asked = ListProjectsRequest { page_size: pages.size(), page_token: cursor, ..asked };
        let found = client.list_projects(asked).await.map_err(refused)?;
        return Ok(pages.answer_keyset(call, found.projects.iter().map(shown).collect(), &found.next_page_token));
    }
    let asked = ListProjectsRequest { page_size: pages.size(), skip: pages.skip(), count: true, ..asked };
    let found = client.list_projects(asked).await.map_err(refused)?;
    let items = found.projects.iter().map(shown).collect();
    Ok(pages.answer(call, Page { items, more: !found.next_page_token.is_empty(), total: Some(found.total_size) }))
}
