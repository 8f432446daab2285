//! Tokens, leases, migrations, and what can be read when.

use consign_metadata::{
    CreateToken, Error, Expired, Metadata, Page, PrepareDownloads, PrepareUploads, RevokeToken, UploadFile, UploadPlan, Wanted,
};
use consign_types::Timestamp;
use consign_types::access::{Scope, ScopeNames};
use consign_types::receipt::Receipt;
use consign_types::resource::{ProjectRef, ScopeRef};
use consign_types::token::TokenKind;
use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};
use integration_tests::{BOTH, Database, Engine};
use std::sync::Arc;

use crate::support::{NOW, config, opened, opened_with, prepare, principal, publish, receipt, rules, version};

#[tokio::test]
async fn a_token_is_known_by_its_digest_and_replaced_when_another_is_given() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;

        let found = metadata.authenticate("token").await.unwrap();
        assert_eq!((found.name, found.user, found.grant.scopes), (principal().name, Some(1), principal().grant.scopes));
        assert!(found.grant.identity.is_admin());
        assert!(matches!(metadata.authenticate("other").await, Err(Error::TokenInvalid)));
        assert!(!metadata.ensure_admin_token(None, "fresh").await.unwrap(), "there is one already");
        assert!(!metadata.ensure_admin_token(Some("given"), "fresh").await.unwrap());
        assert_eq!(metadata.authenticate("given").await.unwrap().name, principal().name);
        assert!(matches!(metadata.authenticate("token").await, Err(Error::TokenInvalid)));
    }
}

#[tokio::test]
async fn an_administrator_whose_token_was_revoked_gets_in_again() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        let name = "users/root/tokens/1".parse().unwrap();
        metadata.revoke_token(RevokeToken { principal: principal(), name, etag: None }).await.unwrap();
        assert!(matches!(metadata.authenticate("token").await, Err(Error::TokenRevoked)));

        assert!(metadata.ensure_admin_token(None, "fresh").await.unwrap(), "the next start makes another one");
        assert!(metadata.authenticate("fresh").await.is_ok());
        let name = "users/root/tokens/1".parse().unwrap();
        metadata.revoke_token(RevokeToken { principal: principal(), name, etag: None }).await.unwrap();
        assert!(!metadata.ensure_admin_token(Some("given"), "fresh").await.unwrap());
        assert!(metadata.authenticate("given").await.is_ok());
    }
}

#[tokio::test]
async fn the_administrator_gets_no_secret_that_another_token_has() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        let (_, secret) = metadata.create_token(personal_token()).await.unwrap();

        let refused = metadata.ensure_admin_token(Some(secret.expose()), "fresh").await;

        assert!(matches!(refused, Err(Error::ArgumentInvalid { field: "admin_token", .. })), "{refused:?}");
        assert!(metadata.authenticate("token").await.is_ok() && metadata.authenticate(secret.expose()).await.is_ok());
    }
}

#[tokio::test]
async fn a_project_or_user_has_a_thousand_tokens_at_most() {
    let database = Database::create(Engine::Sqlite);
    let metadata = opened(&database).await;
    for _ in 1..1000 {
        metadata.create_token(personal_token()).await.unwrap();
    }
    let refused = metadata.create_token(personal_token()).await;
    assert!(matches!(refused, Err(Error::ArgumentInvalid { field: "parent", .. })), "{refused:?}");
    assert_eq!(database.count("tokens"), 1000);
}

fn personal_token() -> CreateToken {
    CreateToken {
        principal: principal(),
        parent: "users/root".parse().unwrap(),
        kind: TokenKind::Personal,
        display_name: "test".parse().unwrap(),
        description: "".parse().unwrap(),
        username: None,
        role: None,
        scopes: [Scope::Read].into(),
        scope_names: ScopeNames::default(),
        packages: Vec::new(),
        stages: Vec::new(),
        expires_at: None,
        request_id: None,
    }
}

#[tokio::test]
async fn times_are_kept_to_the_microsecond() {
    for engine in BOTH {
        let database = Database::create(engine);
        let clock = || Timestamp::from_micros(1_760_000_000_123_457);
        let metadata = opened_with(&database, rules(), clock).await;
        assert_eq!(metadata.find_project(ProjectRef::Id(1)).await.unwrap().created_at, clock());
    }
}

