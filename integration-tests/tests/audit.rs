//! The audit chain: every change is in it, and whoever tampers with it is found out.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use consign_proto::metadata::audit_service_client::AuditServiceClient;
use consign_proto::metadata::token_service_client::TokenServiceClient;
use consign_proto::metadata::{
    AuditCheckpoint, AuditEntry, CreateTokenRequest, DeleteProjectRequest, DeleteVersionRequest, GetCheckpointRequest,
    ListAuditEntriesRequest, RevokeTokenRequest, VerifyChainRequest, VerifyChainResponse,
};
use consign_proto::to_time;
use consign_types::audit::{Checkpoint, Entry};
use consign_types::signature::{self, PublicKey, SignatureError, SigningKeys};
use consign_types::{Digest, Reason};
use integration_tests::grpc::{Grpc, authorized, refusal};
use integration_tests::rest::{Rest, file};
use integration_tests::{BOTH, Builder, Engine, TestService};
use tonic::transport::Channel;

const PROJECT: &str = "projects/1";

/// How many tamperings are tried on each database.
const TAMPERINGS: i64 = 500;

struct Chain {
    service: TestService,
    rest: Rest,
    client: AuditServiceClient<Channel>,
}

impl Chain {
    async fn start(engine: Engine) -> Self {
        let (service, rest) = Builder::on(engine).demo().await;
        let client = AuditServiceClient::new(Grpc::to(service.grpc()).channel());
        Self { service, rest, client }
    }

    async fn entries(&self) -> Vec<AuditEntry> {
        let request =
            ListAuditEntriesRequest { parent: PROJECT.to_owned(), page_size: 1000, order_by: "number".to_owned(), ..Default::default() };
        self.client.clone().list_audit_entries(authorized(request)).await.unwrap().into_inner().audit_entries
    }

    async fn checkpoint(&self) -> AuditCheckpoint {
        let request = GetCheckpointRequest { parent: PROJECT.to_owned() };
        self.client.clone().get_checkpoint(authorized(request)).await.unwrap().into_inner().checkpoint.unwrap()
    }

    async fn verify(&self, checkpoint: Option<AuditCheckpoint>) -> VerifyChainResponse {
        let request = VerifyChainRequest { parent: PROJECT.to_owned(), checkpoint, ..Default::default() };
        self.client.clone().verify_chain(authorized(request)).await.unwrap().into_inner()
    }

    fn execute(&self, statement: &str) {
        self.service.database().execute(statement);
    }
}

#[tokio::test]
async fn every_change_is_in_the_chain_and_nothing_else() {
    for engine in BOTH {
        let chain = Chain::start(engine).await;
        for _ in 0..2 {
            assert_eq!(chain.rest.put(&file("tool", "1.0", "f"), "hello").await.status, 201, "the second one changes nothing");
        }
        assert_eq!(chain.rest.put(&file("tool", "1.0", "..%2Fg"), "hello").await.status, 400);
        let grpc = Grpc::to(chain.service.grpc());
        let mut tokens = TokenServiceClient::new(grpc.channel());
        let create = CreateTokenRequest {
            parent: PROJECT.to_owned(),
            kind: 2,
            display_name: "ci".to_owned(),
            scopes: vec![1],
            ..Default::default()
        };
        let made = tokens.create_token(authorized(create)).await.unwrap().into_inner();
        let name = made.token.unwrap().name;
        tokens.revoke_token(authorized(RevokeTokenRequest { name: name.clone(), ..Default::default() })).await.unwrap();
        let version = format!("{PROJECT}/packages/tool/versions/1.0");
        let request_id = "0b9d7f0e-6d3b-4b0a-9d5e-1f2a3b4c5d6e".to_owned();
        let delete = DeleteVersionRequest { name: version.clone(), request_id: request_id.clone(), ..Default::default() };
        grpc.packages().delete_version(authorized(delete.clone())).await.unwrap();
        grpc.packages().delete_version(authorized(delete)).await.unwrap();

        let entries = chain.entries().await;
        let told: Vec<(i64, &str, &str)> =
            entries.iter().map(|entry| (entry.number, entry.method.as_str(), entry.resource.as_str())).collect();
        assert_eq!(
            told,
            [
                (1, "CreateProject", "demo"),
                (2, "PublishVersion", "projects/root%2Fdemo/packages/tool/versions/1.0"),
                (3, "CreateToken", PROJECT),
                (4, "RevokeToken", &name),
                (5, "DeleteVersion", &version),
            ],
            "{engine:?}"
        );
        assert!(entries.iter().all(|entry| entry.actor == "root" && entry.token == 1));
        assert_eq!(entries[4].request_id, request_id);
        assert!(entries.iter().all(|entry| !String::from_utf8_lossy(&entry.detail).contains(&made.secret)), "no secret is told");
        assert_eq!(entries[0].previous_hash, vec![0; 32]);
        assert!(entries.windows(2).all(|pair| pair[1].previous_hash == pair[0].hash));
        let verified = chain.verify(Some(chain.checkpoint().await)).await;
        assert_eq!((verified.intact, verified.verified_number), (true, 5), "{verified:?}");
    }
}

