//! Tags and their rules over gRPC, step by step.

use std::collections::HashMap;

use consign_proto::metadata::tag_rule::{Action, Pattern};
use consign_proto::metadata::{
    CreateTagRequest, CreateTagResponse, CreateTagRuleRequest, DeleteTagRequest, DeleteTagResponse, DeleteTagRuleRequest, GetTagRequest,
    ListTagHistoryRequest, PublishVersionRequest, Role, Tag, TagHistoryEntry, TagProtection, TagRule, UpdateTagRequest, UpdateTagResponse,
    Version,
};
use consign_proto::status::{Told, told};
use consign_types::Reason;
use tonic::Status;

use crate::grpc::{Grpc, authorized};
use crate::publishing::{PACKAGE, brought, files, publish, publish_request};

/// The name of a tag of [`PACKAGE`].
pub fn tag_name(tag: &str) -> String {
    format!("{PACKAGE}/tags/{tag}")
}

/// The name of a version of [`PACKAGE`].
pub fn version_name(version: &str) -> String {
    format!("{PACKAGE}/versions/{version}")
}

/// Publishes sealed versions of [`PACKAGE`], each with a file that says which it is.
pub async fn seal(grpc: &Grpc, versions: &[&'static str]) -> Vec<Version> {
    seal_in(grpc, PACKAGE, versions).await
}

/// The same in any package.
pub async fn seal_in(grpc: &Grpc, package: &str, versions: &[&'static str]) -> Vec<Version> {
    let mut sealed = Vec::new();
    for version in versions {
        let request = brought(grpc, package, version, &[("a", version.as_bytes())]).await;
        let published = publish(grpc, request).await.expect("the version is new");
        sealed.push(published.version.expect("it is there"));
    }
    sealed
}

/// Publishes a file `a` into an open version of [`PACKAGE`].
pub async fn keep_open(grpc: &Grpc, version: &str, content: &'static [u8]) {
    let set = files(grpc, version, &[("a", content)]).await;
    let request = PublishVersionRequest { keep_open: true, ..publish_request(version, set) };
    publish(grpc, request).await.expect("an open version takes files");
}

/// A request for a tag of [`PACKAGE`].
pub fn new_tag(tag: &str, version: &str) -> CreateTagRequest {
    CreateTagRequest { parent: PACKAGE.to_owned(), tag_id: tag.to_owned(), version: version_name(version), ..CreateTagRequest::default() }
}

/// Creates a tag.
pub async fn create(grpc: &Grpc, request: CreateTagRequest) -> Result<CreateTagResponse, Status> {
    Ok(grpc.tags().create_tag(authorized(request)).await?.into_inner())
}

/// A tag of [`PACKAGE`].
pub async fn get(grpc: &Grpc, tag: &str) -> Result<Tag, Status> {
    let request = GetTagRequest { name: tag_name(tag) };
    Ok(grpc.tags().get_tag(authorized(request)).await?.into_inner().tag.expect("it is there"))
}

/// A request that moves a tag of [`PACKAGE`].
pub fn move_to(tag: &str, version: &str) -> UpdateTagRequest {
    move_if(tag, version, "")
}

/// A request that moves a tag of [`PACKAGE`] if it has this etag; an empty one is not looked at.
pub fn move_if(tag: &str, version: &str, etag: &str) -> UpdateTagRequest {
    let tag = Tag { etag: etag.to_owned(), name: tag_name(tag), version: version_name(version), ..Tag::default() };
    UpdateTagRequest { tag: Some(tag), ..UpdateTagRequest::default() }
}

/// Moves a tag.
pub async fn update(grpc: &Grpc, request: UpdateTagRequest) -> Result<UpdateTagResponse, Status> {
    Ok(grpc.tags().update_tag(authorized(request)).await?.into_inner())
}

/// A request that deletes a tag of [`PACKAGE`].
pub fn without(tag: &str) -> DeleteTagRequest {
    DeleteTagRequest { name: tag_name(tag), ..DeleteTagRequest::default() }
}

/// Deletes a tag.
pub async fn delete(grpc: &Grpc, request: DeleteTagRequest) -> Result<DeleteTagResponse, Status> {
    Ok(grpc.tags().delete_tag(authorized(request)).await?.into_inner())
}

/// All that a tag of [`PACKAGE`] pointed at, newest first, read in pages of this size.
pub async fn history(grpc: &Grpc, tag: &str, page_size: i32) -> Result<Vec<TagHistoryEntry>, Status> {
    let mut request = ListTagHistoryRequest { name: tag_name(tag), page_size, page_token: String::new() };
    let mut entries = Vec::new();
    loop {
        let page = grpc.tags().list_tag_history(authorized(request.clone())).await?.into_inner();
        entries.extend(page.entries);
        if page.next_page_token.is_empty() {
            return Ok(entries);
        }
        request.page_token = page.next_page_token;
    }
}

/// Adds a rule to the project that [`crate::Builder::demo`] makes.
pub async fn add_rule(grpc: &Grpc, rule: TagRule) -> Result<TagRule, Status> {
    let request = CreateTagRuleRequest { parent: "projects/1".to_owned(), tag_rule: Some(rule), request_id: String::new() };
    Ok(grpc.tags().create_tag_rule(authorized(request)).await?.into_inner().tag_rule.expect("it is there"))
}

/// A rule over the tags that a glob fits.
pub fn rule(glob: &str, action: Action) -> TagRule {
    TagRule { pattern: Some(Pattern::TagGlob(glob.to_owned())), action: action.into(), ..TagRule::default() }
}

/// A rule that tags are for these roles only: to create, to move, to delete.
pub fn protected(glob: &str, create: Role, moving: Role, delete: Role) -> TagRule {
    let protection =
        TagProtection { minimum_create_role: create.into(), minimum_move_role: moving.into(), minimum_delete_role: delete.into() };
    TagRule { protection: Some(protection), ..rule(glob, Action::Protected) }
}

/// A rule that tags demand attestations of these predicate types.
pub fn require(glob: &str, types: &[&str]) -> TagRule {
    TagRule { predicate_types: types.iter().map(|&text| text.to_owned()).collect(), ..rule(glob, Action::Require) }
}

/// Removes a rule.
pub async fn remove_rule(grpc: &Grpc, name: &str, etag: &str) -> Result<(), Status> {
    let request = DeleteTagRuleRequest { name: name.to_owned(), etag: etag.to_owned(), request_id: String::new() };
    grpc.tags().delete_tag_rule(authorized(request)).await.map(|_| ())
}

/// The reason of a call that must be refused, and its facts for programs.
pub fn facts<T: std::fmt::Debug>(result: Result<T, Status>) -> (Option<Reason>, HashMap<String, String>) {
    let Told { reason, details } = told(&result.expect_err("the call is refused"));
    (reason, details)
}

/// The reason of a call that must be refused.
pub fn reason<T: std::fmt::Debug>(result: Result<T, Status>) -> Option<Reason> {
    facts(result).0
}
