//! The way of an artifact, from the build to production and back: the very same bytes at every stage, read by a plain `curl`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::process::{Command, Output};

use consign_proto::metadata::attestation_service_client::AttestationServiceClient;
use consign_proto::metadata::create_attestation_request::Subject;
use consign_proto::metadata::gate::Condition;
use consign_proto::metadata::gate_verdict::Outcome;
use consign_proto::metadata::promotion::State;
use consign_proto::metadata::promotion_review::Decision;
use consign_proto::metadata::trusted_key::Signer;
use consign_proto::metadata::{
    ApprovalCondition, AttestationCondition, BlobRef, BundleFormat, CreateAttestationRequest, CreateTrustedKeyRequest,
    PredecessorCondition, Promotion, ReportGateRequest, Role, RollbackStageRequest, SoakCondition, Stage, StatusCondition, TrustedKey,
};
use consign_types::Digest;
use consign_types::promotion::statement::{PAYLOAD_TYPE, Statement};
use consign_types::signature::{self, SigningKeys};
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::promoting::{
    PROJECT, add_stage, bearing, closed, gated, get, member, outcomes, placing, promoted, review, stage_name, standing,
};
use integration_tests::publishing::upload;
use integration_tests::rest::{Rest, file};
use integration_tests::{BOTH, Builder, TOKEN, TestService};
use reqwest::Method;
use serde_json::json;

const PROVENANCE: &str = "https://slsa.dev/provenance/v1";

/// What GitLab says of a version whose name is none, as one with a `:` is.
const INVALID: &str = r#"{"error":"package_version is invalid"}"#;

/// What a `curl` prints that does so without a word of its own.
fn curl(arguments: &[&str]) -> Output {
    let token = format!("PRIVATE-TOKEN: {TOKEN}");
    let mut command = Command::new("curl");
    command.args(["-sS", "--fail-with-body", "--noproxy", "*", "--max-time", "20", "-H", &token]).args(arguments);
    // The service runs in this process, and goes on meanwhile.
    tokio::task::block_in_place(|| command.output().unwrap())
}

fn address(service: &TestService, version: &str) -> String {
    format!("http://{}/api/v4/projects/root%2Fdemo/packages/generic/tool/{version}/bin/tool", service.http())
}

/// The bytes that stand for the tool there, whoever asks for them.
fn fetched(service: &TestService, version: &str) -> Vec<u8> {
    let output = curl(&[&address(service, version)]);
    assert!(output.status.success(), "{version}: {}", String::from_utf8_lossy(&output.stdout));
    output.stdout
}

/// A build that uploads what it made, as a job of GitLab would.
fn build(service: &TestService, version: &str, bytes: &[u8]) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("tool");
    std::fs::write(&file, bytes).unwrap();
    let output = curl(&["-T", file.to_str().unwrap(), &address(service, version)]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

async fn declare_stages(grpc: &Grpc) {
    let before = || Condition::Predecessor(PredecessorCondition::default());
    let soak =
        Condition::Soak(SoakCondition { duration: Some(prost_types::Duration { seconds: 1, nanos: 0 }), ..SoakCondition::default() });
    let tests = Condition::Status(StatusCondition { check: "end-to-end tests".to_owned(), ..StatusCondition::default() });
    let provenance =
        Condition::Attestation(AttestationCondition { predicate_type: PROVENANCE.to_owned(), ..AttestationCondition::default() });
    let people = Condition::Approval(ApprovalCondition { count: 2, minimum_role: Role::Developer.into(), ..ApprovalCondition::default() });
    add_stage(grpc, "dev", Stage::default()).await;
    let staging = gated([("before", before()), ("soak", soak), ("tests", tests), ("provenance", provenance)]);
    add_stage(grpc, "staging", Stage { predecessors: vec!["dev".to_owned()], rank: 1, ..staging }).await;
    let production = gated([("before", before()), ("people", people)]);
    add_stage(grpc, "production", Stage { predecessors: vec!["staging".to_owned()], rank: 2, ..production }).await;
}

/// The builder's word for what it made, signed with its key, which the project trusts.
async fn attest(grpc: &Grpc, keys: &SigningKeys, content: &[u8]) {
    let digest = Digest::try_from(content).unwrap();
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "tool", "digest": {"sha256": digest.to_string()}}],
        "predicateType": PROVENANCE,
        "predicate": {"buildDefinition": {"buildType": "https://example.com/make"}},
    });
    let bundle = keys.sign_envelope(PAYLOAD_TYPE, statement.to_string().as_bytes()).into_bytes();
    let kept: &'static [u8] = Box::leak(bundle.clone().into_boxed_slice());
    let receipt = upload(grpc, "attested", "bundle", kept).await;
    let request = CreateAttestationRequest {
        parent: PROJECT.to_owned(),
        subject: Some(Subject::ContentDigest(content.to_vec().into())),
        format: BundleFormat::Dsse.into(),
        blob: Some(BlobRef { sha256: Digest::of(&bundle).as_bytes().to_vec().into(), size_bytes: i64::try_from(bundle.len()).unwrap() }),
        bundle: bundle.into(),
        receipt,
        request_id: String::new(),
    };
    AttestationServiceClient::new(grpc.channel()).create_attestation(authorized(request)).await.unwrap();
}