#[tokio::test]
async fn many_who_change_a_project_at_once_make_one_chain() {
    for engine in BOTH {
        let chain = Chain::start(engine).await;
        let publish = |number: usize| {
            let rest = chain.rest.clone();
            tokio::spawn(async move {
                rest.put(&file("tool", &format!("{}.0", number % 7), &format!("f{number}")), format!("{number}")).await.status
            })
        };
        for published in (0..100).map(publish).collect::<Vec<_>>() {
            assert_eq!(published.await.unwrap(), 201);
        }
        let verified = chain.verify(None).await;
        assert_eq!((verified.intact, verified.verified_number), (true, 101), "{engine:?}: {verified:?}");
    }
}

#[tokio::test]
async fn pages_follow_each_other_in_both_orders() {
    let chain = Chain::start(Engine::Sqlite).await;
    for number in 0..9 {
        assert_eq!(chain.rest.put(&file("tool", "1.0", &format!("f{number}")), "x").await.status, 201);
    }
    for (order_by, expected) in [("number", (1..=10).collect::<Vec<_>>()), ("", (1..=10).rev().collect())] {
        let (mut numbers, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = ListAuditEntriesRequest {
                parent: PROJECT.to_owned(),
                page_size: 3,
                page_token,
                order_by: order_by.to_owned(),
                ..Default::default()
            };
            let page = chain.client.clone().list_audit_entries(authorized(request)).await.unwrap().into_inner();
            numbers.extend(page.audit_entries.iter().map(|entry| entry.number));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(numbers, expected, "{order_by}");
    }
    let range = VerifyChainRequest { parent: PROJECT.to_owned(), start_number: 4, end_number: 6, ..Default::default() };
    let verified = chain.client.clone().verify_chain(authorized(range.clone())).await.unwrap().into_inner();
    assert_eq!((verified.intact, verified.verified_number), (true, 6));
    for (start_number, end_number) in [(12, 0), (-1, 0), (1, -1)] {
        let broken = VerifyChainRequest { start_number, end_number, ..range.clone() };
        assert_eq!(refusal(&chain.client.clone().verify_chain(authorized(broken)).await.unwrap_err()).1, Some(Reason::ArgumentInvalid));
    }
    for order_by in ["number", ""] {
        let from =
            ListAuditEntriesRequest { parent: PROJECT.to_owned(), start_number: 8, order_by: order_by.to_owned(), ..Default::default() };
        let mut numbers: Vec<i64> = chain
            .client
            .clone()
            .list_audit_entries(authorized(from))
            .await
            .unwrap()
            .into_inner()
            .audit_entries
            .iter()
            .map(|entry| entry.number)
            .collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [8, 9, 10]);
    }
    let list = || ListAuditEntriesRequest { parent: PROJECT.to_owned(), ..Default::default() };
    for broken in [
        ListAuditEntriesRequest { filter: "number = 1".to_owned(), ..list() },
        ListAuditEntriesRequest { order_by: "actor".to_owned(), ..list() },
        ListAuditEntriesRequest { page_size: -1, ..list() },
        ListAuditEntriesRequest { start_number: -1, ..list() },
    ] {
        assert_eq!(
            refusal(&chain.client.clone().list_audit_entries(authorized(broken)).await.unwrap_err()).1,
            Some(Reason::ArgumentInvalid)
        );
    }
}

#[tokio::test]
async fn only_checkpoints_that_this_server_signed_count() {
    let chain = Chain::start(Engine::Sqlite).await;
    chain.rest.create_project("other").await;
    let good = chain.checkpoint().await;
    let other = GetCheckpointRequest { parent: "projects/2".to_owned() };
    let other = chain.client.clone().get_checkpoint(authorized(other)).await.unwrap().into_inner().checkpoint.unwrap();
    let forged = good.statement.replacen("\n1\n", "\n2\n", 1);
    for bad in [
        AuditCheckpoint { number: good.number + 1, ..good.clone() },
        AuditCheckpoint { statement: forged, ..good.clone() },
        AuditCheckpoint { statement: String::new(), ..good.clone() },
        other,
    ] {
        let request = VerifyChainRequest { parent: PROJECT.to_owned(), checkpoint: Some(bad), ..Default::default() };
        let status = chain.client.clone().verify_chain(authorized(request)).await.unwrap_err();
        assert_eq!(refusal(&status).1, Some(Reason::ArgumentInvalid));
    }
    assert!(chain.verify(Some(good)).await.intact);
}

