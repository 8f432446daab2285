//! The life of tokens, and what they may hand on.

use std::time::{Duration, SystemTime};

use consign_proto::metadata::{self as wire, CreateTokenRequest, ListTokensRequest, RevokeTokenRequest, RotateTokenRequest, WhoAmIRequest};
use consign_types::Reason;
use consign_types::access::{Role, Scope};
use integration_tests::grpc::refusal;
use integration_tests::rest::file;
use integration_tests::{BOTH, Engine, TOKEN, wait};
use tonic::Code;

use crate::world::*;

#[tokio::test]
async fn a_token_lives_is_rotated_and_ends() {
    for engine in BOTH {
        let world = World::start(engine).await;
        let mut tokens = world.tokens();
        let (token, first) = world.token(wanted(1, Role::Maintainer, &[Scope::Read, Scope::Admin])).await;
        assert!(first.starts_with("consign_prj_"), "{first}");
        assert_eq!(
            (token.name.as_str(), token.creator.as_str(), token.etag.is_empty()),
            (format!("projects/1/tokens/{}", token.id).as_str(), "root", false)
        );
        let me = tokens.who_am_i(bearing(WhoAmIRequest {}, &first)).await.unwrap().into_inner();
        assert_eq!((me.actor, me.user, me.token.unwrap().id), (format!("project_1_bot_{}", token.id), String::new(), token.id));
        let root = tokens.who_am_i(bearing(WhoAmIRequest {}, TOKEN)).await.unwrap().into_inner();
        assert_eq!((root.actor.as_str(), root.user.as_str()), ("root", "users/1"));

        // It rotates itself, and the old secret counts for a while.
        let overlap = Some(prost_types::Duration { seconds: 60, nanos: 0 });
        let rotate = RotateTokenRequest { name: token.name.clone(), overlap, ..Default::default() };
        let rotated = tokens.rotate_token(bearing(rotate, &first)).await.unwrap().into_inner();
        assert_ne!(rotated.secret, first);
        for secret in [&first, &rotated.secret] {
            assert!(tokens.who_am_i(bearing(WhoAmIRequest {}, secret)).await.is_ok());
        }
        let rotate = RotateTokenRequest { name: token.name.clone(), ..Default::default() };
        let again = tokens.rotate_token(bearing(rotate, TOKEN)).await.unwrap().into_inner();
        for secret in [&first, &rotated.secret] {
            assert_eq!(refusal(&tokens.who_am_i(bearing(WhoAmIRequest {}, secret)).await.unwrap_err()).1, Some(Reason::TokenRevoked));
        }

        let listed = ListTokensRequest { parent: "projects/1".to_owned(), ..Default::default() };
        let list = async |request: &ListTokensRequest| {
            world.tokens().list_tokens(bearing(request.clone(), TOKEN)).await.unwrap().into_inner().tokens
        };
        let shown =
            wait::until("the note of its use", async || list(&listed).await.into_iter().find(|token| token.last_use_time.is_some()));
        assert_eq!(shown.await.id, token.id);

        let stale = RevokeTokenRequest { name: token.name.clone(), etag: token.etag.clone(), ..Default::default() };
        assert_eq!(refusal(&tokens.revoke_token(bearing(stale, TOKEN)).await.unwrap_err()).1, Some(Reason::EtagMismatch));
        let revoke = RevokeTokenRequest { name: token.name.clone(), ..Default::default() };
        let revoked = tokens.revoke_token(bearing(revoke.clone(), &again.secret)).await.unwrap().into_inner().token.unwrap();
        assert!(revoked.revoke_time.is_some());
        assert_eq!(tokens.revoke_token(bearing(revoke, TOKEN)).await.unwrap().into_inner().token.unwrap(), revoked, "once more");
        assert_eq!(refusal(&tokens.who_am_i(bearing(WhoAmIRequest {}, &again.secret)).await.unwrap_err()).1, Some(Reason::TokenRevoked));
        assert!(list(&listed).await.is_empty());
        assert_eq!(list(&ListTokensRequest { show_inactive: true, ..listed.clone() }).await.len(), 1);
        let rotate = RotateTokenRequest { name: token.name.clone(), ..Default::default() };
        assert_eq!(refusal(&tokens.rotate_token(bearing(rotate, TOKEN)).await.unwrap_err()).1, Some(Reason::TokenNotActive));
        let missing = RevokeTokenRequest { name: "projects/1/tokens/999".to_owned(), ..Default::default() };
        assert_eq!(refusal(&tokens.revoke_token(bearing(missing, TOKEN)).await.unwrap_err()).1, Some(Reason::TokenNotFound));
        let elsewhere = RevokeTokenRequest { name: format!("projects/2/tokens/{}", token.id), ..Default::default() };
        assert_eq!(refusal(&tokens.revoke_token(bearing(elsewhere, TOKEN)).await.unwrap_err()).1, Some(Reason::TokenNotFound));
    }
}

