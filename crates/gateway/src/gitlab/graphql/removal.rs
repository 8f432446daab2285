//! What mutations remove. Where several things are named, all of them are judged before the first is removed.

use async_graphql::{InputObject, SimpleObject};
use consign_client::Client;
use consign_proto::metadata::{File, ListFilesRequest, Version};
use consign_types::resource::FileRef;

use super::super::entity;
use super::super::search::{MAX_NAMED, any_of, by_numbers};
use super::limits::MAX_REMOVED;
use super::project;
use super::refusal::{Refusal, Result, told};
use super::scalar::{FileId, PackageId};
use super::session::Session;

/// All projects that the caller may read, as the planes name them.
pub(super) const EVERYWHERE: &str = "projects/-";

/// All versions in them.
const ALL_VERSIONS: &str = "projects/-/packages/-/versions/-";

macro_rules! mutation {
    ($(#[$doc:meta])* $input:ident { $($field:ident: $type:ty,)+ } -> $payload:ident) => {
        $(#[$doc])*
        #[derive(Debug, InputObject)]
        pub(super) struct $input {
            $(pub(super) $field: $type,)+
            pub(super) client_mutation_id: Option<String>,
        }

        /// What became of it.
        #[derive(Debug, SimpleObject)]
        pub(super) struct $payload {
            pub(super) errors: Vec<String>,
            pub(super) client_mutation_id: Option<String>,
        }
    };
}

mutation! {
    /// A package to be removed.
    DestroyPackageInput { id: PackageId, } -> DestroyPackagePayload
}

mutation! {
    /// Packages to be removed.
    DestroyPackagesInput { ids: Vec<PackageId>, } -> DestroyPackagesPayload
}

mutation! {
    /// A file to be removed.
    DestroyPackageFileInput { id: FileId, } -> DestroyPackageFilePayload
}

mutation! {
    /// Files of one project to be removed.
    DestroyPackageFilesInput { project_path: async_graphql::ID, ids: Vec<FileId>, } -> DestroyPackageFilesPayload
}

/// What can be removed.
trait Removable: Sync {
    /// Asks whether it would be.
    fn judge(&self, client: &Client) -> impl Future<Output = consign_client::Result<()>> + Send;

    /// Removes it.
    fn remove(&self, client: &Client) -> impl Future<Output = consign_client::Result<()>> + Send;
}

impl Removable for Version {
    async fn judge(&self, client: &Client) -> consign_client::Result<()> {
        client.try_delete_version(&self.name).await
    }

    async fn remove(&self, client: &Client) -> consign_client::Result<()> {
        client.delete_version(&self.name, &self.etag).await
    }
}

/// One revision of a file.
impl Removable for (FileRef, i32) {
    async fn judge(&self, client: &Client) -> consign_client::Result<()> {
        client.try_delete_file(&self.0, self.1).await
    }

    async fn remove(&self, client: &Client) -> consign_client::Result<()> {
        client.delete_file(&self.0, self.1).await
    }
}

async fn remove(session: &Session, things: &[impl Removable]) -> Result<Vec<String>> {
    let judged = if things.len() > 1 { things } else { &[] };
    for thing in judged {
        let (_, errors) = told(session.ask(thing.judge(session.client())).await)?;
        if !errors.is_empty() {
            return Ok(errors);
        }
    }
    let mut errors = Vec::new();
    for thing in things {
        errors.append(&mut told(session.ask(thing.remove(session.client())).await)?.1);
    }
    Ok(errors)
}

/// Removes packages; what keeps them is told.
pub(super) async fn packages(session: &Session, ids: &[PackageId]) -> Result<Vec<String>> {
    let ids = numbers(ids.iter().map(|id| id.0), "packages")?;
    session.reserve(questions(ids.len()))?;
    let mut versions: Vec<Version> = Vec::new();
    for ids in ids.chunks(MAX_NAMED) {
        versions.append(&mut session.ask(session.client().search_versions(by_numbers(EVERYWHERE, ids))).await?.versions);
    }
    if versions.len() < ids.len() {
        return Err(Refusal::Hidden);
    }
    remove(session, &versions).await
}

/// Removes files; what keeps them is told.
pub(super) async fn files(session: &Session, ids: &[FileId], project: Option<&str>) -> Result<Vec<String>> {
    let ids = numbers(ids.iter().map(|id| id.0), "files")?;
    session.reserve(questions(ids.len()).saturating_add(1))?;
    let project = match project {
        Some(path) => Some(project::required_at(session, path).await?.row.id),
        None => None,
    };
    let mut files: Vec<(FileRef, i32)> = Vec::new();
    for ids in ids.chunks(MAX_NAMED) {
        let asked = ListFilesRequest {
            parent: ALL_VERSIONS.to_owned(),
            filter: any_of(ids),
            page_size: i32::try_from(MAX_NAMED).unwrap_or(i32::MAX),
            ..ListFilesRequest::default()
        };
        let found = session.ask(session.client().list_files(asked)).await?.files;
        let is_there = |file: &File| project.is_none_or(|project| project == entity::project_id(&file.name));
        files.extend(found.iter().filter(|file| is_there(file)).filter_map(|file| Some((file.name.parse().ok()?, file.revision))));
    }
    if files.len() < ids.len() {
        return Err(Refusal::Hidden);
    }
    remove(session, &files).await
}

/// The numbers, each once.
fn numbers(ids: impl Iterator<Item = i64>, things: &str) -> Result<Vec<i64>> {
    let mut ids: Vec<i64> = ids.collect();
    if ids.len() > MAX_REMOVED {
        return Err(Refusal::Argument(format!("Cannot delete more than {MAX_REMOVED} {things}")));
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// How many questions it takes to find so many things, to judge each and to remove it.
fn questions(things: usize) -> usize {
    things.div_ceil(MAX_NAMED).saturating_add(things.saturating_mul(2))
}
