//! Rules that keep packages for some roles.

use consign_proto::metadata::{
    self as wire, BatchUpdateTagsRequest, CreateProtectionRuleRequest, CreateTokenRequest, DeletePackageRequest,
    DeleteProtectionRuleRequest, ListProtectionRulesRequest, ProtectionRule, PublishVersionRequest, UpdateProtectionRuleRequest,
};
use consign_types::Reason;
use consign_types::access::{Role, Scope};
use integration_tests::grpc::refusal;
use integration_tests::rest::file;
use integration_tests::{BOTH, Engine, TOKEN};
use prost_types::FieldMask;
use reqwest::Method;
use serde_json::{Value, json};
use tonic::Status;

use crate::world::*;

fn reason<T>(answer: Result<T, Status>) -> Option<Reason> {
    answer.err().and_then(|status| refusal(&status).1)
}

fn rule(pattern: &str, publish: Option<Role>, delete: Option<Role>) -> CreateProtectionRuleRequest {
    let least = |role: Option<Role>| role.map_or(wire::Role::Unspecified, wire::Role::from).into();
    let rule = ProtectionRule {
        package_pattern: pattern.to_owned(),
        minimum_publish_role: least(publish),
        minimum_delete_role: least(delete),
        ..Default::default()
    };
    CreateProtectionRuleRequest { parent: "projects/1".to_owned(), protection_rule: Some(rule), ..Default::default() }
}