#[tokio::test]
async fn leases_last_until_the_publish_or_their_end() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        let UploadPlan::Send(ticket) = prepare(&metadata, "one").await else { panic!("nothing is there") };
        prepare(&metadata, "two").await;
        assert_eq!(database.count("leases"), 2);

        publish(&metadata, &[("a", Receipt { upload: ticket.upload, ..receipt("one", ticket.upload) })]).await.unwrap();
        assert_eq!(database.count("leases"), 1);
        assert_eq!(metadata.expire().await.unwrap(), Expired::default());

        let later = || NOW.plus_seconds(2 * 24 * 60 * 60);
        let metadata = Metadata::open(&config(&database), rules(), later).await.unwrap();
        assert_eq!(metadata.expire().await.unwrap(), Expired { leases: 1, ..Expired::default() });
        assert_eq!(metadata.expire().await.unwrap(), Expired::default());
    }
}

#[tokio::test]
async fn what_a_lease_has_reserved_is_given_back_at_its_end() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        let file = UploadFile { path: "a".parse().unwrap(), digest: None, size: Some(70_000), always_send: false };
        let wanted =
            PrepareUploads { principal: principal(), version: version("1.0"), files: vec![file], request_id: None, known_only: false };
        metadata.prepare_uploads(wanted).await.unwrap();
        let reserved = async |metadata: &Metadata| {
            let scope = ScopeRef::Project(ProjectRef::Id(1));
            metadata.find_usage(scope, 0).await.unwrap().reserved_bytes
        };
        assert_eq!(reserved(&metadata).await, 70_000);
        let later = Metadata::open(&config(&database), rules(), || NOW.plus_seconds(2 * 24 * 60 * 60)).await.unwrap();
        later.expire().await.unwrap();
        assert_eq!((reserved(&later).await, later.recount().await.unwrap()), (0, Vec::new()), "{engine:?}");
    }
}

#[tokio::test]
async fn many_processes_may_start_at_once_on_one_new_database() {
    for engine in BOTH {
        let database = Arc::new(Database::create(engine));
        let starts = (0..6).map(|_| {
            let database = Arc::clone(&database);
            tokio::spawn(async move { Metadata::open(&config(&database), rules(), || NOW).await.map(|_| ()) })
        });
        for start in starts.collect::<Vec<_>>() {
            start.await.unwrap().unwrap();
        }
    }
}

#[tokio::test]
async fn files_are_read_only_while_their_version_can_be_read() {
    for engine in BOTH {
        let database = Database::create(engine);
        let metadata = opened(&database).await;
        publish(&metadata, &[("a", receipt("one", 1))]).await.unwrap();
        let files = || Wanted::All(Page::first(10));
        let read = async || {
            metadata
                .prepare_downloads(PrepareDownloads { version: version("1.0"), files: files(), as_directory: false, is_counted: true })
                .await
        };
        assert_eq!(read().await.unwrap().items.len(), 1);

        for (state, is_expected) in [
            ("draft", (|error| matches!(error, Error::VersionNotFound(_))) as fn(&Error) -> bool),
            ("quarantined", |error| matches!(error, Error::VersionQuarantined(_))),
            ("deleted", |error| matches!(error, Error::VersionNotFound(_))),
        ] {
            database.execute(&format!("update versions set state = '{state}'"));
            let error = read().await.unwrap_err();
            assert!(is_expected(&error), "{engine:?} {state}: {error}");
        }
    }
}

#[tokio::test]
async fn a_secret_that_nobody_replaced_waits_for_no_writer() {
    let database = Database::create(Engine::Sqlite);
    let metadata = opened(&database).await;
    let mut writer = SqliteConnection::establish(database.url().strip_prefix("sqlite:").unwrap()).unwrap();
    writer.batch_execute("begin immediate").unwrap();
    metadata.end_reused_token("token", None).await.unwrap();
    metadata.end_reused_token("nobody's", None).await.unwrap();
    assert!(metadata.authenticate("token").await.is_ok(), "it is ended by nobody");
}
