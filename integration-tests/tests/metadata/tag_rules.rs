//! The rules over tags: what they refuse, and whom.

use consign_proto::metadata::tag_rule::{Action, Pattern};
use consign_proto::metadata::{CreateTagRequest, RestoreTagRequest, Role, TagRule};
use consign_types::Reason;
use integration_tests::grpc::authorized;
use integration_tests::publishing::{PACKAGE, brought, get_version, publish, refused};
use integration_tests::tagging::{
    add_rule, create, delete, facts, get, history, move_to, new_tag, protected, reason, remove_rule, require, rule, seal, seal_in,
    tag_name, update, version_name, without,
};
use integration_tests::{BOTH, Builder};
use tonic::Code;

const ID: &str = "0b9d7f0e-6d3b-4b0a-9d5e-1f2a3b4c5d6e";

#[tokio::test]
async fn an_immutable_tag_is_created_and_then_stays() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0", "2.0"]).await;
        publish(&grpc, brought(&grpc, PACKAGE, "1.0.0", &[("a", b"1.0")]).await).await.unwrap();
        let before = create(&grpc, new_tag("v0", "1.0")).await.unwrap().tag.unwrap();
        let why = "releases stand".to_owned();
        let added = add_rule(&grpc, TagRule { description: why.clone(), ..rule("v*", Action::Immutable) }).await.unwrap();

        let created = create(&grpc, new_tag("v1", "1.0")).await.unwrap().tag.unwrap();
        assert!(created.immutable && get(&grpc, "v0").await.unwrap().immutable && !before.immutable);
        for tag in ["v0", "v1"] {
            let moved = update(&grpc, move_to(tag, "2.0")).await;
            assert_eq!(refused(moved.clone()), (Code::FailedPrecondition, Some(Reason::TagImmutable)));
            let (_, details) = facts(moved);
            assert_eq!((details["resource"].as_str(), details["rule"].as_str()), (&*tag_name(tag), &*added.name));
            assert_eq!(details["rule_description"], why, "it is told to those whom it refuses");
            assert_eq!(reason(delete(&grpc, without(tag)).await), Some(Reason::TagImmutable));
        }
        assert_eq!(get(&grpc, "v1").await.unwrap(), created);
        assert_eq!(update(&grpc, move_to("v1", "1.0")).await.unwrap().tag.unwrap(), created);
        let same = update(&grpc, move_to("v1", "1.0.0")).await.unwrap();
        assert_eq!(same.tag.unwrap().version, version_name("1.0.0"), "another version with the same content");

        create(&grpc, new_tag("other", "1.0")).await.unwrap();
        update(&grpc, move_to("other", "2.0")).await.unwrap();
    }
}

#[tokio::test]
async fn a_restored_immutable_tag_is_answered_alike_each_time() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0"]).await;
        let created = create(&grpc, new_tag("v1", "1.0")).await.unwrap();
        delete(&grpc, without("v1")).await.unwrap();
        add_rule(&grpc, rule("v*", Action::Immutable)).await.unwrap();
        let request = RestoreTagRequest {
            name: tag_name("v1"),
            sequence: created.sequence,
            request_id: ID.to_owned(),
            ..RestoreTagRequest::default()
        };
        let restored = grpc.tags().restore_tag(authorized(request.clone())).await.unwrap().into_inner();
        assert!(restored.tag.as_ref().unwrap().immutable);
        assert_eq!(grpc.tags().restore_tag(authorized(request)).await.unwrap().into_inner(), restored);
    }
}

#[tokio::test]
async fn a_protected_tag_is_for_the_roles_that_its_rule_names() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0", "2.0"]).await;
        for tag in ["nobody", "mover", "remover"] {
            create(&grpc, new_tag(tag, "1.0")).await.unwrap();
        }
        let (nobody, admin) = (Role::Unspecified, Role::Admin);
        for new in [
            protected("nobody*", nobody, nobody, nobody),
            protected("maker*", admin, nobody, nobody),
            protected("mover*", nobody, Role::Guest, nobody),
            protected("remover*", nobody, nobody, admin),
        ] {
            let added = add_rule(&grpc, new.clone()).await.unwrap();
            assert_eq!((added.protection, added.pattern), (new.protection, new.pattern));
        }
        let denied = (Code::PermissionDenied, Some(Reason::TagProtected));
        for tag in ["nobody-new", "mover-new", "remover-new"] {
            assert_eq!(refused(create(&grpc, new_tag(tag, "1.0")).await), denied, "{tag}");
        }
        create(&grpc, new_tag("maker", "1.0")).await.unwrap();
        for tag in ["nobody", "maker", "remover"] {
            assert_eq!(refused(update(&grpc, move_to(tag, "2.0")).await), denied, "{tag}");
        }
        update(&grpc, move_to("mover", "2.0")).await.unwrap();
        for tag in ["nobody", "maker", "mover"] {
            assert_eq!(refused(delete(&grpc, without(tag)).await), denied, "{tag}");
        }
        delete(&grpc, without("remover")).await.unwrap();
        assert!(!get(&grpc, "nobody").await.unwrap().immutable);
    }
}