#[tokio::test]
async fn a_checkpoint_is_verified_by_the_public_key_alone_and_outlives_the_key_that_signed_it() {
    let chain = Chain::start(Engine::Sqlite).await;
    let request = GetCheckpointRequest { parent: PROJECT.to_owned() };
    let answer = chain.client.clone().get_checkpoint(authorized(request)).await.unwrap().into_inner();
    let (checkpoint, key): (AuditCheckpoint, PublicKey) = (answer.checkpoint.unwrap(), answer.public_keys[0].parse().unwrap());
    let text = signature::open(&checkpoint.statement, std::slice::from_ref(&key)).unwrap();
    let read: Checkpoint = text.parse().unwrap();
    assert_eq!((read.project, read.head.number, read.head.hash.as_bytes().as_slice()), (1, 1, checkpoint.hash.as_ref()));

    let file = chain.service.directory().join("data/signing-keys.pem");
    let old = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{}{old}", SigningKeys::generate().to_text())).unwrap();
    let mut chain = chain;
    chain.service.restart().await;
    let chain = Chain { client: AuditServiceClient::new(Grpc::to(chain.service.grpc()).channel()), ..chain };
    assert!(chain.verify(Some(checkpoint)).await.intact);
    let fresh = chain.checkpoint().await;
    assert_eq!(signature::open(&fresh.statement, &[key]), Err(SignatureError::UnknownKey));
}

/// A tampering of a chain of `last` entries, as statements; and whether a checkpoint is needed to find it.
fn tampering(number: i64, last: i64) -> (Vec<String>, bool) {
    let (at, of_project) = (1 + number / 7 % (last - 1), "where project_id = 1");
    let edit = |change: &str| vec![format!("update audit_entries set {change} {of_project} and number = {at}")];
    let fields = [
        "actor = 'somebody'",
        "method = 'GetFile'",
        "resource = resource || 'x'",
        "detail = '{}'",
        "request_id = 'x'",
        "token_id = token_id + 1",
        "hash = previous_hash",
        "previous_hash = hash",
    ];
    match number % 7 {
        0..=2 => (edit(fields[usize::try_from(number / 7).unwrap() % fields.len()]), false),
        3 => (vec![format!("delete from audit_entries {of_project} and number = {at}")], false),
        4 => {
            let moved = |from: i64, to: i64| format!("update audit_entries set number = {to} {of_project} and number = {from}");
            (vec![moved(at, -1), moved(at + 1, at), moved(-1, at + 1)], false)
        }
        5 => {
            let columns = "project_id, time, actor, token_id, method, resource, detail, request_id";
            let copy = format!("select {columns}, {last} + 1, hash, hash from audit_entries {of_project} and number = {last}");
            (vec![format!("insert into audit_entries ({columns}, number, previous_hash, hash) {copy}")], false)
        }
        _ => {
            let end = format!("(select hash from audit_entries {of_project} and number = {at})");
            let head = format!("update counters set audit_number = {at}, audit_hash = {end} {of_project}");
            (vec![format!("delete from audit_entries {of_project} and number > {at}"), head], true)
        }
    }
}

#[tokio::test]
async fn a_thousand_tamperings_are_found() {
    for engine in BOTH {
        let chain = Chain::start(engine).await;
        for number in 0..30 {
            assert_eq!(chain.rest.put(&file("tool", "1.0", &format!("f{number}")), "x").await.status, 201);
        }
        let checkpoint = chain.checkpoint().await;
        let last = checkpoint.number;
        chain.execute("create table kept as select * from audit_entries");
        chain.execute("create table kept_counters as select * from counters");
        let mut cut = 0;
        for number in 0..TAMPERINGS {
            let (statements, is_cut) = tampering(number, last);
            for statement in &statements {
                chain.execute(statement);
            }
            if is_cut {
                cut += 1;
                assert!(chain.verify(None).await.intact, "a cut end shows itself to those alone who kept a checkpoint");
            }
            let verified = chain.verify(is_cut.then(|| checkpoint.clone())).await;
            assert!(!verified.intact && verified.broken_number > 0, "{engine:?}: {statements:?} is not found: {verified:?}");
            chain.execute("delete from audit_entries");
            chain.execute("insert into audit_entries select * from kept");
            chain.execute("delete from counters");
            chain.execute("insert into counters select * from kept_counters");
        }
        assert!(cut > 50);
        assert!(chain.verify(Some(checkpoint)).await.intact, "all was put back");
    }
}

