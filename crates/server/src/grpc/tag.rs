//! `consign.metadata.v1.TagService`.

use consign_metadata::{
    CreateTagRule, DeleteTag, DeleteTagRule, Existence, ListTags, Metadata, MoveTag, MovedTag, RestoreTag, RuleChange, RuleTrial, TagOrder,
    TestTagRule, UpdateTagRule, UpdateTags,
};
use consign_proto::metadata::tag_service_server::TagService;
use consign_proto::metadata::{
    self as wire, BatchUpdateTagsRequest, BatchUpdateTagsResponse, CreateTagRequest, CreateTagResponse, CreateTagRuleRequest,
    CreateTagRuleResponse, DeleteTagRequest, DeleteTagResponse, DeleteTagRuleRequest, DeleteTagRuleResponse, GetTagRequest, GetTagResponse,
    ListTagHistoryRequest, ListTagHistoryResponse, ListTagRulesRequest, ListTagRulesResponse, ListTagsRequest, ListTagsResponse,
    RestoreTagRequest, RestoreTagResponse, TestTagRuleRequest, TestTagRuleResponse, UpdateTagRequest, UpdateTagResponse,
    UpdateTagRuleRequest, UpdateTagRuleResponse,
};
use consign_proto::status::{invalid, status};
use consign_types::pattern::NamePattern;
use consign_types::resource::{PackageRef, TagRef, TagRuleRef};
use consign_types::tag::{Action, ActionChange, ActionKind, Protection, Rule};
use consign_types::{Reason, TagName};
use tonic::{Request, Response, Status};

use super::page::Listing;
use super::{decode, encode};
use crate::auth::caller;

/// How many names a trial of a rule takes.
const MAX_NAMES: usize = 1000;

/// How many predicate types a rule demands at most, and how long each is.
const MAX_TYPES: (usize, usize) = (50, 255);

/// The service, over the metadata plane.
#[derive(Clone, Debug)]
pub(crate) struct TagApi {
    pub(crate) metadata: Metadata,
}

const ORDERS: &[(&str, TagOrder)] = &[("tag_id", TagOrder::Name), ("update_time", TagOrder::UpdateTime)];

