//! Packages: what Consign calls a version of a package.

use async_graphql::{ComplexObject, Context, Enum, ID, SimpleObject};
use consign_proto::metadata::{SearchVersionsRequest, Version};
use futures::TryFutureExt as _;

use super::super::entity::Status;
use super::super::query::{Direction, order};
use super::super::search::{ORDERS, Search};
use super::super::words::filtered_by;
use super::connection::{Answer, Connection, Part};
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

/// What all packages tell.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub(super) struct PackageBase {
    id: PackageId,
    #[graphql(name = "_links")]
    links: PackageLinks,
    name: String,
    version: Option<String>,
    #[graphql(name = "packageType")]
    kind: Kind,
    status: Status,
    status_message: Option<String>,
    created_at: Time,
    updated_at: Time,
    pub(super) project: Project,
    user_permissions: PackagePermissions,
    #[graphql(skip)]
    pub(super) row: Version,
}

/// Where more is told of a package.
#[derive(Clone, Debug, SimpleObject)]
pub(super) struct PackageLinks {
    web_path: Option<String>,
}

/// What the caller may do with a package as it stands.
#[derive(Clone, Debug, SimpleObject)]
pub(super) struct PackagePermissions {
    destroy_package: bool,
}

/// A package, as lists have it.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub(super) struct Package {
    #[graphql(flatten)]
    pub(super) base: PackageBase,
    can_destroy: bool,
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

impl PackageBase {
    /// A version of a project.
    pub(super) fn of(row: Version, project: &Project) -> Self {
        let status = Status::of(&row);
        let web_path = status.is_shown().then(|| format!("/{}/-/packages/{}", project.row.path, row.id));
        Self {
            id: PackageId::from(&row),
            links: PackageLinks { web_path },
            name: row.package.clone(),
            version: Some(row.version.clone()),
            kind: Kind::Generic,
            status,
            status_message: None,
            created_at: Time::of(row.create_time),
            updated_at: Time::of(row.update_time.or(row.create_time)),
            project: project.clone(),
            user_permissions: PackagePermissions { destroy_package: row.deletable },
            row,
        }
    }
}

impl Package {
    /// A version of a project.
    pub(super) fn of(row: Version, project: &Project) -> Self {
        let base = PackageBase::of(row, project);
        Self { can_destroy: base.user_permissions.destroy_package, base }
    }
}

#[cfg(test)]
impl PackageTag {
    pub(super) fn named(name: &str) -> Self {
        Self { id: name.into(), name: name.to_owned(), created_at: Time::of(None), updated_at: Time::of(None) }
    }
}

#[ComplexObject]
impl PackageBase {
    async fn tags(&self) -> Connection<PackageTag> {
        Connection::empty()
    }
}

#[ComplexObject]
impl Package {
    async fn pipelines(&self) -> Connection<Pipeline> {
        Connection::empty()
    }
}

/// A part of the versions that are searched for; `None` where there can't be any.
pub(super) async fn search(context: &Context<'_>, search: Search, part: &Part) -> Result<Option<Answer<Version>>> {
    let session = Session::of(context);
    let argument = search.longest(["packageName", "packageVersion"]);
    let Some(asked) = search.request() else { return Ok(None) };
    let asked = SearchVersionsRequest {
        page_size: part.page_size(),
        page_token: part.after(),
        before_token: part.before(),
        backwards: part.is_backwards(),
        with_entry_tokens: true,
        judge_deletion: true,
        count: context.look_ahead().field("count").exists(),
        ..asked
    };
    let found = session.ask(session.client().search_versions(asked).map_err(|error| filtered_by(argument, error))).await?;
    let entries = found.versions.into_iter().zip(found.entry_tokens).collect();
    Ok(Some(Answer { entries, more: !found.next_page_token.is_empty(), total: found.total_size }))
}
