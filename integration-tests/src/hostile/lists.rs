//! The lists, all in one form.

macro_rules! ask {
    ($client:expr, $method:ident, $request:expr) => {
        $client.$method(authorized($request)).await.map(|answer| answer.into_inner().next_page_token)
    };
}

mod promoting;

use consign_proto::metadata::{
    CompareVersionsRequest, FindByDigestRequest, ListFilesRequest, ListNamespacesRequest, ListPackagesRequest, ListProjectsRequest,
    ListTagHistoryRequest, ListTagRulesRequest, ListTagsRequest, ListVersionsRequest, PrepareDownloadsRequest, SearchVersionsRequest,
};
use consign_types::Digest;
use tonic::Status;

use super::Hostile;
use crate::grpc::{Grpc, authorized};

/// What a list is asked; a list takes what it knows.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// The thing whose parts are listed.
    pub parent: String,
    /// Most entries.
    pub page_size: i32,
    /// Which page.
    pub page_token: String,
    /// Which entries.
    pub filter: String,
    /// In which order.
    pub order_by: String,
}

/// A list: its name, a parent, and filters and orders that it takes; none where it has no such argument.
#[derive(Clone, Copy, Debug)]
pub struct List {
    /// The name of its method.
    pub name: &'static str,
    /// A parent that is there and has several entries.
    pub parent: &'static str,
    /// Filters that it takes.
    pub filters: &'static [&'static str],
    /// Orders that it takes.
    pub orders: &'static [&'static str],
}

/// The content that several files of the tests have.
pub const SHARED: &[u8] = b"shared";

const NAMES: &[&str] =
    &["path = a", "id > -9223372036854775808", "create_time < \"9999-12-30T22:00:00Z\"", "display_name : x OR NOT path : \"%_\\\\\""];

const VERSIONS: &[&str] = &[
    "state = published AND labels.team : *",
    "create_time >= \"0001-01-01T00:00:00Z\" OR publish_time < \"9999-12-30T22:00:00.999999999Z\"",
    "labels.\"a b\" = \"%\" AND -(package = tool)",
    "version != 1.0 AND creator : \"x\"",
];

/// All of them.
pub const LISTS: &[List] = &[
    List { name: "ListNamespaces", parent: "", filters: NAMES, orders: &["path", "create_time desc"] },
    List { name: "ListProjects", parent: "", filters: NAMES, orders: &["path desc", "create_time", "update_time"] },
    List {
        name: "ListPackages",
        parent: "projects/1",
        filters: &[
            "package_id : TOOL",
            "size_bytes < 9223372036854775807",
            "version_count >= 1 AND labels : team",
            "update_time != \"2030-01-01T00:00:00Z\"",
        ],
        orders: &["package_id", "create_time", "update_time desc", "size_bytes desc"],
    },
    List {
        name: "ListVersions",
        parent: "projects/1/packages/tool",
        filters: VERSIONS,
        orders: &["version", "id desc", "create_time", "publish_time"],
    },
    List { name: "ListVersions", parent: "projects/1/packages/-", filters: VERSIONS, orders: &["version desc", "id", "create_time"] },
    List { name: "SearchVersions", parent: "projects/-", filters: VERSIONS, orders: &["publish_time", "create_time desc", "package"] },
    List { name: "FindByDigest", parent: "projects/-", filters: &[], orders: &[] },
    List { name: "CompareVersions", parent: "projects/1/packages/tool/versions/1.0.0", filters: &[], orders: &[] },
    List {
        name: "ListFiles",
        parent: "projects/1/packages/tool/versions/1.0.0",
        filters: &[
            "path : a AND revision = 1",
            "size_bytes > -1 OR id = 2",
            "sha256 = e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "media_type != \"\"",
        ],
        orders: &["path", "id desc", "create_time", "size_bytes desc"],
    },
    List {
        name: "ListFiles",
        parent: "projects/-/packages/-/versions/-",
        filters: &["id = 1 OR id = 9223372036854775807", "path : a AND revision = 1", "create_time > \"1970-01-01T00:00:00Z\""],
        orders: &["id", "id desc"],
    },
    List { name: "PrepareDownloads", parent: "projects/1/packages/tool/versions/1.0.0", filters: &[], orders: &[] },
    List {
        name: "ListTags",
        parent: "projects/1/packages/tool",
        filters: &["tag_id : st", "version = 1.0.0 AND actor : a", "update_time > \"1970-01-01T00:00:00Z\""],
        orders: &["tag_id", "update_time desc"],
    },
    List { name: "ListTagHistory", parent: "projects/1/packages/tool/tags/stable", filters: &[], orders: &[] },
    List { name: "ListTagRules", parent: "projects/1", filters: &[], orders: &[] },
    promoting::STAGES,
    promoting::PROMOTIONS,
    promoting::ALL_PROMOTIONS,
    promoting::STATE,
    promoting::COMPARISON,
    promoting::PLACEMENTS,
    promoting::ATTESTATIONS,
    promoting::TRUSTED_KEYS,
    promoting::EVENTS,
    promoting::ALL_EVENTS,
];