/// A chain whose entries from `at` on are others than they were, with all hashes computed anew, as somebody does who can write to the
/// database.
async fn rewrite(chain: &Chain, engine: Engine, at: i64) {
    let entries = chain.entries().await;
    let mut head: Digest = entries[usize::try_from(at).unwrap() - 2].hash.as_ref().try_into().unwrap();
    for (number, entry) in (at..).zip(entries.into_iter().skip(usize::try_from(at).unwrap() - 1)) {
        let entry = Entry {
            project: 1,
            number,
            time: to_time(entry.time.unwrap()),
            actor: entry.actor.parse().unwrap(),
            token: entry.token,
            method: entry.method,
            resource: "projects/1/packages/forged".to_owned(),
            detail: String::from_utf8(entry.detail.into()).unwrap(),
            request_id: entry.request_id,
        };
        let hash = entry.hash(head);
        let bytes = |digest: Digest| match engine {
            Engine::Sqlite => format!("x'{digest}'"),
            Engine::Postgres => format!("'\\x{digest}'::bytea"),
        };
        let set = format!("resource = '{}', previous_hash = {}, hash = {}", entry.resource, bytes(head), bytes(hash));
        chain.execute(&format!("update audit_entries set {set} where project_id = 1 and number = {number}"));
        chain.execute(&format!("update counters set audit_hash = {} where project_id = 1", bytes(hash)));
        head = hash;
    }
}

#[tokio::test]
async fn a_chain_that_is_written_anew_is_found_by_a_checkpoint_alone() {
    for engine in BOTH {
        let chain = Chain::start(engine).await;
        for number in 0..5 {
            assert_eq!(chain.rest.put(&file("tool", "1.0", &format!("f{number}")), "x").await.status, 201);
        }
        let checkpoint = chain.checkpoint().await;
        assert_eq!(chain.rest.put(&file("tool", "1.0", "later"), "x").await.status, 201);
        let verify = async |start_number, end_number| {
            let checkpoint = Some(AuditCheckpoint { statement: checkpoint.statement.clone(), ..Default::default() });
            let request = VerifyChainRequest { parent: PROJECT.to_owned(), start_number, end_number, checkpoint };
            chain.client.clone().verify_chain(authorized(request)).await.unwrap().into_inner()
        };
        for (range, compared) in [((1, 0), true), ((7, 0), true), ((1, 6), true), ((1, 5), false), ((3, 3), false)] {
            let verified = verify(range.0, range.1).await;
            assert_eq!((verified.intact, verified.checkpoint_compared), (true, compared), "{range:?}: {verified:?}");
        }
        rewrite(&chain, engine, 4).await;
        assert!(chain.verify(None).await.intact, "{engine:?}: it fits itself");
        let found = verify(1, 0).await;
        assert_eq!((found.intact, found.reason.as_str()), (false, "the checkpoint has another hash"), "{engine:?}");
        assert!(!verify(7, 0).await.intact);
        // Cut off at exactly where a range ends.
        chain.execute("delete from audit_entries where project_id = 1 and number > 3");
        let end = "(select hash from audit_entries where project_id = 1 and number = 3)";
        chain.execute(&format!("update counters set audit_number = 3, audit_hash = {end} where project_id = 1"));
        let found = verify(1, 3).await;
        assert_eq!((found.intact, found.reason.as_str()), (false, "the checkpoint says that there were 6 entries"), "{engine:?}");
    }
}

#[tokio::test]
async fn a_publish_is_told_by_its_files_and_a_token_by_its_rights_and_both_outlive_the_deletion_of_the_project() {
    let chain = Chain::start(Engine::Sqlite).await;
    assert_eq!(chain.rest.put(&file("tool", "1.0", "f"), "hello").await.status, 201);
    let create = CreateTokenRequest {
        parent: PROJECT.to_owned(),
        kind: 2,
        display_name: "ci".to_owned(),
        scopes: vec![1, 2],
        package_patterns: vec!["app-*".to_owned()],
        ..Default::default()
    };
    let mut tokens = TokenServiceClient::new(Grpc::to(chain.service.grpc()).channel());
    tokens.create_token(authorized(create)).await.unwrap();
    let delete = DeleteProjectRequest { name: PROJECT.to_owned(), ..Default::default() };
    Grpc::to(chain.service.grpc()).projects().delete_project(authorized(delete)).await.unwrap();

    let entries = chain.entries().await;
    let detail = |number: usize| String::from_utf8(entries[number - 1].detail.to_vec()).unwrap();
    assert!(detail(2).contains(&format!(r#""path":"f","sha256":"{}","size_bytes":5"#, Digest::of(b"hello"))), "{}", detail(2));
    assert!(detail(3).contains(r#""role":"developer","scopes":["read","publish"],"packages":["app-*"]"#), "{}", detail(3));
    assert_eq!((entries.len(), entries[3].method.as_str()), (4, "DeleteProject"));
    assert!(chain.verify(Some(chain.checkpoint().await)).await.intact);
}