async fn trust(grpc: &Grpc, keys: &SigningKeys) {
    let key = TrustedKey { signer: Some(Signer::PublicKeyPem(keys.public_keys()[0].to_pem())), ..TrustedKey::default() };
    let request = CreateTrustedKeyRequest {
        parent: PROJECT.to_owned(),
        trusted_key_id: "builder".to_owned(),
        trusted_key: Some(key),
        request_id: String::new(),
    };
    AttestationServiceClient::new(grpc.channel()).create_trusted_key(authorized(request)).await.unwrap();
}

async fn report(grpc: &Grpc, promotion: &Promotion) -> Promotion {
    let request = ReportGateRequest {
        name: promotion.name.clone(),
        gate_id: "tests".to_owned(),
        outcome: Outcome::Passed.into(),
        reason: "212 of 212".to_owned(),
        evidence: vec!["https://ci.example.com/jobs/7".to_owned()],
        request_id: String::new(),
    };
    grpc.promotions().report_gate(authorized(request)).await.unwrap().into_inner().promotion.unwrap()
}

async fn approve(grpc: &Grpc, promotion: &Promotion, token: &str) -> Promotion {
    let request = bearing(review(&promotion.name, Decision::Approved), token);
    grpc.promotions().review_promotion(request).await.unwrap().into_inner().promotion.unwrap()
}

