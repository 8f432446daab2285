//! CI systems whose ID tokens are changed into tokens.

use consign_proto::metadata::{
    self as wire, CreateTrustRuleRequest, DeleteTrustRuleRequest, ExchangeTokenRequest, ExchangeTokenResponse, GetTrustRuleRequest,
    ListTrustRulesRequest, TrustRule, UpdateTrustRuleRequest,
};
use consign_types::Reason;
use consign_types::access::{Role, Scope};
use integration_tests::grpc::refusal;
use integration_tests::issuer::Issuer;
use integration_tests::rest::{Rest, file};
use integration_tests::{BOTH, Builder, Engine, TOKEN};
use prost_types::{Duration, FieldMask};
use serde_json::json;
use tonic::{Request, Status};

use crate::world::*;

fn reason<T>(answer: Result<T, Status>) -> Option<Reason> {
    answer.err().and_then(|status| refusal(&status).1)
}

struct Federation {
    world: World,
    issuer: Issuer,
}

impl Federation {
    async fn start(engine: Engine) -> Self {
        Self::over(Builder::on(engine)).await
    }

    async fn over(builder: Builder) -> Self {
        let issuer = Issuer::start().await;
        let (service, rest) = builder.with("--oidc-issuers", format!("{},https://gitlab.com", issuer.address)).demo().await;
        rest.create_project("other").await;
        let channel = integration_tests::grpc::Grpc::to(service.grpc()).channel();
        Self { world: World { service, rest, channel }, issuer }
    }

    /// A rule that trusts the jobs of the project 42.
    fn rule(&self) -> CreateTrustRuleRequest {
        let scopes = vec![wire::Scope::Read.into(), wire::Scope::Publish.into()];
        let rule = TrustRule {
            issuer: self.issuer.address.clone(),
            audiences: vec!["consign".to_owned()],
            claims: [("project_id".to_owned(), "42".to_owned()), ("ref".to_owned(), "v*".to_owned())].into(),
            scopes,
            role: wire::Role::Developer.into(),
            package_patterns: vec!["tool*".to_owned()],
            stage_patterns: vec!["staging".to_owned()],
            maximum_ttl: Some(Duration { seconds: 600, nanos: 0 }),
            ..Default::default()
        };
        CreateTrustRuleRequest { parent: "projects/1".to_owned(), trust_rule: Some(rule), ..Default::default() }
    }

    async fn trust(&self, request: CreateTrustRuleRequest) -> Result<TrustRule, Status> {
        Ok(self.world.tokens().create_trust_rule(bearing(request, TOKEN)).await?.into_inner().trust_rule.unwrap())
    }

    async fn exchange(&self, request: ExchangeTokenRequest) -> Result<ExchangeTokenResponse, Status> {
        self.world.tokens().exchange_token(Request::new(request)).await.map(tonic::Response::into_inner)
    }
}

fn asked(subject_token: String) -> ExchangeTokenRequest {
    ExchangeTokenRequest { parent: "projects/1".to_owned(), subject_token, ..Default::default() }
}