#[tokio::test]
async fn a_monotonic_tag_only_rises() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.2.0", "1.10.0-rc.1", "1.10.0", "nightly"]).await;
        add_rule(&grpc, rule("stable", Action::Monotonic)).await.unwrap();
        create(&grpc, new_tag("stable", "1.2.0")).await.unwrap();
        update(&grpc, move_to("stable", "1.10.0-rc.1")).await.unwrap();
        update(&grpc, move_to("stable", "1.10.0")).await.unwrap();

        for version in ["1.2.0", "1.10.0-rc.1", "nightly"] {
            let lower = update(&grpc, move_to("stable", version)).await;
            assert_eq!(refused(lower), (Code::FailedPrecondition, Some(Reason::TagNotMonotonic)), "{version}");
        }
        update(&grpc, move_to("stable", "1.10.0")).await.unwrap();
        let entries = history(&grpc, "stable", 0).await.unwrap();
        let back = RestoreTagRequest { name: tag_name("stable"), sequence: entries[1].sequence, ..RestoreTagRequest::default() };
        let back = grpc.tags().restore_tag(authorized(back)).await;
        assert_eq!(reason(back), Some(Reason::TagNotMonotonic), "going back is a move like any other");
        delete(&grpc, without("stable")).await.unwrap();
        create(&grpc, new_tag("stable", "1.2.0")).await.unwrap();
    }
}

#[tokio::test]
async fn a_tag_that_demands_attestations_is_not_for_versions_without() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0", "2.0"]).await;
        create(&grpc, new_tag("prod-old", "1.0")).await.unwrap();
        let types = ["https://slsa.dev/provenance/v1", "https://spdx.dev/Document"];
        add_rule(&grpc, require("prod-*", &types)).await.unwrap();

        let missing = create(&grpc, new_tag("prod-new", "1.0")).await;
        assert_eq!(refused(missing.clone()), (Code::FailedPrecondition, Some(Reason::AttestationMissing)));
        let (_, details) = facts(missing);
        assert_eq!(details["predicate_types"], types.join(" "));
        assert_eq!(reason(update(&grpc, move_to("prod-old", "2.0")).await), Some(Reason::AttestationMissing));
        assert_eq!(get(&grpc, "prod-old").await.unwrap().version, version_name("1.0"), "what breaks a rule already stays as it is");
        delete(&grpc, without("prod-old")).await.unwrap();
    }
}

#[tokio::test]
async fn of_several_rules_the_most_restrictive_wins() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0.0", "2.0.0"]).await;
        create(&grpc, new_tag("stable", "2.0.0")).await.unwrap();
        let down = || move_to("stable", "1.0.0");
        let nobody = Role::Unspecified;
        let mut added = Vec::new();
        for (new, expected) in [
            (require("s*", &["a"]), Reason::AttestationMissing),
            (rule("*", Action::Monotonic), Reason::TagNotMonotonic),
            (protected("st*", nobody, nobody, nobody), Reason::TagProtected),
            (rule("stable", Action::Immutable), Reason::TagImmutable),
        ] {
            added.push(add_rule(&grpc, new).await.unwrap());
            assert_eq!(reason(update(&grpc, down()).await), Some(expected));
        }
        for (rule, expected) in
            added.iter().rev().zip([Some(Reason::TagProtected), Some(Reason::TagNotMonotonic), Some(Reason::AttestationMissing), None])
        {
            remove_rule(&grpc, &rule.name, &rule.etag).await.unwrap();
            let moved = update(&grpc, down()).await;
            assert_eq!(moved.err().and_then(|status| facts(Err::<(), _>(status)).0), expected);
        }
    }
}

#[tokio::test]
async fn a_rule_fits_whole_names_of_tags_and_packages() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0", "2.0"]).await;
        seal_in(&grpc, "projects/1/packages/app", &["1.0"]).await;
        let regex = Pattern::TagRegex("v[0-9]+|rc".to_owned());
        let new = TagRule { pattern: Some(regex), package_glob: "to?l*".to_owned(), ..rule("", Action::Immutable) };
        add_rule(&grpc, new).await.unwrap();
        for (tag, fits) in [("v1", true), ("v", false), ("v1x", false), ("av1", false), ("rc", true), ("rc1", false)] {
            assert_eq!(create(&grpc, new_tag(tag, "1.0")).await.unwrap().tag.unwrap().immutable, fits, "{tag}");
        }
        let app = "projects/1/packages/app";
        let version = format!("{app}/versions/1.0");
        let elsewhere = CreateTagRequest { parent: app.to_owned(), version, ..new_tag("v1", "1.0") };
        assert!(!create(&grpc, elsewhere).await.unwrap().tag.unwrap().immutable);
    }
}

#[tokio::test]
async fn a_publish_is_judged_with_its_tags() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["2.0.0"]).await;
        for tag in ["fixed", "rising", "signed"] {
            create(&grpc, new_tag(tag, "2.0.0")).await.unwrap();
        }
        let nobody = Role::Unspecified;
        for new in [
            rule("fixed", Action::Immutable),
            rule("rising", Action::Monotonic),
            require("signed", &["a"]),
            protected("closed", nobody, nobody, nobody),
        ] {
            add_rule(&grpc, new).await.unwrap();
        }
        let set = brought(&grpc, PACKAGE, "1.0.0", &[("a", b"one")]).await;
        for (tag, expected) in [
            ("fixed", Reason::TagImmutable),
            ("rising", Reason::TagNotMonotonic),
            ("signed", Reason::AttestationMissing),
            ("closed", Reason::TagProtected),
        ] {
            let mut request = set.clone();
            request.tag_ids = vec!["free".to_owned(), tag.to_owned()];
            assert_eq!(reason(publish(&grpc, request).await), Some(expected));
        }
        assert_eq!(reason(get_version(&grpc, "1.0.0").await), Some(Reason::VersionNotFound), "nothing was published");
        assert_eq!(reason(get(&grpc, "free").await), Some(Reason::TagNotFound));
        publish(&grpc, set).await.unwrap();
    }
}
