//! Namespaces, which are groups here.

use std::collections::BTreeMap;

use async_graphql::{ComplexObject, Context, ID, SimpleObject};
use consign_proto::metadata as wire;
use consign_types::NamespacePath;
use consign_types::resource::NamespaceRef;

use super::super::entity::{self, Status};
use super::super::search::{Search, projects_of};
use super::connection::{Connection, Ends, Part};
use super::limits;
use super::package::{self, Kind, Package, PackageGroupSort};
use super::project::Project;
use super::refusal::{Result, known};
use super::scalar::global;
use super::session::Session;
use super::settings::{self, PackageSettings};

/// A namespace.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub(super) struct Namespace {
    id: ID,
    name: String,
    path: String,
    full_path: String,
    #[graphql(skip)]
    row: wire::Namespace,
}

/// A group: a namespace with what is in it.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub(super) struct Group {
    id: ID,
    name: String,
    path: String,
    full_path: String,
    #[graphql(skip)]
    row: wire::Namespace,
}

fn last(path: &str) -> String {
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

impl From<wire::Namespace> for Namespace {
    fn from(row: wire::Namespace) -> Self {
        let id = global("Namespace", row.id).into();
        Self { id, name: row.display_name.clone(), path: last(&row.path), full_path: row.path.clone(), row }
    }
}

impl From<wire::Namespace> for Group {
    fn from(row: wire::Namespace) -> Self {
        let id = global("Group", row.id).into();
        Self { id, name: row.display_name.clone(), path: last(&row.path), full_path: row.path.clone(), row }
    }
}

#[ComplexObject]
impl Namespace {
    /// How packages are kept, for those who may read it.
    #[graphql(complexity = "limits::QUESTION + child_complexity")]
    async fn package_settings(&self, context: &Context<'_>) -> Result<Option<PackageSettings>> {
        settings::find(Session::of(context), NamespaceRef::Id(self.row.id)).await
    }
}

#[ComplexObject]
impl Group {
    /// How packages are kept, for those who may read it.
    #[graphql(complexity = "limits::QUESTION + child_complexity")]
    async fn package_settings(&self, context: &Context<'_>) -> Result<Option<PackageSettings>> {
        settings::find(Session::of(context), NamespaceRef::Id(self.row.id)).await
    }

    /// The packages of the projects below it that the caller may read; without a status those that are not hidden.
    #[expect(clippy::too_many_arguments, reason = "they are GitLab's")]
    #[graphql(complexity = "limits::list(first.or(last), child_complexity) + 2 * limits::QUESTION")]
    async fn packages(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        sort: Option<PackageGroupSort>,
        package_name: Option<String>,
        package_version: Option<String>,
        package_type: Option<Kind>,
        status: Option<Status>,
        #[graphql(desc = "All packages here have a version.")] include_versionless: Option<bool>,
    ) -> Result<Connection<Package>> {
        let _ = include_versionless;
        let (session, part) = (Session::of(context), Part::of(Ends { first, after, last, before })?);
        let search = Search {
            parent: NamespaceRef::Id(self.row.id).to_string(),
            directly_in: None,
            name: package_name,
            version: package_version,
            status,
            is_of_other_type: package_type.is_some_and(|kind| kind != Kind::Generic),
            order_by: sort.unwrap_or(PackageGroupSort::CreatedDesc).order_by()?,
        };
        let Some(found) = known(package::search(context, search, &part).await)?.flatten() else { return Ok(Connection::empty()) };
        let versions: Vec<wire::Version> = found.entries.iter().map(|(version, _)| version.clone()).collect();
        let mut projects = BTreeMap::new();
        for asked in projects_of(&versions) {
            let found = session.ask(session.client().list_projects(asked)).await?;
            projects.extend(found.projects.into_iter().map(|project| (project.id, project)));
        }
        let package = |version: wire::Version| {
            let project = projects.get(&entity::project_id(&version.name))?;
            Some(Package::of(version, &Project::from(project.clone())))
        };
        Ok(part.filled(found.map(package)))
    }
}

/// The namespace at this path, if the caller may know of it.
pub(super) async fn find_at(session: &Session, path: &str) -> Result<Option<wire::Namespace>> {
    match at(path) {
        Some(name) => known(session.ask(session.client().find_namespace(&name)).await),
        None => Ok(None),
    }
}

/// The namespace at a path, as the planes name it. They take digits alone for a number.
pub(super) fn at(path: &str) -> Option<NamespaceRef> {
    let path: NamespacePath = path.parse().ok()?;
    (!path.as_str().bytes().all(|byte| byte.is_ascii_digit())).then_some(NamespaceRef::Path(path))
}
