//! Where queries begin.

use async_graphql::{Context, ID, Object};
use consign_proto::metadata::SearchVersionsRequest;
use consign_types::resource::ProjectRef;

use super::super::entity;
use super::super::search::by_numbers;
use super::super::user::user_behind;
use super::details::PackageDetailsType;
use super::limits;
use super::namespace::{self, Group, Namespace};
use super::project::{self, Project};
use super::refusal::{Result, known};
use super::removal::EVERYWHERE;
use super::scalar::PackageId;
use super::session::Session;
use super::viewer::{CurrentUser, Metadata};

/// What can be asked. What a caller may not know of is `null`.
pub(super) struct Query;

#[Object]
impl Query {
    #[graphql(complexity = "limits::QUESTION + child_complexity")]
    async fn namespace(&self, context: &Context<'_>, full_path: ID) -> Result<Option<Namespace>> {
        Ok(namespace::find_at(Session::of(context), &full_path).await?.map(Namespace::from))
    }

    #[graphql(complexity = "limits::QUESTION + child_complexity")]
    async fn group(&self, context: &Context<'_>, full_path: ID) -> Result<Option<Group>> {
        Ok(namespace::find_at(Session::of(context), &full_path).await?.map(Group::from))
    }

    #[graphql(complexity = "limits::QUESTION + child_complexity")]
    async fn project(&self, context: &Context<'_>, full_path: ID) -> Result<Option<Project>> {
        project::find_at(Session::of(context), &full_path).await
    }

    /// The package of this number, hidden or not.
    #[graphql(complexity = "2 * limits::QUESTION + child_complexity")]
    async fn package(&self, context: &Context<'_>, id: PackageId) -> Result<Option<PackageDetailsType>> {
        let session = Session::of(context);
        let asked = SearchVersionsRequest { judge_deletion: true, ..by_numbers(EVERYWHERE, &[id.0]) };
        let found = known(session.ask(session.client().search_versions(asked)).await)?;
        let Some(version) = found.and_then(|mut found| found.versions.pop()) else { return Ok(None) };
        let project = project::find(session, &ProjectRef::Id(entity::project_id(&version.name))).await?;
        Ok(project.map(|project| PackageDetailsType::of(version, &project)))
    }

    /// Whoever is signed in. The token of a project or group stands for a user of its own.
    #[graphql(complexity = "limits::QUESTION + child_complexity")]
    async fn current_user(&self, context: &Context<'_>) -> Result<Option<CurrentUser>> {
        let session = Session::of(context);
        let Some(token) = session.token() else { return Ok(None) };
        let user = session.ask(user_behind(session.client(), token)).await?;
        Ok(Some(user.into()))
    }

    /// What is spoken to, for whoever is signed in.
    async fn metadata(&self, context: &Context<'_>) -> Option<Metadata> {
        Session::of(context).token().map(|_| Metadata::here())
    }
}