impl List {
    /// A question that it answers.
    pub fn query(&self) -> Query {
        Query { parent: self.parent.to_owned(), page_size: 1, ..Query::default() }
    }

    /// Asks, and returns the token of the next page.
    pub async fn ask(&self, grpc: &Grpc, query: Query) -> Result<String, Status> {
        let Query { parent, page_size, page_token, filter, order_by } = query;
        match self.name {
            "ListNamespaces" => ask!(
                grpc.projects(),
                list_namespaces,
                ListNamespacesRequest { page_size, page_token, filter, order_by, ..Default::default() }
            ),
            "ListProjects" => {
                let show_deleted = true;
                ask!(
                    grpc.projects(),
                    list_projects,
                    ListProjectsRequest { parent, page_size, page_token, filter, order_by, show_deleted, ..Default::default() }
                )
            }
            "ListTags" => ask!(grpc.tags(), list_tags, ListTagsRequest { parent, page_size, page_token, filter, order_by }),
            "ListTagHistory" => ask!(grpc.tags(), list_tag_history, ListTagHistoryRequest { name: parent, page_size, page_token }),
            "ListTagRules" => ask!(grpc.tags(), list_tag_rules, ListTagRulesRequest { parent, page_size, page_token }),
            "ListFiles" => {
                // Those of all versions are found as they stand.
                let show_deleted = !parent.starts_with("projects/-");
                ask!(
                    grpc.files(),
                    list_files,
                    ListFilesRequest { parent, page_size, page_token, filter, order_by, show_deleted, ..Default::default() }
                )
            }
            "PrepareDownloads" => {
                let request = PrepareDownloadsRequest { parent, page_size, page_token, ..PrepareDownloadsRequest::default() };
                ask!(grpc.files(), prepare_downloads, request)
            }
            _ => self.ask_packages(grpc, Query { parent, page_size, page_token, filter, order_by }).await,
        }
    }

    async fn ask_packages(&self, grpc: &Grpc, query: Query) -> Result<String, Status> {
        let Query { parent, page_size, page_token, filter, order_by } = query;
        let (show_hidden, show_deleted) = (true, true);
        let mut packages = grpc.packages();
        match self.name {
            "ListPackages" => {
                ask!(packages, list_packages, ListPackagesRequest { parent, page_size, page_token, filter, order_by, show_deleted })
            }
            "ListVersions" => {
                let request = ListVersionsRequest {
                    parent,
                    page_size,
                    page_token,
                    filter,
                    order_by,
                    show_hidden,
                    show_deleted,
                    ..Default::default()
                };
                ask!(packages, list_versions, request)
            }
            "SearchVersions" => {
                ask!(
                    packages,
                    search_versions,
                    SearchVersionsRequest { parent, page_size, page_token, filter, order_by, show_hidden, ..Default::default() }
                )
            }
            "FindByDigest" => {
                let sha256 = Digest::of(SHARED).as_bytes().to_vec().into();
                ask!(packages, find_by_digest, FindByDigestRequest { parent, sha256, page_size, page_token })
            }
            "CompareVersions" => {
                let target = "projects/1/packages/tool/versions/1.1.0".to_owned();
                ask!(packages, compare_versions, CompareVersionsRequest { base: parent, target, page_size, page_token })
            }
            name => promoting::ask(name, grpc, Query { parent, page_size, page_token, filter, order_by }).await,
        }
    }

    /// Asks with one hostile argument, and returns that argument too.
    pub async fn ask_hostile(&self, grpc: &Grpc, hostile: &mut Hostile) -> (String, Result<(), Status>) {
        let mut query = self.query();
        if !self.orders.is_empty() && hostile.below(2) == 0 {
            hostile.one_of(self.orders).clone_into(&mut query.order_by);
        }
        let (argument, valid): (&mut String, &[&str]) = match hostile.below(10) {
            0..=3 if !self.filters.is_empty() => (&mut query.filter, self.filters),
            4 if !self.orders.is_empty() => (&mut query.order_by, self.orders),
            5 => (&mut query.parent, std::slice::from_ref(&self.parent)),
            6 => {
                query.page_size = hostile.small_number();
                return (query.page_size.to_string(), self.ask(grpc, query).await.map(drop));
            }
            _ => {
                let given = self.ask(grpc, query.clone()).await.expect("the first page is given");
                query.page_token = hostile.token(&given);
                return (query.page_token.clone(), self.ask(grpc, query).await.map(drop));
            }
        };
        *argument = if valid == self.filters && hostile.below(2) == 0 { hostile.comparison(valid) } else { hostile.text(valid) };
        (argument.clone(), self.ask(grpc, query).await.map(drop))
    }
}