#[tokio::test]
async fn a_trusted_job_gets_a_token_for_as_long_as_it_may_and_once() {
    for engine in BOTH {
        let federation = Federation::start(engine).await;
        let rule = federation.trust(federation.rule()).await.unwrap();
        let id_token = federation.issuer.sign(&json!({"project_id": 42, "ref": "v1.0", "jti": "1", "user": "alice"}));

        let granted = federation.exchange(asked(id_token.clone())).await.unwrap();
        let token = granted.token.unwrap();
        assert_eq!((granted.trust_rule, token.kind(), token.role()), (rule.name.clone(), wire::token::Kind::Job, wire::Role::Developer));
        assert_eq!(
            (token.package_patterns.as_slice(), token.stage_patterns.as_slice()),
            (&["tool*".to_owned()][..], &["staging".to_owned()][..])
        );
        assert_eq!(token.claims, [("project_id".to_owned(), "42".to_owned()), ("ref".to_owned(), "v1.0".to_owned())].into());
        let life = token.expire_time.unwrap().seconds - token.create_time.unwrap().seconds;
        assert!(granted.secret.starts_with("consign_job_") && life == 600, "{life}");
        let job: Rest = federation.world.rest.with_token(&granted.secret);
        assert_eq!(job.put(&file("tool", "1.0", "f"), "hello").await.status, 201);
        let listed = federation.world.rest.get("/api/v4/projects/1/packages").await.json();
        assert_eq!(listed[0]["creator_id"], json!(null), "a job is no user");
        assert_eq!(job.put(&file("lib", "1.0", "f"), "hello").await.status, 403, "of other packages");
        let me = federation.world.tokens().who_am_i(bearing(wire::WhoAmIRequest {}, &granted.secret)).await.unwrap().into_inner();
        assert_eq!(me.actor, format!("project_1_job_{}", token.id));

        assert_eq!(reason(federation.exchange(asked(id_token)).await), Some(Reason::TokenInvalid), "it was used");
        // A request that is repeated is another thing.
        let request_id = "0b9d7f0e-6d3b-4b0a-9d5e-1f2a3b4c5d6e".to_owned();
        let id_token = federation.issuer.sign(&json!({"project_id": 42, "ref": "v1.0", "jti": "2"}));
        let wished = ExchangeTokenRequest {
            request_id,
            // Of `publish`, which the rule grants, a part.
            scopes: vec![wire::Scope::Read.into(), wire::Scope::TagMove.into()],
            ttl: Some(Duration { seconds: 60, nanos: 0 }),
            ..asked(id_token)
        };
        let first = federation.exchange(wished.clone()).await.unwrap();
        let second = federation.exchange(wished).await.unwrap();
        assert_eq!(
            (first.token.as_ref().map(|token| token.id), first.secret == second.secret),
            (second.token.map(|token| token.id), false)
        );
        assert_eq!(federation.world.rest.with_token(&first.secret).get(&file("tool", "1.0", "f")).await.status, 401);
        let reader = federation.world.rest.with_token(&second.secret);
        assert_eq!(reader.get(&file("tool", "1.0", "f")).await.text(), "hello");
        assert_eq!(reader.put(&file("tool", "1.0", "g"), "hello").await.status, 403, "it wished for less");

        let list = wire::ListAuditEntriesRequest { parent: "projects/1".to_owned(), ..Default::default() };
        let mut audit = wire::audit_service_client::AuditServiceClient::new(federation.world.channel.clone());
        let entries = audit.list_audit_entries(bearing(list, TOKEN)).await.unwrap().into_inner().audit_entries;
        let exchanged = entries.iter().find(|entry| entry.method == "ExchangeToken" && entry.token == token.id).unwrap();
        assert_eq!(exchanged.actor, me.actor);
        assert!(String::from_utf8_lossy(&exchanged.detail).contains("\"project_id\":\"42\""));
        assert!(!String::from_utf8_lossy(&exchanged.detail).contains("alice"), "what no rule named is not kept");
    }
}

#[tokio::test]
async fn whom_no_rule_trusts_learns_nothing() {
    let federation = Federation::start(Engine::Sqlite).await;
    federation.trust(federation.rule()).await.unwrap();
    let good = json!({"project_id": 42, "ref": "v1.0"});
    let with = |name: &str, value: serde_json::Value| {
        let mut claims = good.clone();
        claims[name] = value;
        federation.issuer.sign(&claims)
    };
    let stranger = Issuer::start().await;
    for (subject_token, expected) in [
        (with("project_id", json!(43)), Reason::TrustNotMatched),
        (with("ref", json!("main")), Reason::TrustNotMatched),
        (with("event_name", json!("pull_request_target")), Reason::TrustNotMatched),
        (with("aud", json!("others")), Reason::TrustNotMatched),
        (stranger.sign(&good), Reason::TrustNotMatched),
        (with("exp", json!(1)), Reason::TokenExpired),
        (with("iss", json!(stranger.address)), Reason::TrustNotMatched),
        ("nonsense".to_owned(), Reason::TokenInvalid),
        ("x".repeat(20_000), Reason::TokenInvalid),
        (String::new(), Reason::TokenInvalid),
    ] {
        let shown: String = subject_token.chars().take(40).collect();
        assert_eq!(reason(federation.exchange(asked(subject_token)).await), Some(expected), "{shown}");
    }
    // What is told of a bad token is the same whether a project trusts its issuer, does not, or is not there.
    for parent in ["projects/1", "projects/2", "projects/999"] {
        for (subject_token, expected) in [
            (forged(&federation.issuer.sign(&good)), Reason::TokenInvalid),
            (with("exp", json!(1)), Reason::TokenExpired),
            (stranger.sign(&good), Reason::TrustNotMatched),
        ] {
            let elsewhere = ExchangeTokenRequest { parent: parent.to_owned(), ..asked(subject_token) };
            assert_eq!(reason(federation.exchange(elsewhere).await), Some(expected), "{parent}");
        }
    }
    for parent in ["projects/2", "projects/999", "projects/root%2Fabsent"] {
        let elsewhere = ExchangeTokenRequest { parent: parent.to_owned(), ..asked(federation.issuer.sign(&good)) };
        let refused = federation.exchange(elsewhere).await.unwrap_err();
        assert_eq!(refused.message(), format!("no trust rule of `{parent}` takes this ID token"));
    }
    let more = ExchangeTokenRequest { scopes: vec![wire::Scope::Admin.into()], ..asked(federation.issuer.sign(&good)) };
    assert_eq!(reason(federation.exchange(more).await), Some(Reason::ScopeInsufficient));
    let nothing = ExchangeTokenRequest { ttl: Some(Duration::default()), ..asked(federation.issuer.sign(&good)) };
    assert_eq!(reason(federation.exchange(nothing).await), Some(Reason::ArgumentInvalid));
    assert_eq!(federation.world.service.database().count("tokens"), 1, "the administrator's alone");
}