#[tonic::async_trait]
impl TagService for TagApi {
    async fn create_tag(&self, request: Request<CreateTagRequest>) -> Result<Response<CreateTagResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let package: PackageRef = decode::name("parent", &request.parent)?;
        let tag = TagRef { package, tag: decode::name("tag_id", &request.tag_id)? };
        let wanted = UpdateTags {
            principal: caller.about(&tag).await?,
            project: tag.package.project.clone(),
            moves: vec![MoveTag {
                version: decode::name("version", &request.version)?,
                tag,
                expected: None,
                etag: None,
                existence: Existence::Unwanted,
            }],
            reason: decode::text("reason", &request.reason)?,
            request_id: decode::request_id(&request.request_id)?,
        };
        let (moved, sequence) = self.one(wanted).await?;
        Ok(Response::new(CreateTagResponse { tag: Some(encode::tag(moved.tag)), sequence }))
    }

    async fn get_tag(&self, request: Request<GetTagRequest>) -> Result<Response<GetTagResponse>, Status> {
        let caller = caller(&request)?;
        let name: TagRef = decode::name("name", &request.get_ref().name)?;
        caller.about(&name).await?;
        let tag = self.metadata.find_tag(name).await.map_err(status)?;
        Ok(Response::new(GetTagResponse { tag: Some(encode::tag(tag)) }))
    }

    async fn list_tags(&self, request: Request<ListTagsRequest>) -> Result<Response<ListTagsResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let listing = Listing::of("ListTags", &[&request.parent, &request.filter, &request.order_by]);
        let (order, descending) = decode::order(&request.order_by, ORDERS)?;
        let parent = decode::name("parent", &request.parent)?;
        caller.about(&parent).await?;
        let wanted = ListTags {
            parent,
            filter: decode::filter(&request.filter)?,
            order,
            descending,
            page: listing.page(request.page_size, &request.page_token)?,
        };
        let found = self.metadata.list_tags(wanted).await.map_err(status)?;
        let next_page_token = listing.next(&found, |tag| order.cursor(tag).to_string());
        Ok(Response::new(ListTagsResponse { tags: found.map(encode::tag).items, next_page_token }))
    }

    async fn update_tag(&self, request: Request<UpdateTagRequest>) -> Result<Response<UpdateTagResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let new = decode::present("tag", request.tag)?;
        if !decode::mask(request.update_mask, &["version"])?.names("version", !new.version.is_empty()) {
            return Err(invalid("tag.version", Reason::ArgumentInvalid, "must be set"));
        }
        let tag: TagRef = decode::name("tag.name", &new.name)?;
        let wanted = UpdateTags {
            principal: caller.about(&tag).await?,
            project: tag.package.project.clone(),
            moves: vec![MoveTag {
                version: decode::name("tag.version", &new.version)?,
                expected: decode::optional("expected_version", &request.expected_version, decode::name)?,
                etag: decode::etag(&new.etag)?,
                existence: if request.allow_missing { Existence::Any } else { Existence::Needed },
                tag,
            }],
            reason: decode::text("reason", &request.reason)?,
            request_id: decode::request_id(&request.request_id)?,
        };
        let (moved, sequence) = self.one(wanted).await?;
        let previous_version = encode::previous(&moved);
        Ok(Response::new(UpdateTagResponse { tag: Some(encode::tag(moved.tag)), previous_version, sequence }))
    }

    async fn delete_tag(&self, request: Request<DeleteTagRequest>) -> Result<Response<DeleteTagResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let name: TagRef = decode::name("name", &request.name)?;
        let wanted = DeleteTag {
            principal: caller.about(&name).await?,
            name,
            etag: decode::etag(&request.etag)?,
            reason: decode::text("reason", &request.reason)?,
            request_id: decode::request_id(&request.request_id)?,
        };
        let (version, sequence) = self.metadata.delete_tag(wanted).await.map_err(status)?;
        Ok(Response::new(DeleteTagResponse { previous_version: version.to_string(), sequence }))
    }

    async fn batch_update_tags(&self, request: Request<BatchUpdateTagsRequest>) -> Result<Response<BatchUpdateTagsResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let project = decode::name("parent", &request.parent)?;
        let principal = caller.about(&project).await?;
        let wished = request.updates.iter().map(tag_update).collect::<Result<Vec<_>, _>>()?;
        for update in &wished {
            caller.about(&update.tag).await?;
        }
        let wanted = UpdateTags {
            principal,
            project,
            moves: wished,
            reason: decode::text("reason", &request.reason)?,
            request_id: decode::request_id(&request.request_id)?,
        };
        let (moved, sequence) = self.metadata.update_tags(wanted).await.map_err(status)?;
        let result = |moved: MovedTag| {
            let previous_version = encode::previous(&moved);
            wire::TagUpdateResult { tag: Some(encode::tag(moved.tag)), previous_version }
        };
        Ok(Response::new(BatchUpdateTagsResponse { results: moved.into_iter().map(result).collect(), sequence }))
    }

    async fn list_tag_history(&self, request: Request<ListTagHistoryRequest>) -> Result<Response<ListTagHistoryResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let listing = Listing::of("ListTagHistory", &[&request.name]);
        let name: TagRef = decode::name("name", &request.name)?;
        caller.about(&name).await?;
        let package = name.package.package.clone();
        let page = listing.page(request.page_size, &request.page_token)?;
        let found = self.metadata.list_tag_history(name, page).await.map_err(status)?;
        let next_page_token = listing.next(&found, |span| span.began.id.to_string());
        Ok(Response::new(ListTagHistoryResponse { entries: found.map(|span| encode::tag_span(span, &package)).items, next_page_token }))
    }

    async fn restore_tag(&self, request: Request<RestoreTagRequest>) -> Result<Response<RestoreTagResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let name: TagRef = decode::name("name", &request.name)?;
        let wanted = RestoreTag {
            principal: caller.about(&name).await?,
            name,
            sequence: request.sequence,
            etag: decode::etag(&request.etag)?,
            reason: decode::text("reason", &request.reason)?,
            request_id: decode::request_id(&request.request_id)?,
        };
        let (moved, sequence) = self.metadata.restore_tag(wanted).await.map_err(status)?;
        let previous_version = encode::previous(&moved);
        Ok(Response::new(RestoreTagResponse { tag: Some(encode::tag(moved.tag)), previous_version, sequence }))
    }

    async fn create_tag_rule(&self, request: Request<CreateTagRuleRequest>) -> Result<Response<CreateTagRuleResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let new = decode::present("tag_rule", request.tag_rule)?;
        let project = decode::name("parent", &request.parent)?;
        let wanted = CreateTagRule {
            principal: caller.about(&project).await?,
            project,
            rule: rule(&new)?,
            description: decode::text("tag_rule.description", &new.description)?,
            request_id: decode::request_id(&request.request_id)?,
        };
        let rule = self.metadata.create_tag_rule(wanted).await.map_err(status)?;
        Ok(Response::new(CreateTagRuleResponse { tag_rule: Some(encode::tag_rule(rule)) }))
    }

    async fn list_tag_rules(&self, request: Request<ListTagRulesRequest>) -> Result<Response<ListTagRulesResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let listing = Listing::of("ListTagRules", &[&request.parent]);
        let page = listing.page(request.page_size, &request.page_token)?;
        let project = decode::name("parent", &request.parent)?;
        caller.about(&project).await?;
        let found = self.metadata.list_tag_rules(project, page).await.map_err(status)?;
        let next_page_token = listing.next(&found, |rule| rule.id.to_string());
        Ok(Response::new(ListTagRulesResponse { tag_rules: found.map(encode::tag_rule).items, next_page_token }))
    }

    async fn update_tag_rule(&self, request: Request<UpdateTagRuleRequest>) -> Result<Response<UpdateTagRuleResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let new = decode::present("tag_rule", request.tag_rule)?;
        let name: TagRuleRef = decode::name("tag_rule.name", &new.name)?;
        let wanted = UpdateTagRule {
            principal: caller.about(&name).await?,
            name,
            etag: decode::etag(&new.etag)?,
            rule: rule_change(&new, request.update_mask)?,
            request_id: decode::request_id(&request.request_id)?,
        };
        let rule = self.metadata.update_tag_rule(wanted).await.map_err(status)?;
        Ok(Response::new(UpdateTagRuleResponse { tag_rule: Some(encode::tag_rule(rule)) }))
    }

    async fn delete_tag_rule(&self, request: Request<DeleteTagRuleRequest>) -> Result<Response<DeleteTagRuleResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let name: TagRuleRef = decode::name("name", &request.name)?;
        let wanted = DeleteTagRule {
            principal: caller.about(&name).await?,
            name,
            etag: decode::etag(&request.etag)?,
            request_id: decode::request_id(&request.request_id)?,
        };
        self.metadata.delete_tag_rule(wanted).await.map_err(status)?;
        Ok(Response::new(DeleteTagRuleResponse {}))
    }

    async fn test_tag_rule(&self, request: Request<TestTagRuleRequest>) -> Result<Response<TestTagRuleResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        if request.tag_ids.len() > MAX_NAMES {
            return Err(invalid("tag_ids", Reason::ArgumentInvalid, format!("at most {MAX_NAMES} names")));
        }
        let project = decode::name("parent", &request.parent)?;
        caller.about(&project).await?;
        let wanted = TestTagRule {
            project,
            rule: rule(&decode::present("tag_rule", request.tag_rule)?)?,
            names: request.tag_ids.iter().map(|name| decode::name::<TagName>("tag_ids", name)).collect::<Result<_, _>>()?,
        };
        let (trials, count) = self.metadata.test_tag_rule(wanted).await.map_err(status)?;
        let matched_count = i64::try_from(count).unwrap_or(i64::MAX);
        Ok(Response::new(TestTagRuleResponse { matches: trials.into_iter().map(rule_match).collect(), matched_count }))
    }
}