#[expect(clippy::disallowed_methods, reason = "the service under test goes by the system's clock")]
fn now() -> SystemTime {
    SystemTime::now()
}

#[tokio::test]
async fn a_token_ends_at_its_time() {
    let world = World::start(Engine::Sqlite).await;
    let expire_time = Some(prost_types::Timestamp::from(now() + Duration::from_secs(2)));
    let (token, secret) = world.token(CreateTokenRequest { expire_time, ..wanted(1, Role::Reporter, &[Scope::Read]) }).await;
    assert!(!token.expired);

    let refused = wait::until("its end", async || world.tokens().who_am_i(bearing(WhoAmIRequest {}, &secret)).await.err()).await;

    assert_eq!(refusal(&refused).1, Some(Reason::TokenExpired));
    assert_eq!(world.rest.with_token(&secret).get(&file("tool", "1.0", "f")).await.status, 401);
    let listed = |show_inactive, hide_active| ListTokensRequest {
        parent: "projects/1".to_owned(),
        show_inactive,
        hide_active,
        ..ListTokensRequest::default()
    };
    for (request, expected) in [(listed(false, false), &[][..]), (listed(true, true), &[true]), (listed(true, false), &[true])] {
        let tokens = world.tokens().list_tokens(bearing(request.clone(), TOKEN)).await.unwrap().into_inner().tokens;
        assert_eq!(tokens.iter().map(|token| token.expired).collect::<Vec<_>>(), expected, "{request:?}");
    }
    let rotate = RotateTokenRequest { name: token.name, ..Default::default() };
    let refused = world.tokens().rotate_token(bearing(rotate, TOKEN)).await.unwrap_err();
    let (code, reason, _) = refusal(&refused);
    assert_eq!((code, reason), (Code::FailedPrecondition, Some(Reason::TokenNotActive)), "the caller's own counts");
}