/// The same token with another signature.
fn forged(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let first = if signature.starts_with('A') { "B" } else { "A" };
    format!("{signed}.{first}{}", &signature[1..])
}

#[tokio::test]
async fn trust_rules_are_kept_within_what_their_makers_have() {
    for engine in BOTH {
        let federation = Federation::start(engine).await;
        let rule = federation.trust(federation.rule()).await.unwrap();
        let mut tokens = federation.world.tokens();
        let get = GetTrustRuleRequest { name: rule.name.clone() };
        assert_eq!(tokens.get_trust_rule(bearing(get, TOKEN)).await.unwrap().into_inner().trust_rule.unwrap(), rule);
        let list = ListTrustRulesRequest { parent: "projects/1".to_owned(), ..Default::default() };
        assert_eq!(tokens.list_trust_rules(bearing(list, TOKEN)).await.unwrap().into_inner().trust_rules, std::slice::from_ref(&rule));

        let broken = |change: &dyn Fn(&mut TrustRule)| {
            let mut request = federation.rule();
            change(request.trust_rule.as_mut().unwrap());
            request
        };
        for request in [
            broken(&|rule| rule.claims.clear()),
            broken(&|rule| rule.claims = [("project_id".to_owned(), "*".to_owned())].into()),
            broken(&|rule| rule.audiences.clear()),
            broken(&|rule| rule.scopes.clear()),
            broken(&|rule| rule.stage_patterns = vec!["a".to_owned(); 51]),
            broken(&|rule| rule.stage_patterns = vec![String::new()]),
            broken(&|rule| rule.issuer = "http://example.com".to_owned()),
            broken(&|rule| rule.issuer = "https://not-named.example.com".to_owned()),
            broken(&|rule| {
                rule.issuer = "https://gitlab.com".to_owned();
                rule.claims = [("project_path".to_owned(), "group/tool".to_owned())].into();
            }),
            broken(&|rule| rule.role = wire::Role::Admin.into()),
            broken(&|rule| rule.maximum_ttl = Some(Duration { seconds: 90_000, nanos: 0 })),
        ] {
            assert_eq!(reason(federation.trust(request.clone()).await), Some(Reason::ArgumentInvalid), "{request:?}");
        }
        let (_, maintainer) = federation.world.token(wanted(1, Role::Maintainer, &[Scope::Admin, Scope::Read])).await;
        let as_maintainer = tokens.create_trust_rule(bearing(federation.rule(), &maintainer)).await;
        assert_eq!(reason(as_maintainer), Some(Reason::ScopeInsufficient), "it can't publish itself");

        let update = |change: TrustRule, path: &str| UpdateTrustRuleRequest {
            trust_rule: Some(TrustRule { name: rule.name.clone(), ..change }),
            update_mask: Some(FieldMask { paths: vec![path.to_owned()] }),
            ..Default::default()
        };
        let described = TrustRule { description: "releases".to_owned(), ..Default::default() };
        let refused = tokens.update_trust_rule(bearing(update(described.clone(), "description"), &maintainer)).await;
        assert_eq!(reason(refused), Some(Reason::ScopeInsufficient));
        let changed = tokens.update_trust_rule(bearing(update(described, "description"), TOKEN)).await.unwrap().into_inner();
        assert_eq!(changed.trust_rule.unwrap().description, "releases");
        let stale = TrustRule { etag: rule.etag.clone(), ..Default::default() };
        assert_eq!(reason(tokens.update_trust_rule(bearing(update(stale, "description"), TOKEN)).await), Some(Reason::EtagMismatch));

        for _ in 1..50 {
            federation.trust(federation.rule()).await.unwrap();
        }
        assert_eq!(reason(federation.trust(federation.rule()).await), Some(Reason::ArgumentInvalid), "too many");
        assert_eq!(federation.world.service.database().count("trust_rules"), 50);
        federation.world.service.database().execute("delete from trust_rules where id > 1");
        let remove = DeleteTrustRuleRequest { name: rule.name.clone(), ..Default::default() };
        tokens.delete_trust_rule(bearing(remove.clone(), TOKEN)).await.unwrap();
        assert_eq!(reason(tokens.delete_trust_rule(bearing(remove, TOKEN)).await), Some(Reason::RuleNotFound));
        let id_token = federation.issuer.sign(&json!({"project_id": 42, "ref": "v1.0"}));
        assert_eq!(reason(federation.exchange(asked(id_token)).await), Some(Reason::TrustNotMatched));
    }
}