/// From the build to production, in the order in which it happens.
async fn deliver(
    service: &TestService,
    grpc: &Grpc,
    builder: &SigningKeys,
    people: &[String; 2],
    version: &str,
    bytes: &[u8],
) -> Promotion {
    build(service, version, bytes);
    let dev = promoted(grpc, placing("dev", version)).await;
    assert_eq!(dev.state(), State::Succeeded);
    assert_eq!(fetched(service, "stage:dev"), bytes);

    let staging = promoted(grpc, placing("staging", version)).await;
    let waiting = [("before", Outcome::Passed), ("soak", Outcome::Pending), ("tests", Outcome::Pending), ("provenance", Outcome::Pending)];
    assert_eq!(outcomes(&staging), waiting);
    report(grpc, &staging).await;
    attest(grpc, builder, &staging.items[0].content_digest).await;
    // The soak is over by itself.
    let staging = closed(grpc, &staging.name).await;
    assert_eq!(staging.state(), State::Succeeded, "{staging:?}");
    assert_eq!(fetched(service, "stage:staging"), bytes);

    let production = promoted(grpc, placing("production", version)).await;
    assert_eq!(outcomes(&production), [("before", Outcome::Passed), ("people", Outcome::Pending)]);
    assert_eq!(approve(grpc, &production, &people[0]).await.state(), State::Pending);
    let production = approve(grpc, &production, &people[1]).await;
    assert_eq!(production.state(), State::Succeeded);
    for place in ["stage:dev", "stage:staging", "stage:production", version] {
        assert_eq!(Digest::of(&fetched(service, place)), Digest::of(bytes), "{place}");
    }
    assert!([&dev, &staging].iter().all(|earlier| earlier.items[0].content_digest == production.items[0].content_digest));
    production
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_bytes_go_from_the_build_to_production_and_back() {
    for engine in BOTH {
        let (service, grpc) = Builder::on(engine).demo_grpc().await;
        declare_stages(&grpc).await;
        let builder = SigningKeys::generate();
        trust(&grpc, &builder).await;
        let people = [member(&grpc, "ann", Role::Developer).await, member(&grpc, "ben", Role::Developer).await];
        let (old, new) = (vec![1_u8; 100_000], vec![2_u8; 100_000]);

        deliver(&service, &grpc, &builder, &people, "1.0.0", &old).await;
        let second = deliver(&service, &grpc, &builder, &people, "1.1.0", &new).await;

        let rollback = RollbackStageRequest {
            name: stage_name("production"),
            expected_current_promotion: second.name.clone(),
            justification: "it answers 500".to_owned(),
            ..RollbackStageRequest::default()
        };
        let rollback = grpc.promotions().rollback_stage(authorized(rollback)).await.unwrap().into_inner().promotion.unwrap();
        assert_eq!(fetched(&service, "stage:production"), old, "{engine:?}");
        assert_eq!(fetched(&service, "stage:staging"), new, "{engine:?}");
        assert_eq!(standing(&grpc, "production").await.len(), 1);
        assert_eq!(get(&grpc, &second.name).await.unwrap().promotion.unwrap().state(), State::RolledBack);
        proven(&service, &grpc, &[&second, &rollback]).await;
        service.stop().await;
    }
}

/// Their statements verify with the public key of the instance alone, and each names the one before it.
async fn proven(service: &TestService, grpc: &Grpc, promotions: &[&Promotion; 2]) {
    let keys: SigningKeys = std::fs::read_to_string(service.directory().join("data/signing-keys.pem")).unwrap().parse().unwrap();
    let mut hashes = Vec::new();
    for promotion in promotions {
        let envelope = get(grpc, &promotion.name).await.unwrap().statement;
        let envelope = std::str::from_utf8(&envelope).unwrap();
        let payload = signature::open_envelope(envelope, PAYLOAD_TYPE, &keys.public_keys()).unwrap();
        let statement = Statement::parse(&payload).unwrap();
        assert_eq!(statement.predicate.record.promotion, promotion.name);
        hashes.push((Digest::of(&payload), statement.predicate.record.previous_record_hash));
    }
    assert_eq!(hashes[1].1, Some(hashes[0].0));
}

#[tokio::test]
async fn a_stage_stands_for_what_was_placed_and_for_nothing_else() {
    for engine in BOTH {
        let (service, grpc) = Builder::on(engine).demo_grpc().await;
        let rest = Rest::to(service.http());
        add_stage(&grpc, "dev", Stage::default()).await;
        assert_eq!(rest.put(&file("tool", "1.0.0", "a"), "old").await.status, 201);
        assert_eq!(rest.get(&file("tool", "stage:dev", "a")).await.status, 404, "nothing is placed");
        promoted(&grpc, placing("dev", "1.0.0")).await;
        assert_eq!(rest.put(&file("tool", "1.0.0", "a"), "new").await.status, 201);

        assert_eq!(rest.get(&file("tool", "stage:dev", "a")).await.text(), "old", "{engine:?}: what was placed stays");
        assert_eq!(rest.get(&file("tool", "1.0.0", "a")).await.text(), "new");
        assert_eq!(rest.get(&file("tool", "stage:none", "a")).await.status, 404);
        assert_eq!(rest.get(&file("tool", "stage:dev", "b")).await.status, 404);
        let whole = file("tool", "stage:dev", "a");
        let whole = whole.strip_suffix("/a").unwrap();
        let refused = rest.get(&format!("{whole}?format=tar")).await;
        assert_eq!(refused.status, 400, "{}", refused.text());
        assert!(refused.text().contains("package_version is open"), "{}", refused.text());
        let before = service.database().count("files");
        assert_eq!(rest.put(&file("tool", "stage:dev", "c"), "x").await.status, 400);
        assert_eq!(service.database().count("files"), before);
        service.stop().await;
    }
}

#[tokio::test]
async fn a_strict_gateway_takes_a_stage_for_a_version_whose_name_is_none() {
    for engine in BOTH {
        let (service, rest) = Builder::on(engine).flag("--strict-gitlab").demo().await;
        let grpc = Grpc::to(service.grpc());
        add_stage(&grpc, "dev", Stage::default()).await;
        assert_eq!(rest.put(&file("tool", "1.0.0", "a"), "old").await.status, 201);
        promoted(&grpc, placing("dev", "1.0.0")).await;
        let before = service.database().count("files");

        let whole = file("tool", "stage:dev", "a");
        let whole = format!("{}?format=tar", whole.strip_suffix("/a").unwrap());
        for version in ["stage:dev", "stage%3Adev", "stage:none", "stage:Not A Stage"] {
            let path = file("tool", version, "a");
            for (method, body) in [(Method::GET, None), (Method::PUT, Some("x"))] {
                let request = rest.request(method.clone(), &path).body(body.unwrap_or_default());
                let refused = rest.send(request).await;
                assert_eq!((refused.status, refused.text()), (400, INVALID), "{engine:?} {method} {version}");
            }
            assert_eq!(rest.send(rest.request(Method::HEAD, &path)).await.status, 400, "{engine:?} {version}");
        }
        let refused = rest.get(&whole).await;
        assert_eq!((refused.status, refused.text()), (400, INVALID), "{engine:?}");
        assert_eq!(service.database().count("files"), before);
        service.stop().await;
    }
}
