//! CI systems whose ID tokens are changed into tokens.

use consign_proto::metadata::{
    CreateTrustRuleRequest, DeleteTrustRuleRequest, ExchangeTokenRequest, ListTrustRulesRequest, Token, TrustRule,
};
use consign_types::resource::{ProjectRef, TrustRuleRef};
use uuid::Uuid;

use crate::retry::repeat;
use crate::{Client, Error, Result};

/// How many rules are asked for at once.
const PAGE: i32 = 1000;

impl Client {
    /// Changes the ID token of a CI job into a token of a project, and returns it with its secret, which can't be read again. The
    /// request's id is set here.
    pub async fn exchange_token(&self, request: ExchangeTokenRequest) -> Result<(Token, String)> {
        let request = ExchangeTokenRequest { request_id: Uuid::new_v4().to_string(), ..request };
        let call = || async { self.token_service().exchange_token(self.request(request.clone())).await };
        let granted = repeat(call).await?;
        Ok((granted.token.ok_or(Error::Protocol("no token"))?, granted.secret))
    }

    /// Makes a trust rule. The request's id is set here.
    pub async fn create_trust_rule(&self, request: CreateTrustRuleRequest) -> Result<TrustRule> {
        let request = CreateTrustRuleRequest { request_id: Uuid::new_v4().to_string(), ..request };
        let call = || async { self.token_service().create_trust_rule(self.request(request.clone())).await };
        repeat(call).await?.trust_rule.ok_or(Error::Protocol("no trust rule"))
    }

    /// All trust rules of a project.
    pub async fn list_trust_rules(&self, project: &ProjectRef) -> Result<Vec<TrustRule>> {
        let (mut rules, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = ListTrustRulesRequest { parent: project.to_string(), page_size: PAGE, page_token };
            let call = || async { self.token_service().list_trust_rules(self.request(request.clone())).await };
            let page = repeat(call).await?;
            rules.extend(page.trust_rules);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(rules);
            }
        }
    }

    /// Removes a trust rule. Tokens that it gave stay until their end.
    pub async fn delete_trust_rule(&self, name: &TrustRuleRef) -> Result<()> {
        let request =
            DeleteTrustRuleRequest { name: name.to_string(), request_id: Uuid::new_v4().to_string(), ..DeleteTrustRuleRequest::default() };
        let call = || async { self.token_service().delete_trust_rule(self.request(request.clone())).await };
        repeat(call).await?;
        Ok(())
    }
}
