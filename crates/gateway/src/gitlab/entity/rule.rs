//! Protection rules.

use consign_proto::metadata as wire;
use consign_types::resource::{ProjectRef, ProtectionRuleRef};
use schemars::JsonSchema;
use serde::Serialize;

/// A protection rule. An access level that it does not ask for is `null`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ProtectionRule {
    id: i64,
    project_id: Option<i64>,
    package_name_pattern: String,
    package_type: &'static str,
    minimum_access_level_for_delete: Option<&'static str>,
    minimum_access_level_for_push: Option<&'static str>,
}

impl From<&wire::ProtectionRule> for ProtectionRule {
    fn from(rule: &wire::ProtectionRule) -> Self {
        let name: Option<ProtectionRuleRef> = rule.name.parse().ok();
        Self {
            id: rule.id,
            project_id: name.and_then(|name| match name.project {
                ProjectRef::Id(id) => Some(id),
                ProjectRef::Path(_) => None,
            }),
            package_name_pattern: rule.package_pattern.clone(),
            package_type: "generic",
            minimum_access_level_for_delete: rule.minimum_delete_role().known().map(|role| role.as_str()),
            minimum_access_level_for_push: rule.minimum_publish_role().known().map(|role| role.as_str()),
        }
    }
}
