//! The rules over tags themselves: made, listed, changed, tried, removed, and what they hold.

use consign_proto::metadata::tag_rule::{Action, Pattern};
use consign_proto::metadata::{
    CreateTagRuleRequest, DeletePackageRequest, DeleteTagRuleRequest, DeleteVersionRequest, ListTagRulesRequest, Role, TagProtection,
    TagRule, TestTagRuleRequest, TestTagRuleResponse, UpdateTagRuleRequest,
};
use consign_types::Reason;
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::publishing::{PACKAGE, get_version, refused};
use integration_tests::tagging::{
    add_rule, create, delete, facts, get, history, move_to, new_tag, protected, reason, remove_rule, require, rule, seal, tag_name, update,
    version_name, without,
};
use integration_tests::{BOTH, Builder, Engine};
use prost_types::FieldMask;
use tonic::{Code, Status};

const ID: &str = "0b9d7f0e-6d3b-4b0a-9d5e-1f2a3b4c5d6e";

async fn update_rule(grpc: &Grpc, rule: TagRule, paths: &[&str]) -> Result<TagRule, Status> {
    let mask = FieldMask { paths: paths.iter().map(|&path| path.to_owned()).collect() };
    let request = UpdateTagRuleRequest { tag_rule: Some(rule), update_mask: Some(mask), request_id: String::new() };
    Ok(grpc.tags().update_tag_rule(authorized(request)).await?.into_inner().tag_rule.unwrap())
}

async fn rules(grpc: &Grpc, page_size: i32) -> Vec<TagRule> {
    let mut request = ListTagRulesRequest { parent: "projects/1".to_owned(), page_size, page_token: String::new() };
    let mut rules = Vec::new();
    loop {
        let page = grpc.tags().list_tag_rules(authorized(request.clone())).await.unwrap().into_inner();
        rules.extend(page.tag_rules);
        if page.next_page_token.is_empty() {
            return rules;
        }
        request.page_token = page.next_page_token;
    }
}

async fn try_rule(grpc: &Grpc, rule: TagRule, tags: &[&str]) -> Result<TestTagRuleResponse, Status> {
    let tag_ids = tags.iter().map(|&tag| tag.to_owned()).collect();
    let request = TestTagRuleRequest { parent: "projects/1".to_owned(), tag_rule: Some(rule), tag_ids };
    Ok(grpc.tags().test_tag_rule(authorized(request)).await?.into_inner())
}

#[tokio::test]
async fn a_rule_is_made_listed_changed_and_removed() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0"]).await;
        let new = TagRule { description: "releases stay".to_owned(), package_glob: "tool".to_owned(), ..rule("v*", Action::Immutable) };
        let first = add_rule(&grpc, new.clone()).await.unwrap();
        let second = add_rule(&grpc, require("prod", &["a", "b"])).await.unwrap();
        let third = add_rule(&grpc, protected("nobody", Role::Unspecified, Role::Guest, Role::Owner)).await.unwrap();

        assert_eq!(first.name, format!("projects/1/tagRules/{}", first.id));
        let given = TagRule { name: String::new(), id: 0, create_time: None, update_time: None, etag: String::new(), ..first.clone() };
        assert_eq!(given, new);
        assert!(first.create_time.is_some() && first.create_time == first.update_time && !first.etag.is_empty());
        for size in [0, 1, 2] {
            assert_eq!(rules(&grpc, size).await, [first.clone(), second.clone(), third.clone()], "pages of {size}");
        }

        let change = TagRule { name: first.name.clone(), etag: first.etag.clone(), ..rule("w*", Action::Monotonic) };
        let changed = update_rule(&grpc, change.clone(), &["tag_glob"]).await.unwrap();
        assert_eq!(
            (changed.pattern.clone(), changed.action(), changed.description.as_str()),
            (change.pattern.clone(), Action::Immutable, "releases stay")
        );
        assert!(changed.etag != first.etag && changed.update_time != first.update_time && changed.create_time == first.create_time);
        assert_eq!(reason(update_rule(&grpc, change.clone(), &[]).await), Some(Reason::EtagMismatch));
        assert!(create(&grpc, new_tag("w1", "1.0")).await.unwrap().tag.unwrap().immutable, "it is in force at once");

        let regex = TagRule { etag: changed.etag, pattern: Some(Pattern::TagRegex("x+".to_owned())), ..change };
        let changed = update_rule(&grpc, regex.clone(), &[]).await.unwrap();
        assert_eq!((changed.pattern.clone(), changed.action(), changed.package_glob.as_str()), (regex.pattern, Action::Monotonic, "tool"));
        let cleared =
            update_rule(&grpc, TagRule { name: first.name.clone(), ..TagRule::default() }, &["package_glob", "description"]).await.unwrap();
        assert_eq!((cleared.package_glob.as_str(), cleared.description.as_str()), ("", ""));

        assert_eq!(reason(remove_rule(&grpc, &first.name, &first.etag).await), Some(Reason::EtagMismatch));
        remove_rule(&grpc, &first.name, &cleared.etag).await.unwrap();
        assert_eq!(rules(&grpc, 0).await, [second, third]);
        assert_eq!(refused(remove_rule(&grpc, &first.name, "").await), (Code::NotFound, Some(Reason::RuleNotFound)));
        assert_eq!(reason(update_rule(&grpc, cleared, &["tag_regex"]).await), Some(Reason::RuleNotFound));
        let next = add_rule(&grpc, rule("*", Action::Immutable)).await.unwrap();
        assert!(next.id > first.id + 2, "an id is never given again");
    }
}

