//! Protection rules: the part of `PackageService` that says who may change packages.

use consign_metadata::{CreateProtectionRule, DeleteProtectionRule, ProtectionRule, UpdateProtectionRule};
use consign_proto::metadata::{
    self as wire, CreateProtectionRuleRequest, CreateProtectionRuleResponse, DeleteProtectionRuleRequest, DeleteProtectionRuleResponse,
    ListProtectionRulesRequest, ListProtectionRulesResponse, UpdateProtectionRuleRequest, UpdateProtectionRuleResponse,
};
use consign_proto::status::{invalid, status};
use consign_proto::timestamp;
use consign_types::Reason;
use consign_types::pattern::NamePattern;
use consign_types::protection::Protection;
use consign_types::resource::{ProjectRef, ProtectionRuleRef};
use tonic::Status;

use super::PackageApi;
use crate::auth::Caller;
use crate::grpc::decode;
use crate::grpc::encode::role;
use crate::grpc::page::Listing;

pub(super) async fn create(
    api: &PackageApi,
    caller: &Caller,
    request: CreateProtectionRuleRequest,
) -> Result<CreateProtectionRuleResponse, Status> {
    let project: ProjectRef = decode::name("parent", &request.parent)?;
    let new = decode::present("protection_rule", request.protection_rule)?;
    let wanted = CreateProtectionRule {
        principal: caller.about(&project).await?,
        project,
        protection: Protection {
            packages: pattern(&new.package_pattern)?,
            publish: decode::role("protection_rule.minimum_publish_role", new.minimum_publish_role)?,
            delete: decode::role("protection_rule.minimum_delete_role", new.minimum_delete_role)?,
        },
        request_id: decode::request_id(&request.request_id)?,
    };
    let rule = api.metadata.create_protection_rule(wanted).await.map_err(status)?;
    Ok(CreateProtectionRuleResponse { protection_rule: Some(encode(rule)) })
}

pub(super) async fn list(
    api: &PackageApi,
    caller: &Caller,
    request: ListProtectionRulesRequest,
) -> Result<ListProtectionRulesResponse, Status> {
    let listing = Listing::of("ListProtectionRules", &[&request.parent]);
    let project: ProjectRef = decode::name("parent", &request.parent)?;
    caller.about(&project).await?;
    let page = listing.page(request.page_size, &request.page_token)?;
    let found = api.metadata.list_protection_rules(project, page).await.map_err(status)?;
    let next_page_token = listing.next(&found, |rule| rule.id.to_string());
    Ok(ListProtectionRulesResponse { protection_rules: found.map(encode).items, next_page_token })
}

pub(super) async fn update(
    api: &PackageApi,
    caller: &Caller,
    request: UpdateProtectionRuleRequest,
) -> Result<UpdateProtectionRuleResponse, Status> {
    let new = decode::present("protection_rule", request.protection_rule)?;
    let mask = decode::mask(request.update_mask, &["package_pattern", "minimum_publish_role", "minimum_delete_role"])?;
    let name: ProtectionRuleRef = decode::name("protection_rule.name", &new.name)?;
    let publish = decode::role("protection_rule.minimum_publish_role", new.minimum_publish_role)?;
    let delete = decode::role("protection_rule.minimum_delete_role", new.minimum_delete_role)?;
    let wanted = UpdateProtectionRule {
        principal: caller.about(&name).await?,
        name,
        etag: decode::etag(&new.etag)?,
        packages: mask.changed("package_pattern", !new.package_pattern.is_empty(), || pattern(&new.package_pattern))?,
        publish: mask.changed("minimum_publish_role", publish.is_some(), || Ok(publish))?,
        delete: mask.changed("minimum_delete_role", delete.is_some(), || Ok(delete))?,
        request_id: decode::request_id(&request.request_id)?,
    };
    let rule = api.metadata.update_protection_rule(wanted).await.map_err(status)?;
    Ok(UpdateProtectionRuleResponse { protection_rule: Some(encode(rule)) })
}

pub(super) async fn delete(
    api: &PackageApi,
    caller: &Caller,
    request: DeleteProtectionRuleRequest,
) -> Result<DeleteProtectionRuleResponse, Status> {
    let name: ProtectionRuleRef = decode::name("name", &request.name)?;
    let wanted = DeleteProtectionRule {
        principal: caller.about(&name).await?,
        name,
        etag: decode::etag(&request.etag)?,
        request_id: decode::request_id(&request.request_id)?,
    };
    api.metadata.delete_protection_rule(wanted).await.map_err(status)?;
    Ok(DeleteProtectionRuleResponse {})
}

fn pattern(text: &str) -> Result<NamePattern, Status> {
    NamePattern::glob(text).map_err(|error| invalid("protection_rule.package_pattern", Reason::NameInvalid, error))
}

fn encode(rule: ProtectionRule) -> wire::ProtectionRule {
    wire::ProtectionRule {
        name: ProtectionRuleRef { project: ProjectRef::Id(rule.project_id), id: rule.id }.to_string(),
        id: rule.id,
        etag: rule.etag(),
        package_pattern: rule.protection.packages.text().to_owned(),
        minimum_publish_role: role(rule.protection.publish),
        minimum_delete_role: role(rule.protection.delete),
        create_time: Some(timestamp(rule.created_at)),
        update_time: Some(timestamp(rule.updated_at)),
    }
}