#[tokio::test]
async fn a_protected_package_takes_its_role_and_is_never_published_by_a_deploy_token() {
    for engine in BOTH {
        let world = World::start(engine).await;
        for package in ["app-web", "lib"] {
            assert_eq!(world.rest.put(&file(package, "1.0", "f"), "hello").await.status, 201);
        }
        let mut packages = world.grpc().packages();
        let made = packages.create_protection_rule(bearing(rule("app-*", Some(Role::Maintainer), Some(Role::Owner)), TOKEN)).await;
        let made = made.unwrap().into_inner().protection_rule.unwrap();
        assert_eq!((made.name.as_str(), made.package_pattern.as_str()), ("projects/1/protectionRules/1", "app-*"));

        let (_, developer) = world.token(wanted(1, Role::Developer, &Scope::ALL)).await;
        let (_, maintainer) = world.token(wanted(1, Role::Maintainer, &Scope::ALL)).await;
        let deploy =
            CreateTokenRequest { kind: wire::token::Kind::Deploy.into(), ..wanted(1, Role::Owner, &[Scope::Read, Scope::Publish]) };
        let (_, deploy) = world.token(deploy).await;
        for (secret, package, status) in [
            (&developer, "app-web", 403),
            (&developer, "lib", 201),
            (&maintainer, "app-web", 201),
            (&deploy, "app-web", 403),
            (&deploy, "lib", 201),
        ] {
            let answer = world.rest.with_token(secret).put(&file(package, "2.0", "f"), "hello").await;
            assert_eq!(answer.status, status, "{package}: {}", answer.text());
            if status == 403 {
                assert_eq!(answer.text(), r#"{"message":"403 Forbidden - Package protected."}"#);
            }
        }
        assert_eq!(world.rest.with_token(&developer).get(&file("app-web", "1.0", "f")).await.text(), "hello");

        let publish = PublishVersionRequest {
            parent: "projects/1/packages/app-web".to_owned(),
            version_id: "3.0".to_owned(),
            validate_only: true,
            ..Default::default()
        };
        let status = packages.publish_version(bearing(publish, &developer)).await.unwrap_err();
        assert_eq!(refusal(&status).1, Some(Reason::PackageProtected));
        let delete =
            |validate_only| DeletePackageRequest { name: "projects/1/packages/app-web".to_owned(), validate_only, ..Default::default() };
        assert_eq!(reason(packages.delete_package(bearing(delete(true), &maintainer)).await), Some(Reason::PackageProtected));
        assert_eq!(reason(packages.delete_package(bearing(delete(true), TOKEN)).await), None);
        // Not by way of a batch over the project either.
        let update = wire::TagUpdate {
            name: "projects/1/packages/app-web/tags/stable".to_owned(),
            version: "projects/1/packages/app-web/versions/1.0".to_owned(),
            ..Default::default()
        };
        let batch = BatchUpdateTagsRequest { parent: "projects/1".to_owned(), updates: vec![update], ..Default::default() };
        let batch = world.grpc().tags().batch_update_tags(bearing(batch, &developer)).await;
        assert_eq!(reason(batch), Some(Reason::PackageProtected));

        let remove = DeleteProtectionRuleRequest { name: made.name, ..Default::default() };
        let refused = packages.delete_protection_rule(bearing(remove.clone(), &maintainer)).await;
        assert_eq!(reason(refused), Some(Reason::RoleInsufficient), "it asks for an owner");
        let stricter = rule("x-*", Some(Role::Owner), None);
        assert_eq!(reason(packages.create_protection_rule(bearing(stricter, &maintainer)).await), Some(Reason::RoleInsufficient));
        packages.delete_protection_rule(bearing(remove.clone(), TOKEN)).await.unwrap();
        assert_eq!(world.rest.with_token(&developer).put(&file("app-web", "2.0", "g"), "hello").await.status, 201, "at once");
        assert_eq!(reason(packages.delete_protection_rule(bearing(remove, TOKEN)).await), Some(Reason::RuleNotFound));
    }
}

#[tokio::test]
async fn a_token_that_only_moves_tags_publishes_nothing_and_is_kept_from_protected_packages_too() {
    let world = World::start(Engine::Sqlite).await;
    for package in ["app-web", "lib"] {
        assert_eq!(world.rest.put(&file(package, "1.0", "f"), "hello").await.status, 201);
    }
    let kept = rule("app-*", Some(Role::Maintainer), None);
    world.grpc().packages().create_protection_rule(bearing(kept, TOKEN)).await.unwrap();
    let (_, mover) = world.token(wanted(1, Role::Developer, &[Scope::TagMove])).await;
    let deploy_mover = CreateTokenRequest { kind: wire::token::Kind::Deploy.into(), ..wanted(1, Role::Owner, &[Scope::TagMove]) };
    let (_, deploy_mover) = world.token(deploy_mover).await;
    for (secret, package, expected) in [
        (&mover, "lib", None),
        (&deploy_mover, "lib", None),
        (&mover, "app-web", Some(Reason::PackageProtected)),
        (&deploy_mover, "app-web", Some(Reason::PackageProtected)),
    ] {
        let tag = wire::UpdateTagRequest {
            tag: Some(wire::Tag {
                name: format!("projects/1/packages/{package}/tags/stable"),
                version: format!("projects/1/packages/{package}/versions/1.0"),
                ..Default::default()
            }),
            allow_missing: true,
            ..Default::default()
        };
        assert_eq!(reason(world.grpc().tags().update_tag(bearing(tag, secret)).await), expected, "{package}");
        assert_eq!(world.rest.with_token(secret).put(&file(package, "1.0", "x"), "x").await.status, 403, "{package}");
    }
}

#[tokio::test]
async fn protection_rules_are_listed_changed_and_have_patterns_of_their_own() {
    for engine in BOTH {
        let world = World::start(engine).await;
        let mut packages = world.grpc().packages();
        let request_id = "0b9d7f0e-6d3b-4b0a-9d5e-1f2a3b4c5d6e".to_owned();
        let new = CreateProtectionRuleRequest { request_id, ..rule("a-*", Some(Role::Maintainer), None) };
        let first = packages.create_protection_rule(bearing(new.clone(), TOKEN)).await.unwrap().into_inner().protection_rule.unwrap();
        let again = packages.create_protection_rule(bearing(new, TOKEN)).await.unwrap().into_inner().protection_rule.unwrap();
        assert_eq!(first, again, "once more");
        packages.create_protection_rule(bearing(rule("b-*", None, Some(Role::Admin)), TOKEN)).await.unwrap();
        for (broken, expected) in [
            (rule("a-*", Some(Role::Owner), None), Reason::NameTaken),
            (rule("c", None, None), Reason::ArgumentInvalid),
            (rule("", Some(Role::Owner), None), Reason::NameInvalid),
            (rule(&"c".repeat(256), Some(Role::Owner), None), Reason::NameInvalid),
            (CreateProtectionRuleRequest { protection_rule: None, ..rule("c", None, None) }, Reason::ArgumentInvalid),
        ] {
            assert_eq!(reason(packages.create_protection_rule(bearing(broken, TOKEN)).await), Some(expected));
        }

        let mut update = async |rule: ProtectionRule, paths: &[&str]| {
            let update_mask = Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() });
            let request = UpdateProtectionRuleRequest { protection_rule: Some(rule), update_mask, ..Default::default() };
            packages.update_protection_rule(bearing(request, TOKEN)).await.map(|answer| answer.into_inner().protection_rule.unwrap())
        };
        let named = |pattern: &str, etag: &str| ProtectionRule {
            name: first.name.clone(),
            package_pattern: pattern.to_owned(),
            etag: etag.to_owned(),
            ..Default::default()
        };
        assert_eq!(reason(update(named("b-*", ""), &["package_pattern"]).await), Some(Reason::NameTaken));
        assert_eq!(reason(update(named("c-*", "of-long-ago"), &["package_pattern"]).await), Some(Reason::EtagMismatch));
        assert_eq!(reason(update(named("", ""), &["minimum_publish_role"]).await), Some(Reason::ArgumentInvalid), "nothing is left");
        let changed = update(named("c-*", &first.etag), &["package_pattern"]).await.unwrap();
        assert_eq!((changed.package_pattern.as_str(), changed.minimum_publish_role()), ("c-*", wire::Role::Maintainer));
        assert_ne!(changed.etag, first.etag);

        let page = ListProtectionRulesRequest { parent: "projects/1".to_owned(), page_size: 1, ..Default::default() };
        let one = packages.list_protection_rules(bearing(page.clone(), TOKEN)).await.unwrap().into_inner();
        let rest = ListProtectionRulesRequest { page_token: one.next_page_token, ..page };
        let two = packages.list_protection_rules(bearing(rest, TOKEN)).await.unwrap().into_inner();
        let patterns: Vec<_> = one.protection_rules.iter().chain(&two.protection_rules).map(|rule| rule.package_pattern.as_str()).collect();
        assert_eq!((patterns.as_slice(), two.next_page_token.as_str()), (["c-*", "b-*"].as_slice(), ""));
        for number in 2..100 {
            packages.create_protection_rule(bearing(rule(&format!("d{number}"), Some(Role::Owner), None), TOKEN)).await.unwrap();
        }
        let one_more = packages.create_protection_rule(bearing(rule("e", Some(Role::Owner), None), TOKEN)).await;
        assert_eq!(reason(one_more), Some(Reason::ArgumentInvalid));
        assert_eq!(world.service.database().count("protection_rules"), 100);
    }
}

