//! Projects.

use async_graphql::{ComplexObject, Context, ID, SimpleObject};
use consign_proto::metadata as wire;
use consign_types::resource::ProjectRef;

use super::super::entity::Status;
use super::super::projects::live;
use super::super::search::Search;
use super::cleanup::{self, PackagesCleanupPolicy};
use super::connection::{Connection, Ends, Part};
use super::limits;
use super::package::{self, Kind, Package, PackageSort};
use super::refusal::{Refusal, Result, known};
use super::scalar::global;
use super::session::Session;

/// A project.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub(super) struct Project {
    id: ID,
    name: String,
    path: String,
    full_path: String,
    #[graphql(skip)]
    pub(super) row: wire::Project,
}

impl From<wire::Project> for Project {
    fn from(row: wire::Project) -> Self {
        Self {
            id: global("Project", row.id).into(),
            name: row.display_name.clone(),
            path: row.path.rsplit('/').next().unwrap_or_default().to_owned(),
            full_path: row.path.clone(),
            row,
        }
    }
}

impl Project {
    /// What the planes call it.
    pub(super) fn reference(&self) -> ProjectRef {
        ProjectRef::Id(self.row.id)
    }
}

#[ComplexObject]
impl Project {
    /// Its packages; without a status those that are not hidden.
    #[expect(clippy::too_many_arguments, reason = "they are GitLab's")]
    #[graphql(complexity = "limits::list(first.or(last), child_complexity)")]
    async fn packages(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        sort: Option<PackageSort>,
        package_name: Option<String>,
        package_version: Option<String>,
        package_type: Option<Kind>,
        status: Option<Status>,
        #[graphql(desc = "All packages here have a version.")] include_versionless: Option<bool>,
    ) -> Result<Connection<Package>> {
        let _ = include_versionless;
        let part = Part::of(Ends { first, after, last, before })?;
        let search = Search {
            parent: self.row.name.clone(),
            directly_in: None,
            name: package_name,
            version: package_version,
            status,
            is_of_other_type: package_type.is_some_and(|kind| kind != Kind::Generic),
            order_by: sort.unwrap_or(PackageSort::CreatedDesc).order_by()?,
        };
        let Some(found) = known(package::search(context, search, &part).await)?.flatten() else { return Ok(Connection::empty()) };
        Ok(part.filled(found.map(|version| Some(Package::of(version, self)))))
    }

    /// How many files of one name its packages keep, for those who may change that.
    #[graphql(complexity = "2 * limits::QUESTION + child_complexity")]
    async fn packages_cleanup_policy(&self, context: &Context<'_>) -> Result<Option<PackagesCleanupPolicy>> {
        cleanup::find(Session::of(context), self).await
    }
}

/// The project of this name, if the caller may know of it.
pub(super) async fn find(session: &Session, name: &ProjectRef) -> Result<Option<Project>> {
    let found = known(session.ask(session.client().find_project(name)).await)?;
    Ok(found.and_then(|project| live(project).ok()).map(Project::from))
}

/// The project at this path, if the caller may know of it.
pub(super) async fn find_at(session: &Session, path: &str) -> Result<Option<Project>> {
    match path.parse() {
        Ok(path) => find(session, &ProjectRef::Path(path)).await,
        Err(_) => Ok(None),
    }
}

/// The same for a mutation, which needs one.
pub(super) async fn required_at(session: &Session, path: &str) -> Result<Project> {
    find_at(session, path).await?.ok_or(Refusal::Hidden)
}
