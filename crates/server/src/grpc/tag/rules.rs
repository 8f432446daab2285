//! Rules for tags.

use consign_metadata::{CreateTagRule, DeleteTagRule, RuleChange, RuleTrial, TestTagRule, UpdateTagRule};
use consign_proto::metadata::{
    self as wire, CreateTagRuleRequest, CreateTagRuleResponse, DeleteTagRuleRequest, DeleteTagRuleResponse, ListTagRulesRequest,
    ListTagRulesResponse, TestTagRuleRequest, TestTagRuleResponse, UpdateTagRuleRequest, UpdateTagRuleResponse,
};
use consign_proto::status::{invalid, status};
use consign_types::pattern::NamePattern;
use consign_types::resource::TagRuleRef;
use consign_types::tag::{Action, ActionChange, ActionKind, Protection, Rule};
use consign_types::{Reason, TagName};
use tonic::Status;

use super::TagApi;
use crate::auth::Caller;
use crate::grpc::page::Listing;
use crate::grpc::{decode, encode};

/// How many names a trial of a rule takes.
const MAX_NAMES: usize = 1000;

/// How many predicate types a rule demands at most, and how long each is.
const MAX_TYPES: (usize, usize) = (50, 255);

pub(super) async fn create(api: &TagApi, caller: &Caller, request: CreateTagRuleRequest) -> Result<CreateTagRuleResponse, Status> {
    let new = decode::present("tag_rule", request.tag_rule)?;
    let project = decode::name("parent", &request.parent)?;
    let wanted = CreateTagRule {
        principal: caller.about(&project).await?,
        project,
        rule: rule(&new)?,
        description: decode::text("tag_rule.description", &new.description)?,
        request_id: decode::request_id(&request.request_id)?,
    };
    let rule = api.metadata.create_tag_rule(wanted).await.map_err(status)?;
    Ok(CreateTagRuleResponse { tag_rule: Some(encode::tag_rule(rule)) })
}

pub(super) async fn list(api: &TagApi, caller: &Caller, request: ListTagRulesRequest) -> Result<ListTagRulesResponse, Status> {
    let listing = Listing::of("ListTagRules", &[&request.parent]);
    let page = listing.page(request.page_size, &request.page_token)?;
    let project = decode::name("parent", &request.parent)?;
    caller.about(&project).await?;
    let found = api.metadata.list_tag_rules(project, page).await.map_err(status)?;
    let next_page_token = listing.next(&found, |rule| rule.id.to_string());
    Ok(ListTagRulesResponse { tag_rules: found.map(encode::tag_rule).items, next_page_token })
}

pub(super) async fn update(api: &TagApi, caller: &Caller, request: UpdateTagRuleRequest) -> Result<UpdateTagRuleResponse, Status> {
    let new = decode::present("tag_rule", request.tag_rule)?;
    let name: TagRuleRef = decode::name("tag_rule.name", &new.name)?;
    let wanted = UpdateTagRule {
        principal: caller.about(&name).await?,
        name,
        etag: decode::etag(&new.etag)?,
        rule: rule_change(&new, request.update_mask)?,
        request_id: decode::request_id(&request.request_id)?,
    };
    let rule = api.metadata.update_tag_rule(wanted).await.map_err(status)?;
    Ok(UpdateTagRuleResponse { tag_rule: Some(encode::tag_rule(rule)) })
}

pub(super) async fn delete(api: &TagApi, caller: &Caller, request: DeleteTagRuleRequest) -> Result<DeleteTagRuleResponse, Status> {
    let name: TagRuleRef = decode::name("name", &request.name)?;
    let wanted = DeleteTagRule {
        principal: caller.about(&name).await?,
        name,
        etag: decode::etag(&request.etag)?,
        request_id: decode::request_id(&request.request_id)?,
    };
    api.metadata.delete_tag_rule(wanted).await.map_err(status)?;
    Ok(DeleteTagRuleResponse {})
}

pub(super) async fn test(api: &TagApi, caller: &Caller, request: TestTagRuleRequest) -> Result<TestTagRuleResponse, Status> {
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
    let (trials, count) = api.metadata.test_tag_rule(wanted).await.map_err(status)?;
    let matched_count = i64::try_from(count).unwrap_or(i64::MAX);
    Ok(TestTagRuleResponse { matches: trials.into_iter().map(rule_match).collect(), matched_count })
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