#[tokio::test]
async fn nobody_makes_a_token_that_may_do_more_than_theirs() {
    let world = World::start(Engine::Sqlite).await;
    let (_, maintainer) = world.token(wanted(1, Role::Maintainer, &[Scope::Read, Scope::Admin])).await;
    let mut tokens = world.tokens();
    let mut refused = async |request: CreateTokenRequest, token: &str| {
        let status = tokens.create_token(bearing(request, token)).await.err();
        status.and_then(|status| refusal(&status).1)
    };
    let ordinary = || wanted(1, Role::Reporter, &[Scope::Read]);

    assert_eq!(refused(ordinary(), &maintainer).await, None);
    assert_eq!(refused(wanted(1, Role::Owner, &[Scope::Read]), &maintainer).await, Some(Reason::RoleInsufficient));
    assert_eq!(refused(wanted(1, Role::Reporter, &[Scope::Publish]), &maintainer).await, Some(Reason::ScopeInsufficient));
    assert_eq!(refused(wanted(2, Role::Reporter, &[Scope::Read]), &maintainer).await, Some(Reason::ProjectNotFound));
    let personal = CreateTokenRequest { parent: "users/root".to_owned(), kind: 1, role: 0, ..ordinary() };
    assert_eq!(refused(personal.clone(), &maintainer).await, Some(Reason::UserNotFound));
    assert_eq!(refused(personal.clone(), TOKEN).await, None);
    assert_eq!(
        refused(CreateTokenRequest { parent: "users/nobody".to_owned(), ..personal.clone() }, TOKEN).await,
        Some(Reason::UserNotFound)
    );
    let past = Some(prost_types::Timestamp { seconds: 1, nanos: 0 });
    for broken in [
        CreateTokenRequest { display_name: String::new(), ..ordinary() },
        CreateTokenRequest { scopes: Vec::new(), ..ordinary() },
        CreateTokenRequest { scopes: vec![99], ..ordinary() },
        CreateTokenRequest { kind: 0, ..ordinary() },
        CreateTokenRequest { kind: wire::token::Kind::Job.into(), ..ordinary() },
        CreateTokenRequest { kind: wire::token::Kind::Personal.into(), ..ordinary() },
        CreateTokenRequest { role: wire::Role::Admin.into(), ..ordinary() },
        CreateTokenRequest { role: 99, ..ordinary() },
        CreateTokenRequest { expire_time: past, ..ordinary() },
        CreateTokenRequest { package_patterns: vec!["a".to_owned(); 51], ..ordinary() },
        CreateTokenRequest { package_patterns: vec![String::new()], ..ordinary() },
        CreateTokenRequest { stage_patterns: vec!["a".to_owned(); 51], ..ordinary() },
        CreateTokenRequest { stage_patterns: vec![String::new()], ..ordinary() },
        CreateTokenRequest { kind: wire::token::Kind::Deploy.into(), ..wanted(1, Role::Owner, &[Scope::Delete]) },
        CreateTokenRequest { role: 2, ..personal },
    ] {
        assert_eq!(refused(broken.clone(), TOKEN).await, Some(Reason::ArgumentInvalid), "{broken:?}");
    }
}

#[tokio::test]
async fn the_same_request_again_makes_another_secret_for_the_same_token() {
    for engine in BOTH {
        let world = World::start(engine).await;
        let request_id = "0b9d7f0e-6d3b-4b0a-9d5e-1f2a3b4c5d6e".to_owned();
        let request = CreateTokenRequest { request_id, ..wanted(1, Role::Reporter, &[Scope::Read]) };
        let (one, first) = world.token(request.clone()).await;
        let (other, second) = world.token(request.clone()).await;

        assert_eq!(one.id, other.id);
        assert!(world.tokens().who_am_i(bearing(WhoAmIRequest {}, &second)).await.is_ok());
        assert!(world.tokens().who_am_i(bearing(WhoAmIRequest {}, &first)).await.is_err());
        let reused = CreateTokenRequest { display_name: "else".to_owned(), ..request };
        let status = world.tokens().create_token(bearing(reused, TOKEN)).await.unwrap_err();
        assert_eq!(refusal(&status).1, Some(Reason::RequestIdReused));
        drop(world.service);
    }
}

#[tokio::test]
async fn nobody_gets_the_secret_of_a_token_that_may_do_more_than_theirs() {
    for engine in BOTH {
        let world = World::start(engine).await;
        let (owner, _) = world.token(wanted(1, Role::Owner, &Scope::ALL)).await;
        let (_, maintainer) = world.token(wanted(1, Role::Maintainer, &[Scope::Admin])).await;
        let (reader, _) = world.token(wanted(1, Role::Reporter, &[Scope::Read])).await;
        let rotate = async |name: &str, by: &str| {
            let request = RotateTokenRequest { name: name.to_owned(), ..Default::default() };
            world.tokens().rotate_token(bearing(request, by)).await.err().and_then(|status| refusal(&status).1)
        };
        assert_eq!(rotate(&owner.name, &maintainer).await, Some(Reason::RoleInsufficient));
        assert_eq!(rotate(&reader.name, &maintainer).await, Some(Reason::ScopeInsufficient));
        let personal = CreateTokenRequest { parent: "users/root".to_owned(), kind: 1, role: 0, ..wanted(1, Role::Guest, &[Scope::Admin]) };
        let (_, personal) = world.token(personal).await;
        assert_eq!(rotate("users/root/tokens/1", &personal).await, Some(Reason::ScopeInsufficient));
        assert_eq!(rotate(&owner.name, TOKEN).await, None);
    }
}

