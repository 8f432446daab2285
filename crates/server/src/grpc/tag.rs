//! `consign.metadata.v1.TagService`.

mod rules;
mod tags;

use consign_metadata::Metadata;
use consign_proto::metadata::tag_service_server::TagService;
use consign_proto::metadata::{
    BatchUpdateTagsRequest, BatchUpdateTagsResponse, CreateTagRequest, CreateTagResponse, CreateTagRuleRequest, CreateTagRuleResponse,
    DeleteTagRequest, DeleteTagResponse, DeleteTagRuleRequest, DeleteTagRuleResponse, GetTagRequest, GetTagResponse, ListTagHistoryRequest,
    ListTagHistoryResponse, ListTagRulesRequest, ListTagRulesResponse, ListTagsRequest, ListTagsResponse, RestoreTagRequest,
    RestoreTagResponse, TestTagRuleRequest, TestTagRuleResponse, UpdateTagRequest, UpdateTagResponse, UpdateTagRuleRequest,
    UpdateTagRuleResponse,
};
use tonic::{Request, Response, Status};

use super::methods::methods;

/// The service, over the metadata plane.
#[derive(Clone, Debug)]
pub(crate) struct TagApi {
    pub(crate) metadata: Metadata,
}

methods! {
    TagService for TagApi;
    create_tag: CreateTagRequest => CreateTagResponse = tags::create;
    get_tag: GetTagRequest => GetTagResponse = tags::get;
    list_tags: ListTagsRequest => ListTagsResponse = tags::list;
    update_tag: UpdateTagRequest => UpdateTagResponse = tags::update;
    delete_tag: DeleteTagRequest => DeleteTagResponse = tags::delete;
    batch_update_tags: BatchUpdateTagsRequest => BatchUpdateTagsResponse = tags::batch_update;
    list_tag_history: ListTagHistoryRequest => ListTagHistoryResponse = tags::history;
    restore_tag: RestoreTagRequest => RestoreTagResponse = tags::restore;
    create_tag_rule: CreateTagRuleRequest => CreateTagRuleResponse = rules::create;
    list_tag_rules: ListTagRulesRequest => ListTagRulesResponse = rules::list;
    update_tag_rule: UpdateTagRuleRequest => UpdateTagRuleResponse = rules::update;
    delete_tag_rule: DeleteTagRuleRequest => DeleteTagRuleResponse = rules::delete;
    test_tag_rule: TestTagRuleRequest => TestTagRuleResponse = rules::test;
}