#[tokio::test]
async fn a_rule_is_made_once_for_one_request_id() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let send = async |rule: TagRule| {
            let parent = "projects/1".to_owned();
            let request = CreateTagRuleRequest { parent, tag_rule: Some(rule), request_id: ID.to_owned() };
            grpc.tags().create_tag_rule(authorized(request)).await.map(|made| made.into_inner().tag_rule.unwrap())
        };
        let made = send(rule("v*", Action::Immutable)).await.unwrap();
        assert_eq!(send(rule("v*", Action::Immutable)).await.unwrap(), made);
        assert_eq!(reason(send(rule("w*", Action::Immutable)).await), Some(Reason::RequestIdReused));
        assert_eq!(rules(&grpc, 0).await.len(), 1);

        let request_id = ID.replace('0', "1");
        let request = DeleteTagRuleRequest { name: made.name, etag: made.etag, request_id };
        for _ in 0..2 {
            grpc.tags().delete_tag_rule(authorized(request.clone())).await.unwrap();
        }
    }
}

#[tokio::test]
async fn what_is_no_whole_rule_is_refused() {
    let (_service, grpc) = Builder::on(Engine::Sqlite).demo_grpc().await;
    let immutable = || rule("v*", Action::Immutable);
    let regex = |text: &str| TagRule { pattern: Some(Pattern::TagRegex(text.to_owned())), ..immutable() };
    let role = |number| TagProtection { minimum_create_role: number, ..TagProtection::default() };
    for new in [
        TagRule::default(),
        TagRule { pattern: None, ..immutable() },
        TagRule { action: 0, ..immutable() },
        TagRule { action: 99, ..immutable() },
        rule("", Action::Immutable),
        rule(&"x".repeat(256), Action::Immutable),
        regex("("),
        regex(""),
        TagRule { package_glob: "x".repeat(256), ..immutable() },
        rule("v*", Action::Protected),
        TagRule { protection: Some(role(99)), ..rule("v*", Action::Protected) },
        TagRule { protection: Some(role(0)), ..immutable() },
        require("v*", &[]),
        TagRule { predicate_types: vec!["a".to_owned()], ..immutable() },
        TagRule { description: "x".repeat(4097), ..immutable() },
    ] {
        let shown = format!("{new:?}");
        assert_eq!(refused(add_rule(&grpc, new.clone()).await), (Code::InvalidArgument, Some(Reason::ArgumentInvalid)), "{shown}");
        if new.description.is_empty() {
            assert_eq!(reason(try_rule(&grpc, new, &[]).await), Some(Reason::ArgumentInvalid), "{shown}");
        }
    }
    let made = add_rule(&grpc, immutable()).await.unwrap();
    assert_eq!(reason(update_rule(&grpc, made.clone(), &["id"]).await), Some(Reason::ArgumentInvalid));
    assert_eq!(rules(&grpc, 0).await, [made]);
    let request = CreateTagRuleRequest { parent: "projects/9".to_owned(), tag_rule: Some(immutable()), request_id: String::new() };
    assert_eq!(reason(grpc.tags().create_tag_rule(authorized(request)).await), Some(Reason::ProjectNotFound));
}

