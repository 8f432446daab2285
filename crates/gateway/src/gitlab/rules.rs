//! Protection rules of packages.

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, patch_with};
use axum::Json;
use axum::response::NoContent;
use consign_client::{Client, Error};
use consign_proto::metadata::{self as wire, Role as WireRole};
use consign_types::Reason;
use consign_types::access::Role;
use consign_types::resource::ProtectionRuleRef;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::answer::Created;
use super::call::Call;
use super::entity::ProtectionRule;
use super::form::{self, Form};
use super::pages::{Listing, Pages, Paging};
use super::query::Query;
use super::refusal::{Refusal, Result};

const LEVELS: [Option<&str>; 4] = [None, Some("maintainer"), Some("owner"), Some("admin")];

/// What a client sends of a rule.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "ProtectionRuleFields")]
struct Fields {
    /// What names of packages it is about; `*` stands for anything.
    package_name_pattern: Option<String>,
    #[schemars(extend("enum" = ["generic"]))]
    package_type: Option<String>,
    /// The least role that publishes; `null` for no rule about that.
    #[serde(default, deserialize_with = "form::given")]
    #[schemars(with = "Option<String>", extend("enum" = LEVELS))]
    minimum_access_level_for_push: Option<Value>,
    /// The least role that deletes; `null` for no rule about that.
    #[serde(default, deserialize_with = "form::given")]
    #[schemars(with = "Option<String>", extend("enum" = LEVELS))]
    minimum_access_level_for_delete: Option<Value>,
}

pub(super) fn routes() -> ApiRouter<Client> {
    ApiRouter::new()
        .api_route(
            "/api/v4/projects/{id}/packages/protection/rules",
            get_with(list, |op| op.summary("Lists the protection rules of a project"))
                .post_with(create, |op| op.summary("Makes a protection rule").response::<422, Refusal>()),
        )
        .api_route(
            "/api/v4/projects/{id}/packages/protection/rules/{package_protection_rule_id}",
            patch_with(update, |op| op.summary("Changes a protection rule").response::<422, Refusal>())
                .delete_with(delete, |op| op.summary("Removes a protection rule")),
        )
        .with_path_items(|item| item.tag("Protection rules"))
}

/// `GET /projects/:id/packages/protection/rules`: of which there are never many.
async fn list(call: Call, paging: Query<Paging>) -> Result<Listing<ProtectionRule>> {
    let client = call.signed_in()?;
    let pages = Pages::of(&paging)?;
    let rules = client.list_protection_rules(&call.project()?).await?;
    Ok(pages.answer(&call, pages.cut(rules.iter().map(ProtectionRule::from).collect())))
}

/// `POST /projects/:id/packages/protection/rules`.
async fn create(call: Call, form: Form<Fields>) -> Result<Created<ProtectionRule>> {
    let client = call.signed_in()?;
    let project = call.project()?;
    let fields = form.read().await?;
    fields.check_type()?;
    let missing = |field: &str| Refusal::parameter(format!("{field} is missing"));
    fields.package_type.as_ref().ok_or_else(|| missing("package_type"))?;
    let push = level("minimum_access_level_for_push", fields.minimum_access_level_for_push)?.unwrap_or_default();
    let delete = level("minimum_access_level_for_delete", fields.minimum_access_level_for_delete)?.unwrap_or_default();
    if push == 0 && delete == 0 {
        return Err(none_of("minimum_access_level_for_push, minimum_access_level_for_delete"));
    }
    let rule = wire::ProtectionRule {
        minimum_publish_role: push,
        minimum_delete_role: delete,
        package_pattern: fields.package_name_pattern.ok_or_else(|| missing("package_name_pattern"))?,
        ..Default::default()
    };
    let rule = client.create_protection_rule(&project, rule).await.map_err(refusal)?;
    Ok(Created(ProtectionRule::from(&rule)))
}

/// `PATCH /projects/:id/packages/protection/rules/:rule_id`: what is not sent stays.
async fn update(call: Call, form: Form<Fields>) -> Result<Json<ProtectionRule>> {
    let client = call.signed_in()?;
    let name = name(&call)?;
    let fields = form.read().await?;
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
    let rule = wire::ProtectionRule {
        name: name.to_string(),
        package_pattern: fields.package_name_pattern.unwrap_or_default(),
        minimum_publish_role: push.unwrap_or_default(),
        minimum_delete_role: delete.unwrap_or_default(),
        ..Default::default()
    };
    let rule = client.update_protection_rule(rule, &given).await.map_err(refusal)?;
    Ok(Json(ProtectionRule::from(&rule)))
}

/// `DELETE /projects/:id/packages/protection/rules/:rule_id`.
async fn delete(call: Call) -> Result<NoContent> {
    call.signed_in()?.delete_protection_rule(&name(&call)?).await?;
    Ok(NoContent)
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
    Ok(ProtectionRuleRef { project: call.project()?, id: call.number(8, "package_protection_rule_id")? })
}

fn refusal(error: Error) -> Refusal {
    match error {
        Error::Refused { reason: Reason::NameTaken, .. } => Refusal::rule_taken(),
        error => error.into(),
    }
}
