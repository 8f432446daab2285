//! Rules that keep packages for some roles.

use consign_proto::metadata::{
    CreateProtectionRuleRequest, DeleteProtectionRuleRequest, ListProtectionRulesRequest, ProtectionRule, UpdateProtectionRuleRequest,
};
use consign_types::resource::{ProjectRef, ProtectionRuleRef};
use prost_types::FieldMask;
use uuid::Uuid;

use crate::retry::repeat;
use crate::{Client, Error, Result};

/// How many rules are asked for at once.
const PAGE: i32 = 1000;

impl Client {
    /// Makes a protection rule. Another one of the same pattern: `NAME_TAKEN`.
    pub async fn create_protection_rule(&self, project: &ProjectRef, rule: ProtectionRule) -> Result<ProtectionRule> {
        let (parent, request_id) = (project.to_string(), Uuid::new_v4().to_string());
        let request = CreateProtectionRuleRequest { parent, protection_rule: Some(rule), request_id };
        let call = || async { self.package_service().create_protection_rule(self.request(request.clone())).await };
        repeat(call).await?.protection_rule.ok_or(Error::Protocol("no protection rule"))
    }

    /// All protection rules of a project: a hundred at most.
    pub async fn list_protection_rules(&self, project: &ProjectRef) -> Result<Vec<ProtectionRule>> {
        let request = ListProtectionRulesRequest { parent: project.to_string(), page_size: PAGE, ..Default::default() };
        let call = || async { self.package_service().list_protection_rules(self.request(request.clone())).await };
        Ok(repeat(call).await?.protection_rules)
    }

    /// Changes the named fields of a rule, which is found by its name.
    pub async fn update_protection_rule(&self, rule: ProtectionRule, fields: &[&str]) -> Result<ProtectionRule> {
        let update_mask = Some(FieldMask { paths: fields.iter().map(|field| (*field).to_owned()).collect() });
        let request = UpdateProtectionRuleRequest { protection_rule: Some(rule), update_mask, request_id: Uuid::new_v4().to_string() };
        let call = || async { self.package_service().update_protection_rule(self.request(request.clone())).await };
        repeat(call).await?.protection_rule.ok_or(Error::Protocol("no protection rule"))
    }

    /// Removes a rule for good.
    pub async fn delete_protection_rule(&self, name: &ProtectionRuleRef) -> Result<()> {
        let request = DeleteProtectionRuleRequest { name: name.to_string(), request_id: Uuid::new_v4().to_string(), ..Default::default() };
        let call = || async { self.package_service().delete_protection_rule(self.request(request.clone())).await };
        repeat(call).await?;
        Ok(())
    }
}