#[tokio::test]
async fn a_token_does_not_prolong_itself_and_an_old_secret_changes_none() {
    let world = World::start(Engine::Sqlite).await;
    let in_seconds = |seconds| Some(prost_types::Timestamp::from(now() + Duration::from_secs(seconds)));
    let (token, secret) =
        world.token(CreateTokenRequest { expire_time: in_seconds(600), ..wanted(1, Role::Maintainer, &[Scope::Read, Scope::Admin]) }).await;
    let rotate = |expire_time| RotateTokenRequest { name: token.name.clone(), expire_time, ..Default::default() };
    let refused = async |request: RotateTokenRequest, by: &str| {
        world.tokens().rotate_token(bearing(request, by)).await.err().and_then(|status| refusal(&status).1)
    };

    assert_eq!(refused(rotate(in_seconds(6000)), &secret).await, Some(Reason::ScopeInsufficient));
    for expire_time in [None, in_seconds(6000)] {
        let longer = CreateTokenRequest { expire_time, ..wanted(1, Role::Guest, &[Scope::Read]) };
        let status = world.tokens().create_token(bearing(longer, &secret)).await.unwrap_err();
        assert_eq!(refusal(&status).1, Some(Reason::ScopeInsufficient));
    }

    let request_id = "0b9d7f0e-6d3b-4b0a-9d5e-1f2a3b4c5d6e".to_owned();
    let overlap = Some(prost_types::Duration { seconds: 600, nanos: 0 });
    let request = RotateTokenRequest { overlap, request_id, ..rotate(in_seconds(500)) };
    let first = world.tokens().rotate_token(bearing(request.clone(), &secret)).await.unwrap().into_inner().secret;
    assert_eq!(refused(rotate(None), &secret).await, Some(Reason::ScopeInsufficient), "the old secret");
    let revoke = RevokeTokenRequest { name: token.name.clone(), ..Default::default() };
    assert_eq!(refusal(&world.tokens().revoke_token(bearing(revoke, &secret)).await.unwrap_err()).1, Some(Reason::ScopeInsufficient));
    // The answer may have been lost: the same request again makes another secret in place of that one.
    let second = world.tokens().rotate_token(bearing(request.clone(), &secret)).await.unwrap().into_inner().secret;
    assert!(world.tokens().who_am_i(bearing(WhoAmIRequest {}, &first)).await.is_err());
    assert!(world.tokens().who_am_i(bearing(WhoAmIRequest {}, &second)).await.is_ok());
    assert_eq!(refused(rotate(None), &second).await, None);
    assert_eq!(refused(request, TOKEN).await, None, "another caller's request is another one");
}

#[tokio::test]
async fn a_revocation_stands_whatever_is_done_at_the_same_time() {
    for engine in BOTH {
        let world = World::start(engine).await;
        for _ in 0..20 {
            let (token, secret) = world.token(wanted(1, Role::Reporter, &[Scope::Read])).await;
            let rotate = RotateTokenRequest { name: token.name.clone(), ..Default::default() };
            let revoke = RevokeTokenRequest { name: token.name.clone(), ..Default::default() };
            let (mut one, mut other) = (world.tokens(), world.tokens());
            let (rotated, revoked) = tokio::join!(one.rotate_token(bearing(rotate, &secret)), other.revoke_token(bearing(revoke, TOKEN)));
            revoked.unwrap();
            if let Ok(rotated) = rotated {
                let answer = world.tokens().who_am_i(bearing(WhoAmIRequest {}, &rotated.into_inner().secret)).await;
                assert!(answer.is_err(), "{engine:?}: it was revoked");
            }
        }
    }
}

