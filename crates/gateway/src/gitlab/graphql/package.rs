//! Packages: what Consign calls a version of a package.

use async_graphql::{ComplexObject, Context, Enum, ID, SimpleObject};
use consign_proto::metadata::{ListFilesRequest, SearchVersionsRequest, Version};

use super::super::entity::{Status, may_destroy};
use super::super::query::{Direction, order};
use super::super::search::{ORDERS, Search};
use super::connection::{Answer, Connection, Part};
use super::file::PackageFile;
use super::limits;
use super::project::Project;
use super::refusal::{Refusal, Result};
use super::scalar::{PackageId, Time};
use super::session::Session;

/// The types of packages. There is one here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "PackageTypeEnum")]
pub(super) enum Kind {
    Maven,
    Npm,
    Conan,
    Nuget,
    Pypi,
    Composer,
    Generic,
    Golang,
    Debian,
    Rubygems,
    Helm,
    TerraformModule,
    Rpm,
    MlModel,
}

macro_rules! orders {
    ($(#[$doc:meta])* $name:ident { $($order:ident => ($column:literal, $direction:literal),)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
        pub(super) enum $name {
            $($order,)+
        }

        impl $name {
            /// The order in the words of the metadata plane.
            pub(super) fn order_by(self) -> Result<String> {
                let (column, direction) = match self {
                    $(Self::$order => ($column, $direction),)+
                };
                let order = order(&ORDERS, Some(column), Some(direction), Direction::Descending);
                order.map_err(|_| Refusal::Argument(format!("there is no order by {column}")))
            }
        }
    };
}

orders! {
    /// The orders of the packages of a project.
    PackageSort {
        NameDesc => ("name", "desc"),
        NameAsc => ("name", "asc"),
        VersionDesc => ("version", "desc"),
        VersionAsc => ("version", "asc"),
        TypeDesc => ("type", "desc"),
        TypeAsc => ("type", "asc"),
        CreatedDesc => ("created_at", "desc"),
        CreatedAsc => ("created_at", "asc"),
    }
}

orders! {
    /// The orders of the packages of a group.
    PackageGroupSort {
        NameDesc => ("name", "desc"),
        NameAsc => ("name", "asc"),
        VersionDesc => ("version", "desc"),
        VersionAsc => ("version", "asc"),
        TypeDesc => ("type", "desc"),
        TypeAsc => ("type", "asc"),
        CreatedDesc => ("created_at", "desc"),
        CreatedAsc => ("created_at", "asc"),
        ProjectPathDesc => ("project_path", "desc"),
        ProjectPathAsc => ("project_path", "asc"),
    }
}

/// A package.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub(super) struct Package {
    id: PackageId,
    name: String,
    version: String,
    #[graphql(name = "packageType")]
    kind: Kind,
    status: Status,
    status_message: Option<String>,
    can_destroy: bool,
    created_at: Time,
    updated_at: Time,
    project: Project,
    #[graphql(skip)]
    row: Version,
}

/// A tag of a package. Generic packages have none.
#[derive(Clone, Debug, SimpleObject)]
pub(super) struct PackageTag {
    id: ID,
    name: String,
    created_at: Time,
    updated_at: Time,
}

/// A pipeline that made a package. None are known here.
#[derive(Clone, Debug, SimpleObject)]
pub(super) struct Pipeline {
    id: ID,
    iid: String,
    path: Option<String>,
    sha: Option<String>,
    #[graphql(name = "ref")]
    reference: Option<String>,
    status: String,
    created_at: Time,
    updated_at: Option<Time>,
}

impl Package {
    /// A version of a project.
    pub(super) fn of(row: Version, project: &Project) -> Self {
        Self {
            id: PackageId::from(&row),
            name: row.package.clone(),
            version: row.version.clone(),
            kind: Kind::Generic,
            status: Status::of(&row),
            status_message: None,
            can_destroy: may_destroy(&project.row),
            created_at: Time::of(row.create_time),
            updated_at: Time::of(row.update_time.or(row.create_time)),
            project: project.clone(),
            row,
        }
    }
}

#[ComplexObject]
impl Package {
    async fn tags(&self) -> Connection<PackageTag> {
        Connection::empty()
    }

    async fn pipelines(&self) -> Connection<Pipeline> {
        Connection::empty()
    }

    /// Its files, those too that newer ones replaced.
    #[graphql(complexity = "limits::list(first, child_complexity)")]
    async fn package_files(&self, context: &Context<'_>, first: Option<i32>, after: Option<String>) -> Result<Connection<PackageFile>> {
        let (session, part) = (Session::of(context), Part::of(first, after)?);
        let asked = ListFilesRequest {
            parent: self.row.name.clone(),
            order_by: "id".to_owned(),
            page_size: part.page_size(),
            skip: part.skip(),
            page_token: part.token(),
            count: context.look_ahead().field("count").exists(),
            ..ListFilesRequest::default()
        };
        let found = session.ask(session.client().list_files(asked)).await?;
        let entries = found.files.iter().map(|file| PackageFile::of(file, &self.row)).collect();
        Ok(part.filled(Answer { entries, next_page_token: found.next_page_token, total: found.total_size }))
    }
}

/// A part of the versions that are searched for; `None` where there can't be any.
pub(super) async fn search(context: &Context<'_>, search: Search, part: &Part) -> Result<Option<Answer<Version>>> {
    let session = Session::of(context);
    let Some(asked) = search.request() else { return Ok(None) };
    let asked = SearchVersionsRequest {
        page_size: part.page_size(),
        skip: part.skip(),
        page_token: part.token(),
        count: context.look_ahead().field("count").exists(),
        ..asked
    };
    let found = session.ask(session.client().search_versions(asked)).await?;
    Ok(Some(Answer { entries: found.versions, next_page_token: found.next_page_token, total: found.total_size }))
}
