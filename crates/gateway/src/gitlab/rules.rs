//! Protection rules of packages.

use axum::Json;
use axum::body::Body;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use consign_client::Error;
use consign_proto::metadata::{ProtectionRule, Role as WireRole};
use consign_types::Reason;
use consign_types::access::Role;
use consign_types::resource::ProtectionRuleRef;
use serde::Deserialize;
use serde_json::Value;

use super::call::Call;
use super::pages::Pages;
use super::refusal::{Refusal, Result};
use super::{entity, form};

/// What a client sends of a rule.
#[derive(Debug, Default, Deserialize)]
struct Fields {
    package_name_pattern: Option<String>,
    package_type: Option<String>,
    #[serde(default, deserialize_with = "form::given")]
    minimum_access_level_for_push: Option<Value>,
    #[serde(default, deserialize_with = "form::given")]
    minimum_access_level_for_delete: Option<Value>,
}

/// `GET /projects/:id/packages/protection/rules`: of which there are never many.
pub(crate) async fn list(call: Call) -> Result<Response> {
    let client = call.signed_in()?;
    let pages = Pages::of(&call)?;
    let rules = client.list_protection_rules(&call.project()?).await?;
    Ok(pages.answer(&call, pages.cut(rules.iter().map(entity::protection_rule).collect())))
}

/// `POST /projects/:id/packages/protection/rules`.
pub(crate) async fn create(call: Call, body: Body) -> Result<Response> {
    let client = call.signed_in()?;
    let project = call.project()?;
    let fields: Fields = form::read(&call.headers, body).await?;
    fields.check_type()?;
    let missing = |field: &str| Refusal::parameter(format!("{field} is missing"));
    fields.package_type.as_ref().ok_or_else(|| missing("package_type"))?;
    let push = level("minimum_access_level_for_push", fields.minimum_access_level_for_push)?.unwrap_or_default();
    let delete = level("minimum_access_level_for_delete", fields.minimum_access_level_for_delete)?.unwrap_or_default();
    if push == 0 && delete == 0 {
        return Err(none_of("minimum_access_level_for_push, minimum_access_level_for_delete"));
    }
    let rule = ProtectionRule {
        minimum_publish_role: push,
        minimum_delete_role: delete,
        package_pattern: fields.package_name_pattern.ok_or_else(|| missing("package_name_pattern"))?,
        ..ProtectionRule::default()
    };
    let rule = client.create_protection_rule(&project, rule).await.map_err(refusal)?;
    Ok((StatusCode::CREATED, Json(entity::protection_rule(&rule))).into_response())
}

/// `PATCH /projects/:id/packages/protection/rules/:rule_id`: what is not sent stays.
pub(crate) async fn update(call: Call, body: Body) -> Result<Json<Value>> {
    let client = call.signed_in()?;
    let name = name(&call)?;
    let fields: Fields = form::read(&call.headers, body).await?;
    fields.check_type()?;
    let push = level("minimum_access_level_for_push", fields.minimum_access_level_for_push)?;
    let delete = level("minimum_access_level_for_delete", fields.minimum_access_level_for_delete)?;
    let given = [
        ("package_pattern", fields.package_name_pattern.is_some()),
        ("minimum_publish_role", push.is_some()),
        ("minimum_delete_role", delete.is_some()),
    ];
    let given: Vec<&str> = given.iter().filter(|(_, is_given)| *is_given).map(|(field, _)| *field).collect();
    if given.is_empty() {
        return Err(none_of("package_name_pattern, minimum_access_level_for_push, minimum_access_level_for_delete"));
    }
    let rule = ProtectionRule {
        name: name.to_string(),
        package_pattern: fields.package_name_pattern.unwrap_or_default(),
        minimum_publish_role: push.unwrap_or_default(),
        minimum_delete_role: delete.unwrap_or_default(),
        ..ProtectionRule::default()
    };
    let rule = client.update_protection_rule(rule, &given).await.map_err(refusal)?;
    Ok(Json(entity::protection_rule(&rule)))
}

/// `DELETE /projects/:id/packages/protection/rules/:rule_id`.
pub(crate) async fn delete(call: Call) -> Result<StatusCode> {
    call.signed_in()?.delete_protection_rule(&name(&call)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl Fields {
    /// There is one type of packages here.
    fn check_type(&self) -> Result<()> {
        match self.package_type.as_deref() {
            None | Some("generic") => Ok(()),
            Some(_) => Err(Refusal::no_valid_value("package_type")),
        }
    }
}

/// The role of an access level, as the wire has it: GitLab's clients send `null` or nothing at all between the `=` and the `&` for none.
fn level(field: &str, given: Option<Value>) -> Result<Option<i32>> {
    let Some(given) = given else { return Ok(None) };
    let role = match given.as_str().map(str::parse) {
        _ if given.is_null() || given == "" => WireRole::Unspecified,
        Some(Ok(role @ (Role::Maintainer | Role::Owner | Role::Admin))) => role.into(),
        _ => return Err(Refusal::no_valid_value(field)),
    };
    Ok(Some(role.into()))
}

/// None of these fields was sent.
fn none_of(fields: &str) -> Refusal {
    Refusal::parameter(format!("{fields} are missing, at least one parameter must be provided"))
}

fn name(call: &Call) -> Result<ProtectionRuleRef> {
    Ok(ProtectionRuleRef { project: call.project()?, rule: call.number(8, "package_protection_rule_id")? })
}

fn refusal(error: Error) -> Refusal {
    match error {
        Error::Refused { reason: Reason::NameTaken, .. } => Refusal::rule_taken(),
        error => error.into(),
    }
}