impl TagApi {
    async fn one(&self, wanted: UpdateTags) -> Result<(MovedTag, i64), Status> {
        let (mut moved, sequence) = self.metadata.update_tags(wanted).await.map_err(status)?;
        Ok((moved.pop().expect("one move has one result"), sequence))
    }
}

fn tag_update(update: &wire::TagUpdate) -> Result<MoveTag, Status> {
    Ok(MoveTag {
        tag: decode::name("updates.name", &update.name)?,
        version: decode::name("updates.version", &update.version)?,
        expected: decode::optional("updates.expected_version", &update.expected_version, decode::name)?,
        etag: decode::etag(&update.etag)?,
        existence: if update.allow_missing { Existence::Any } else { Existence::Needed },
    })
}

fn rule_match(trial: RuleTrial) -> wire::TagRuleMatch {
    let reason = match (trial.fits, trial.missing.is_empty()) {
        (false, _) => "the pattern does not fit".to_owned(),
        (true, true) => "the pattern fits".to_owned(),
        (true, false) => format!("the pattern fits, and the version lacks attestations: {}", trial.missing.join(", ")),
    };
    wire::TagRuleMatch {
        tag_id: trial.tag.to_string(),
        tag: trial.existing.map(|tag| tag.to_string()).unwrap_or_default(),
        matched: trial.fits,
        violated: !trial.missing.is_empty(),
        reason,
    }
}

