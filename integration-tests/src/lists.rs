//! Lists over gRPC, all asked alike.

use consign_proto::metadata::{
    ListFilesRequest, ListNamespacesRequest, ListPackagesRequest, ListProjectsRequest, ListVersionsRequest, SearchVersionsRequest,
};
use tonic::Status;

use crate::grpc::{Grpc, authorized};

/// The lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// Packages, by their ids.
    Packages,
    /// Versions, as `package/version`.
    Versions,
    /// A search for versions, as `package/version`.
    Search,
    /// Files, as `path@revision`.
    Files,
    /// Projects, by their paths.
    Projects,
    /// Namespaces, by their paths.
    Namespaces,
}

/// What a list is asked for. Where a list does not know a field, it is left out.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Where the things are.
    pub parent: String,
    /// How many at most.
    pub page_size: i32,
    /// Which page.
    pub page_token: String,
    /// Which of them.
    pub filter: String,
    /// In which order.
    pub order_by: String,
    /// Also hidden ones.
    pub show_hidden: bool,
    /// Also deleted ones.
    pub show_deleted: bool,
}

/// One page, as words for its items, and the token of the next one.
pub async fn page(grpc: &Grpc, list: List, query: Query) -> Result<(Vec<String>, String), Status> {
    let Query { parent, page_size, page_token, filter, order_by, show_hidden, show_deleted } = query;
    Ok(match list {
        List::Packages => {
            let request = ListPackagesRequest { parent, page_size, page_token, filter, order_by, show_deleted };
            let answer = grpc.packages().list_packages(authorized(request)).await?.into_inner();
            (answer.packages.into_iter().map(|package| package.package_id).collect(), answer.next_page_token)
        }
        List::Versions => {
            let request =
                ListVersionsRequest { parent, page_size, page_token, filter, order_by, show_hidden, show_deleted, ..Default::default() };
            let answer = grpc.packages().list_versions(authorized(request)).await?.into_inner();
            let word = |version: consign_proto::metadata::Version| format!("{}/{}", version.package, version.version);
            (answer.versions.into_iter().map(word).collect(), answer.next_page_token)
        }
        List::Search => {
            let request = SearchVersionsRequest { parent, page_size, page_token, filter, order_by, show_hidden, ..Default::default() };
            let answer = grpc.packages().search_versions(authorized(request)).await?.into_inner();
            let word = |version: consign_proto::metadata::Version| format!("{}/{}", version.package, version.version);
            (answer.versions.into_iter().map(word).collect(), answer.next_page_token)
        }
        List::Files => {
            let request = ListFilesRequest { parent, page_size, page_token, filter, order_by, show_deleted, ..Default::default() };
            let answer = grpc.files().list_files(authorized(request)).await?.into_inner();
            let word = |file: consign_proto::metadata::File| format!("{}@{}", file.path, file.revision);
            (answer.files.into_iter().map(word).collect(), answer.next_page_token)
        }
        List::Projects => {
            let request = ListProjectsRequest { parent, page_size, page_token, filter, order_by, show_deleted, ..Default::default() };
            let answer = grpc.projects().list_projects(authorized(request)).await?.into_inner();
            (answer.projects.into_iter().map(|project| project.path).collect(), answer.next_page_token)
        }
        List::Namespaces => {
            let request = ListNamespacesRequest { page_size, page_token, filter, order_by, ..Default::default() };
            let answer = grpc.projects().list_namespaces(authorized(request)).await?.into_inner();
            (answer.namespaces.into_iter().map(|namespace| namespace.path).collect(), answer.next_page_token)
        }
    })
}

/// All items, gathered from pages of this size.
pub async fn walk(grpc: &Grpc, list: List, query: Query) -> Vec<String> {
    let (mut all, mut query) = (Vec::new(), query);
    loop {
        let (items, next) = page(grpc, list, query.clone()).await.expect("the list answers");
        all.extend(items);
        if next.is_empty() {
            return all;
        }
        query.page_token = next;
    }
}

/// Asserts that a list comes in this order and, reversed, in the falling one, whatever the size of its pages.
pub async fn assert_order(grpc: &Grpc, list: List, query: &Query, word: &str, expected: &[&str]) {
    let mut expected = expected.to_vec();
    for direction in ["", " desc"] {
        for page_size in [0, 1, 2] {
            let query = Query { order_by: format!("{word}{direction}"), page_size, ..query.clone() };
            assert_eq!(walk(grpc, list, query).await, expected, "{list:?} by `{word}{direction}` in pages of {page_size}");
        }
        expected.reverse();
    }
}

/// Asserts what each filter lets through.
pub async fn assert_filters(grpc: &Grpc, list: List, query: &Query, cases: &[(String, &[&str])]) {
    for (filter, expected) in cases {
        let query = Query { filter: filter.clone(), ..query.clone() };
        assert_eq!(walk(grpc, list, query).await, *expected, "{list:?} with `{filter}`");
    }
}