#[tokio::test]
async fn what_is_refused_of_tokens_leaves_them_as_they_are() {
    let world = World::start(Engine::Sqlite).await;
    let request_id = "0b9d7f0e-6d3b-4b0a-9d5e-1f2a3b4c5d6e".to_owned();
    let create = CreateTokenRequest { request_id, ..wanted(1, Role::Reporter, &[Scope::Read]) };
    let (token, secret) = world.token(create.clone()).await;
    let rotate = |seconds, nanos| RotateTokenRequest {
        name: token.name.clone(),
        overlap: Some(prost_types::Duration { seconds, nanos }),
        ..Default::default()
    };
    for broken in [rotate(24 * 60 * 60 + 1, 0), rotate(-1, 0), rotate(0, 1)] {
        let status = world.tokens().rotate_token(bearing(broken, TOKEN)).await.unwrap_err();
        assert_eq!(refusal(&status).1, Some(Reason::ArgumentInvalid));
    }
    let list = || ListTokensRequest { parent: "projects/1".to_owned(), ..Default::default() };
    for broken in [
        ListTokensRequest { order_by: "creator".to_owned(), ..list() },
        ListTokensRequest { skip: -1, ..list() },
        ListTokensRequest { page_size: -1, ..list() },
    ] {
        assert_eq!(refusal(&world.tokens().list_tokens(bearing(broken, TOKEN)).await.unwrap_err()).1, Some(Reason::ArgumentInvalid));
    }
    assert!(world.tokens().who_am_i(bearing(WhoAmIRequest {}, &secret)).await.is_ok(), "its secret still counts");

    // A late repetition does not take away the secret that was given out since.
    let rotated = world.tokens().rotate_token(bearing(rotate(0, 0), TOKEN)).await.unwrap().into_inner().secret;
    let status = world.tokens().create_token(bearing(create, TOKEN)).await.unwrap_err();
    assert_eq!(refusal(&status).1, Some(Reason::EtagMismatch));
    assert!(world.tokens().who_am_i(bearing(WhoAmIRequest {}, &rotated)).await.is_ok());
    assert_eq!(world.tokens().list_tokens(bearing(list(), TOKEN)).await.unwrap().into_inner().tokens.len(), 1);
}

#[tokio::test]
async fn tokens_are_listed_page_by_page_in_every_order() {
    for engine in BOTH {
        let world = World::start(engine).await;
        let mut made = Vec::new();
        for (name, end) in [("b", None), ("a", Some(4_000_000_000)), ("c", None), ("a", Some(4_100_000_000)), ("d", Some(4_000_000_000))] {
            let expire_time = end.map(|seconds| prost_types::Timestamp { seconds, nanos: 0 });
            let new = CreateTokenRequest { display_name: name.to_owned(), expire_time, ..wanted(1, Role::Reporter, &[Scope::Read]) };
            made.push(world.token(new).await.0.id);
        }
        let place = |at: usize| made[at];
        for (order_by, expected) in [
            ("", [0, 1, 2, 3, 4]),
            ("id desc", [4, 3, 2, 1, 0]),
            ("display_name", [1, 3, 0, 2, 4]),
            ("create_time desc", [4, 3, 2, 1, 0]),
            ("expire_time", [1, 4, 3, 0, 2]),
            ("expire_time desc", [2, 0, 3, 4, 1]),
            ("last_use_time", [0, 1, 2, 3, 4]),
        ] {
            let found = ids(&world, order_by, 5).await;
            assert_eq!(found, expected.map(place), "{engine:?} {order_by}");
        }
    }
}

