//! A package by itself.

use async_graphql::{ComplexObject, Context, SimpleObject};
use consign_proto::metadata::{ListFilesRequest, ListVersionsRequest, SearchVersionsRequest, Version, Visibility};

use super::super::query::quoted;
use super::super::search::others;
use super::connection::{Answer, Connection, Ends, Part};
use super::file::PackageFile;
use super::limits;
use super::package::{Package, PackageBase};
use super::project::Project;
use super::refusal::Result;
use super::scalar::Time;
use super::session::Session;

/// A package by itself, with its files and with the other versions of its name. Addresses of registries of other formats are not there.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub(super) struct PackageDetailsType {
    #[graphql(flatten)]
    package: Package,
    last_downloaded_at: Option<Time>,
    public_package: Option<bool>,
    composer_config_repository_url: Option<String>,
    composer_url: Option<String>,
    conan_url: Option<String>,
    maven_url: Option<String>,
    npm_url: Option<String>,
    nuget_url: Option<String>,
    pypi_setup_url: Option<String>,
    pypi_url: Option<String>,
}

impl PackageDetailsType {
    /// A version of a project.
    pub(super) fn of(row: Version, project: &Project) -> Self {
        Self {
            last_downloaded_at: row.last_download_time.map(|time| Time::of(Some(time))),
            public_package: Some(project.row.visibility() == Visibility::Public),
            package: Package::of(row, project),
            composer_config_repository_url: None,
            composer_url: None,
            conan_url: None,
            maven_url: None,
            npm_url: None,
            nuget_url: None,
            pypi_setup_url: None,
            pypi_url: None,
        }
    }
}

#[ComplexObject]
impl PackageDetailsType {
    /// Its files, those too that newer ones replaced.
    #[graphql(complexity = "limits::list(first.or(last), child_complexity)")]
    async fn package_files(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<PackageFile>> {
        let (session, part) = (Session::of(context), Part::of(Ends { first, after, last, before })?);
        let row = &self.package.base.row;
        let asked = ListFilesRequest {
            parent: row.name.clone(),
            order_by: "id".to_owned(),
            page_size: part.page_size(),
            page_token: part.after(),
            before_token: part.before(),
            backwards: part.is_backwards(),
            with_entry_tokens: true,
            count: context.look_ahead().field("count").exists(),
            ..ListFilesRequest::default()
        };
        let found = session.ask(session.client().list_files(asked)).await?;
        let entries = found.files.iter().map(|file| PackageFile::of(file, row)).zip(found.entry_tokens).collect();
        Ok(part.filled(Answer { entries, more: !found.next_page_token.is_empty(), total: found.total_size }))
    }

    /// The other versions of its name that are not hidden.
    #[graphql(complexity = "limits::list(first.or(last), child_complexity) + limits::QUESTION")]
    async fn versions(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<PackageBase>> {
        let (session, part) = (Session::of(context), Part::of(Ends { first, after, last, before })?);
        let PackageBase { row, project, .. } = &self.package.base;
        let asked = ListVersionsRequest {
            page_size: part.page_size(),
            page_token: part.after(),
            before_token: part.before(),
            backwards: part.is_backwards(),
            with_entry_tokens: true,
            judge_deletion: true,
            ..others(row)
        };
        let total = if context.look_ahead().field("count").exists() { count_others(session, self).await? } else { 0 };
        let found = session.ask(session.client().list_versions(asked)).await?;
        let entries = found.versions.into_iter().map(|version| PackageBase::of(version, project)).zip(found.entry_tokens).collect();
        Ok(part.filled(Answer { entries, more: !found.next_page_token.is_empty(), total }))
    }
}

/// How many other versions of its name there are that are not hidden.
async fn count_others(session: &Session, details: &PackageDetailsType) -> Result<i64> {
    let row = &details.package.base.row;
    let asked = SearchVersionsRequest {
        parent: details.package.base.project.row.name.clone(),
        filter: format!("package = {} AND NOT id = {}", quoted(&row.package), row.id),
        page_size: 1,
        count: true,
        ..SearchVersionsRequest::default()
    };
    Ok(session.ask(session.client().search_versions(asked)).await?.total_size)
}