#[tokio::test]
async fn a_rule_is_tried_before_it_is_made() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0"]).await;
        for tag in ["v1", "v2", "stable"] {
            create(&grpc, new_tag(tag, "1.0")).await.unwrap();
        }
        let tried = try_rule(&grpc, rule("v*", Action::Immutable), &[]).await.unwrap();
        let mut fitting: Vec<_> =
            tried.matches.iter().map(|one| (one.tag_id.as_str(), one.tag.clone(), one.matched, one.violated)).collect();
        fitting.sort_unstable();
        assert_eq!(fitting, [("v1", tag_name("v1"), true, false), ("v2", tag_name("v2"), true, false)]);
        assert_eq!(tried.matched_count, 2);

        let tried = try_rule(&grpc, require("v?", &["a"]), &["v3", "stable", "v1"]).await.unwrap();
        let given: Vec<_> = tried.matches.iter().map(|one| (one.tag_id.as_str(), one.tag.clone(), one.matched, one.violated)).collect();
        let expected =
            [("v3", String::new(), true, false), ("stable", tag_name("stable"), false, false), ("v1", tag_name("v1"), true, true)];
        assert_eq!(given, expected, "in the order of the request");
        assert!(tried.matches.iter().all(|one| !one.reason.is_empty()));
        assert_eq!(tried.matched_count, 2);
        let elsewhere = TagRule { package_glob: "other*".to_owned(), ..rule("*", Action::Immutable) };
        assert_eq!(try_rule(&grpc, elsewhere, &[]).await.unwrap(), TestTagRuleResponse::default());

        assert_eq!(reason(try_rule(&grpc, rule("*", Action::Immutable), &["a"; 1001]).await), Some(Reason::ArgumentInvalid));
        assert!(rules(&grpc, 0).await.is_empty() && !get(&grpc, "v1").await.unwrap().immutable, "nothing has changed");
    }
}

#[tokio::test]
async fn a_rule_for_other_packages_is_tried_as_such() {
    let (_service, grpc) = Builder::on(Engine::Sqlite).demo_grpc().await;
    seal(&grpc, &["1.0"]).await;
    create(&grpc, new_tag("v1", "1.0")).await.unwrap();
    let elsewhere = TagRule { package_glob: "other*".to_owned(), ..require("*", &["a"]) };
    let tried = try_rule(&grpc, elsewhere, &["v1"]).await.unwrap();
    let one = &tried.matches[0];
    assert!(!one.violated && (!one.matched || one.tag.is_empty()), "`{}` is of a package that the rule does not fit", one.tag);
}

#[tokio::test]
async fn a_tag_under_a_rule_holds_its_version_and_package() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0", "2.0", "3.0"]).await;
        for (tag, version) in [("fixed", "1.0"), ("free", "1.0"), ("closed", "2.0"), ("rising", "3.0")] {
            create(&grpc, new_tag(tag, version)).await.unwrap();
        }
        add_rule(&grpc, rule("fixed", Action::Immutable)).await.unwrap();
        add_rule(&grpc, protected("closed", Role::Admin, Role::Admin, Role::Admin)).await.unwrap();
        add_rule(&grpc, rule("rising", Action::Monotonic)).await.unwrap();
        let remove = async |version: &str, force| {
            let request = DeleteVersionRequest { name: version_name(version), force, ..DeleteVersionRequest::default() };
            grpc.packages().delete_version(authorized(request)).await.map(|_| ())
        };

        for (version, tag) in [("1.0", "fixed"), ("2.0", "closed")] {
            let held = remove(version, false).await;
            assert_eq!(refused(held.clone()), (Code::FailedPrecondition, Some(Reason::VersionInUse)));
            let (_, details) = facts(held);
            assert_eq!((details["resource"].as_str(), details["held_by"].as_str()), (&*version_name(version), &*tag_name(tag)));
            assert_eq!(get_version(&grpc, version).await.unwrap().version, version);
        }
        remove("3.0", false).await.unwrap();
        let remove_package = async |force| {
            let request = DeletePackageRequest { name: PACKAGE.to_owned(), force, ..DeletePackageRequest::default() };
            grpc.packages().delete_package(authorized(request)).await
        };
        let (held, details) = facts(remove_package(false).await);
        let mut holders: Vec<_> = details["held_by"].split(' ').collect();
        holders.sort_unstable();
        assert_eq!((held, holders), (Some(Reason::VersionInUse), vec![&*tag_name("closed"), &*tag_name("fixed")]));

        remove("1.0", true).await.unwrap();
        assert_eq!(reason(get(&grpc, "fixed").await), Some(Reason::TagNotFound));
        assert_eq!(history(&grpc, "fixed", 0).await.unwrap()[0].version, "");
        assert_eq!(reason(delete(&grpc, without("free")).await), Some(Reason::TagNotFound));
        update(&grpc, move_to("closed", "2.0")).await.unwrap();
        remove_package(true).await.unwrap();
    }
}