/// The ids of the tokens of the project in an order, read in small pages.
async fn ids(world: &World, order_by: &str, count: i64) -> Vec<i64> {
    let (mut found, mut page_token) = (Vec::new(), String::new());
    loop {
        let (parent, order_by) = ("projects/1".to_owned(), order_by.to_owned());
        let asked = ListTokensRequest { parent, order_by, page_size: 2, page_token, count: true, ..Default::default() };
        let page = world.tokens().list_tokens(bearing(asked, TOKEN)).await.unwrap().into_inner();
        assert_eq!(page.total_size, count);
        found.extend(page.tokens.iter().map(|token| token.id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return found;
        }
    }
}

#[tokio::test]
async fn a_secret_that_was_replaced_ends_the_token_it_is_to_rotate_but_not_by_a_repetition() {
    for engine in BOTH {
        let world = World::start(engine).await;
        let (token, first) = world.token(wanted(1, Role::Maintainer, &[Scope::Read, Scope::Admin])).await;
        let rotate = |request_id: &str| RotateTokenRequest { request_id: request_id.to_owned(), ..Default::default() };
        let (known, other) = ("0b9d7f0e-6d3b-4b0a-9d5e-1f2a3b4c5d6e", "1b9d7f0e-6d3b-4b0a-9d5e-1f2a3b4c5d6e");
        // Without a name it is the token in use.
        let rotated = world.tokens().rotate_token(bearing(rotate(known), &first)).await.unwrap().into_inner();
        assert_eq!(rotated.token.unwrap().id, token.id);
        let by = async |secret: &str, request: RotateTokenRequest| {
            refusal(&world.tokens().rotate_token(bearing(request, secret)).await.unwrap_err()).1
        };
        let counts = async || world.tokens().who_am_i(bearing(WhoAmIRequest {}, &rotated.secret)).await.is_ok();

        assert_eq!((by(&first, rotate(known)).await, counts().await), (Some(Reason::TokenRevoked), true), "its answer was lost");
        let revoke = RevokeTokenRequest { name: token.name.clone(), ..Default::default() };
        let refused = world.tokens().revoke_token(bearing(revoke, &first)).await.unwrap_err();
        assert_eq!((refusal(&refused).1, counts().await), (Some(Reason::TokenRevoked), true), "it does nothing else");
        assert_eq!((by(&first, rotate(other)).await, counts().await), (Some(Reason::TokenRevoked), false));
        assert_eq!(by("nobody's", rotate(other)).await, Some(Reason::TokenInvalid));
        let listed = ListTokensRequest { parent: "projects/1".to_owned(), hide_active: true, ..Default::default() };
        let ended = world.tokens().list_tokens(bearing(listed, TOKEN)).await.unwrap().into_inner().tokens;
        assert!(ended.iter().any(|ended| ended.id == token.id && ended.revoke_time.is_some()));
        let entries = wire::ListAuditEntriesRequest { parent: "projects/1".to_owned(), page_size: 1000, ..Default::default() };
        let mut audit = wire::audit_service_client::AuditServiceClient::new(world.channel.clone());
        let entries = audit.list_audit_entries(bearing(entries, TOKEN)).await.unwrap().into_inner().audit_entries;
        assert!(
            entries.iter().any(|entry| entry.method.ends_with("EndReusedToken") && entry.actor == format!("project_1_bot_{}", token.id))
        );
    }
}

#[tokio::test]
async fn a_rotated_token_counts_for_as_long_as_is_said() {
    let world = World::start(Engine::Sqlite).await;
    let (token, secret) = world.token(wanted(1, Role::Reporter, &[Scope::Read])).await;
    let ttl = |seconds, nanos| Some(prost_types::Duration { seconds, nanos });
    let rotate = |ttl| RotateTokenRequest { name: token.name.clone(), ttl, ..Default::default() };
    let expire_time = Some(prost_types::Timestamp { seconds: 4_000_000_000, nanos: 0 });
    // The last two end in years that no database has.
    let [endless, late] = [i64::MAX, 300_000_000_000].map(|seconds| rotate(ttl(seconds, 0)));
    let both = RotateTokenRequest { expire_time, ..rotate(ttl(60, 0)) };
    for broken in [rotate(ttl(0, 0)), rotate(ttl(-1, 0)), rotate(ttl(1, 1)), both, endless, late] {
        let status = world.tokens().rotate_token(bearing(broken, TOKEN)).await.unwrap_err();
        assert_eq!(refusal(&status).1, Some(Reason::ArgumentInvalid));
    }
    let rotated = world.tokens().rotate_token(bearing(rotate(ttl(3600, 0)), &secret)).await.unwrap().into_inner();
    let first = rotated.token.unwrap().expire_time.unwrap();
    let left = first.seconds - prost_types::Timestamp::from(now()).seconds;
    assert!((3590..=3600).contains(&left), "{left}");
    // It does not prolong itself: what is longer is cut.
    let again = world.tokens().rotate_token(bearing(rotate(ttl(7200, 0)), &rotated.secret)).await.unwrap().into_inner();
    assert_eq!(again.token.unwrap().expire_time, Some(first));
}
