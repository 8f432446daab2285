//! Which packages a list has, and in which order: what REST and GraphQL ask of the metadata plane alike.

use std::collections::BTreeSet;

use consign_proto::metadata::{ListProjectsRequest, ListVersionsRequest, SearchVersionsRequest, Version};

use super::entity::{self, Status};
use super::query::quoted;
use super::words::longest;

/// The types of packages that GitLab knows. There is one here.
pub(crate) const TYPES: [&str; 14] = [
    "maven",
    "npm",
    "conan",
    "nuget",
    "pypi",
    "composer",
    "generic",
    "golang",
    "debian",
    "rubygems",
    "helm",
    "terraform_module",
    "rpm",
    "ml_model",
];

/// The type of all packages here.
pub(crate) const TYPE: &str = "generic";

/// The orders of lists: what they are called, and what they are in the metadata plane.
pub(crate) const ORDERS: [(&str, &str); 5] =
    [("created_at", "create_time"), ("name", "package"), ("version", "version"), ("type", "create_time"), ("project_path", "project_path")];

/// The same for the packages of one project, which have no order among projects.
pub(crate) const ORDERS_OF_PROJECT: [(&str, &str); 4] = [ORDERS[0], ORDERS[1], ORDERS[2], ORDERS[3]];

/// Which packages.
#[derive(Debug, Default)]
pub(crate) struct Search {
    /// The project or the group that has them, as the metadata plane names it.
    pub(crate) parent: String,
    /// The number of the group in whose own projects they are, leaving out those of the groups below it.
    pub(crate) directly_in: Option<i64>,
    /// A part of their name.
    pub(crate) name: Option<String>,
    /// Their version.
    pub(crate) version: Option<String>,
    /// Where they stand; without it, the hidden ones are left out.
    pub(crate) status: Option<Status>,
    /// Whether they are to be of a type that there is none of here.
    pub(crate) is_of_other_type: bool,
    /// Their order, in the words of the metadata plane.
    pub(crate) order_by: String,
}

impl Search {
    /// What clients call that which makes the question long: the name or the version, which they call so.
    pub(crate) fn longest(&self, [name, version]: [&'static str; 2]) -> &'static str {
        longest(&[(name, self.name.as_deref()), (version, self.version.as_deref())])
    }

    /// The first page of them; `None` where nothing here can be so.
    pub(crate) fn request(self) -> Option<SearchVersionsRequest> {
        let show_hidden = self.status == Some(Status::Hidden);
        let mut filters = status_filters(self.status).filter(|_| !self.is_of_other_type)?;
        filters.extend(self.name.map(|name| format!("package : {}", quoted(&name))));
        filters.extend(self.version.map(|version| format!("version = {}", quoted(&version))));
        filters.extend(self.directly_in.map(|id| format!("namespace_id = {id}")));
        let (parent, order_by, filter) = (self.parent, self.order_by, filters.join(" AND "));
        Some(SearchVersionsRequest { parent, filter, order_by, show_hidden, ..SearchVersionsRequest::default() })
    }
}

/// The packages of these numbers, hidden or not, of which there are [`MAX_NAMED`] at most: in a project, or in all that the caller may read.
pub(crate) fn by_numbers(parent: &str, ids: &[i64]) -> SearchVersionsRequest {
    SearchVersionsRequest {
        parent: parent.to_owned(),
        filter: any_of(ids),
        order_by: "create_time".to_owned(),
        show_hidden: true,
        page_size: PAGE,
        ..SearchVersionsRequest::default()
    }
}

/// The other versions of the name of this one, as both APIs tell them: those that a list without a status shows.
pub(crate) fn others(version: &Version) -> ListVersionsRequest {
    ListVersionsRequest {
        parent: format!("projects/{}/packages/{}", entity::project_id(&version.name), version.package),
        filter: format!("NOT id = {} AND NOT state = draft", version.id),
        order_by: "version".to_owned(),
        ..ListVersionsRequest::default()
    }
}

/// The projects that versions are in: as many questions as it takes.
pub(crate) fn projects_of(versions: &[Version]) -> Vec<ListProjectsRequest> {
    let ids: BTreeSet<i64> = versions.iter().map(|version| entity::project_id(&version.name)).collect();
    let ids: Vec<i64> = ids.into_iter().collect();
    let request = |ids| ListProjectsRequest { filter: any_of(ids), page_size: PAGE, ..ListProjectsRequest::default() };
    ids.chunks(MAX_NAMED).map(request).collect()
}

/// How many numbers one question names: a filter takes as many comparisons.
pub(crate) const MAX_NAMED: usize = 50;

/// A page that has all that can be named.
const PAGE: i32 = 50;

/// The filter that a number is one of these, of which there are [`MAX_NAMED`] at most.
pub(crate) fn any_of(ids: &[i64]) -> String {
    ids.iter().map(|id| format!("id = {id}")).collect::<Vec<_>>().join(" OR ")
}

/// What a status says in a filter; `None` for those that nothing here has.
fn status_filters(status: Option<Status>) -> Option<Vec<String>> {
    let filter = match status {
        None => return Some(Vec::new()),
        Some(Status::Default) => "(state = open OR state = published)",
        Some(Status::Hidden) => "hidden = true",
        Some(Status::Error) => "state = quarantined",
        Some(Status::Deprecated) => "state = yanked",
        Some(Status::Processing | Status::PendingDestruction) => return None,
    };
    Some(vec![filter.to_owned()])
}
