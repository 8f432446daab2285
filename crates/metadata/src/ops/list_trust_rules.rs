//! Reading trust rules.

use consign_types::resource::{ProjectRef, TrustRuleRef};

use super::project;
use super::update_trust_rule::trust_rule;
use crate::tables::trust_rules::{self, TrustRule};
use crate::{Listed, Metadata, Page, Result};

impl Metadata {
    /// A rule. `RuleNotFound`.
    pub async fn find_trust_rule(&self, name: TrustRuleRef) -> Result<TrustRule> {
        self.pool
            .read(move |db| {
                let project = project(db, &name.project)?.id;
                trust_rule(db, project, &name)
            })
            .await
    }

    /// Rules of a project, by id.
    pub async fn list_trust_rules(&self, name: ProjectRef, page: Page<i64>) -> Result<Listed<TrustRule>> {
        self.pool
            .read(move |db| {
                let project = project(db, &name)?.id;
                Ok(page.of(trust_rules::list(db, project, page.after.unwrap_or_default(), page.limit())?))
            })
            .await
    }
}