#[tokio::test]
async fn rules_are_made_listed_changed_and_removed_over_rest() {
    let world = World::start(Engine::Sqlite).await;
    let rules = "/api/v4/projects/root%2Fdemo/packages/protection/rules";
    let send = async |method: Method, path: &str, body: Value| world.rest.send(world.rest.request(method, path).json(&body)).await;
    let new = json!({ "package_name_pattern": "app-*", "package_type": "generic", "minimum_access_level_for_push": "maintainer" });
    let made = send(Method::POST, rules, new.clone()).await;
    let rule = json!({
        "id": 1,
        "project_id": 1,
        "package_name_pattern": "app-*",
        "package_type": "generic",
        "minimum_access_level_for_delete": null,
        "minimum_access_level_for_push": "maintainer",
    });
    assert_eq!((made.status, made.json()), (201, rule.clone()));
    assert_eq!(world.rest.get(rules).await.json(), json!([rule]));

    let changed = send(Method::PATCH, &format!("{rules}/1"), json!({ "minimum_access_level_for_delete": "owner" })).await;
    assert_eq!((changed.status, &changed.json()["minimum_access_level_for_delete"]), (200, &json!("owner")));
    let form = world.rest.request(Method::PATCH, &format!("{rules}/1")).header("content-type", "application/x-www-form-urlencoded");
    let form = form.body("minimum_access_level_for_push=");
    assert_eq!(world.rest.send(form).await.json()["minimum_access_level_for_push"], Value::Null);

    let with = |field: &str, value: Value| {
        let mut new = new.clone();
        new[field] = value;
        new
    };
    for (method, path, body, status, told) in [
        (Method::POST, rules.to_owned(), with("package_type", json!("npm")), 400, "package_type does not have a valid value"),
        (Method::POST, rules.to_owned(), with("package_type", Value::Null), 400, "package_type is missing"),
        (Method::POST, rules.to_owned(), with("package_name_pattern", Value::Null), 400, "package_name_pattern is missing"),
        (Method::POST, rules.to_owned(), with("minimum_access_level_for_push", json!("guest")), 400, "does not have a valid value"),
        (Method::POST, rules.to_owned(), with("minimum_access_level_for_push", Value::Null), 400, "at least one parameter"),
        (Method::POST, rules.to_owned(), new.clone(), 422, "Package name pattern has already been taken"),
        (Method::PATCH, format!("{rules}/1"), json!({}), 400, "at least one parameter must be provided"),
        (Method::PATCH, format!("{rules}/1"), json!({ "minimum_access_level_for_delete": null }), 400, "Bad request"),
        (Method::PATCH, format!("{rules}/2"), json!({ "package_name_pattern": "x" }), 404, "404 Package protection rule Not Found"),
        (Method::DELETE, format!("{rules}/x"), json!({}), 400, "package_protection_rule_id is invalid"),
    ] {
        let answer = send(method.clone(), &path, body.clone()).await;
        assert_eq!(answer.status, status, "{method} {path} {body}: {}", answer.text());
        assert!(answer.text().contains(told), "{method} {path} {body}: {}", answer.text());
    }
    for status in [204, 404] {
        assert_eq!(send(Method::DELETE, &format!("{rules}/1"), json!({})).await.status, status);
    }
    assert_eq!(world.rest.get(rules).await.json(), json!([]));
}