#[tokio::test]
async fn a_job_is_told_of_packages_of_others_as_gitlab_tells_it_where_the_service_is_strict() {
    for (engine, strict) in BOTH.into_iter().flat_map(|engine| [(engine, false), (engine, true)]) {
        let builder = if strict { Builder::on(engine).flag("--strict-gitlab") } else { Builder::on(engine) };
        let federation = Federation::over(builder).await;
        let mut rule = federation.rule();
        rule.trust_rule.as_mut().unwrap().package_patterns.clear();
        federation.trust(rule).await.unwrap();
        let rest = &federation.world.rest;
        let path = "/api/v4/projects/2/packages/generic/tool/1.0/f";
        assert_eq!(rest.put(path, "hello").await.status, 201);
        let id = rest.get("/api/v4/projects/2/packages").await.json()[0]["id"].clone();
        let id_token = federation.issuer.sign(&json!({"project_id": 42, "ref": "v1.0", "jti": "7"}));
        let job = rest.with_token(&federation.exchange(asked(id_token)).await.unwrap().secret);

        let absent = (404, r#"{"message":"404 Project Not Found"}"#);
        let there = if strict { (403, r#"{"message":"403 Forbidden - Authentication by CI/CD job token not allowed"}"#) } else { absent };
        for of_packages in ["", &format!("/{id}"), &format!("/{id}/package_files"), &format!("/{id}/pipelines")] {
            for (project, expected) in [("2", there), ("root%2Fother", there), ("99", absent), ("root%2Fabsent", absent)] {
                let answer = job.get(&format!("/api/v4/projects/{project}/packages{of_packages}")).await;
                assert_eq!((answer.status, answer.text()), expected, "{engine:?} {strict} {project} {of_packages}");
            }
        }
        let deleted = job.send(job.request(reqwest::Method::DELETE, &format!("/api/v4/projects/2/packages/{id}"))).await;
        assert_eq!((deleted.status, deleted.text()), there, "{engine:?} {strict}");
        // Elsewhere, and for all others, what is private looks like what is absent.
        for path in ["/api/v4/projects/2", "/api/v4/projects/2/releases", path] {
            assert_eq!(job.get(path).await.status, 404, "{engine:?} {strict} {path}");
        }
        assert_eq!(job.put(path, "hello").await.status, 404);
        let new = json!({ "name": "ci", "scopes": ["api"], "access_level": 30 });
        let token = rest.send(rest.request(reqwest::Method::POST, "/api/v4/projects/1/access_tokens").json(&new)).await.json();
        let bot = rest.with_token(token["token"].as_str().unwrap());
        let answer = bot.get("/api/v4/projects/2/packages").await;
        assert_eq!((answer.status, answer.text()), absent, "{engine:?} {strict}");
        assert_eq!(job.get("/api/v4/projects/1/packages").await.status, 200, "its own");
    }
}