fn rule(new: &wire::TagRule) -> Result<Rule, Status> {
    Ok(Rule { tags: tags(new)?, packages: packages(new)?, action: action(new)? })
}

fn rule_change(new: &wire::TagRule, mask: Option<prost_types::FieldMask>) -> Result<RuleChange, Status> {
    const FIELDS: &[&str] = &["tag_glob", "tag_regex", "package_glob", "action", "protection", "predicate_types", "description"];
    let mask = decode::mask(mask, FIELDS)?;
    let names_pattern = mask.names("tag_glob", new.pattern.is_some()) || mask.names("tag_regex", new.pattern.is_some());
    let roles = || protection(decode::present("tag_rule.protection", new.protection.as_ref())?);
    let action = ActionChange {
        kind: mask.changed("action", new.action != 0, || action_kind(new))?,
        protection: mask.changed("protection", new.protection.is_some(), roles)?,
        predicate_types: mask.changed("predicate_types", !new.predicate_types.is_empty(), || predicate_types(&new.predicate_types))?,
    };
    Ok(RuleChange {
        tags: if names_pattern { Some(tags(new)?) } else { None },
        packages: mask.changed("package_glob", !new.package_glob.is_empty(), || packages(new))?,
        action,
        description: mask.changed("description", !new.description.is_empty(), || decode::text("tag_rule.description", &new.description))?,
    })
}

fn tags(new: &wire::TagRule) -> Result<NamePattern, Status> {
    let (field, pattern) = match &new.pattern {
        Some(wire::tag_rule::Pattern::TagGlob(text)) => ("tag_rule.tag_glob", NamePattern::glob(text)),
        Some(wire::tag_rule::Pattern::TagRegex(text)) => ("tag_rule.tag_regex", NamePattern::regex(text)),
        None => return Err(invalid("tag_rule.pattern", Reason::ArgumentInvalid, "`tag_glob` or `tag_regex` must be set")),
    };
    pattern.map_err(|error| invalid(field, Reason::ArgumentInvalid, error))
}

fn packages(new: &wire::TagRule) -> Result<Option<NamePattern>, Status> {
    let glob = |field: &str, text: &str| NamePattern::glob(text).map_err(|error| invalid(field, Reason::ArgumentInvalid, error));
    decode::optional("tag_rule.package_glob", &new.package_glob, glob)
}

fn action(new: &wire::TagRule) -> Result<Action, Status> {
    let types = &new.predicate_types;
    let change = ActionChange {
        kind: Some(action_kind(new)?),
        protection: new.protection.as_ref().map(protection).transpose()?,
        predicate_types: if types.is_empty() { None } else { Some(predicate_types(types)?) },
    };
    Action::Immutable.changed(change).map_err(|error| invalid("tag_rule.action", Reason::ArgumentInvalid, error))
}

fn action_kind(new: &wire::TagRule) -> Result<ActionKind, Status> {
    use wire::tag_rule::Action as Wire;

    Ok(match new.action() {
        Wire::Unspecified => return Err(invalid("tag_rule.action", Reason::ArgumentInvalid, "must be set")),
        Wire::Immutable => ActionKind::Immutable,
        Wire::Protected => ActionKind::Protected,
        Wire::Monotonic => ActionKind::Monotonic,
        Wire::Require => ActionKind::Require,
    })
}

fn predicate_types(types: &[String]) -> Result<Vec<String>, Status> {
    let (most, longest) = MAX_TYPES;
    let is_valid = |text: &String| !text.is_empty() && text.len() <= longest && text.bytes().all(|byte| byte.is_ascii_graphic());
    if types.is_empty() || types.len() > most || !types.iter().all(is_valid) {
        let rule = format!("1 to {most} types, each of 1 to {longest} visible ASCII characters");
        return Err(invalid("tag_rule.predicate_types", Reason::ArgumentInvalid, rule));
    }
    Ok(types.to_vec())
}

fn protection(new: &wire::TagProtection) -> Result<Protection, Status> {
    Ok(Protection {
        create: decode::role("tag_rule.protection", new.minimum_create_role)?,
        moving: decode::role("tag_rule.protection", new.minimum_move_role)?,
        delete: decode::role("tag_rule.protection", new.minimum_delete_role)?,
    })
}
