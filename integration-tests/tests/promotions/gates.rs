//! What each gate says.

use std::time::{SystemTime, UNIX_EPOCH};

use consign_proto::metadata::freeze_window::Schedule;
use consign_proto::metadata::gate::Condition;
use consign_proto::metadata::gate_verdict::Outcome;
use consign_proto::metadata::promotion::State;
use consign_proto::metadata::tag_rule::Action;
use consign_proto::metadata::{
    AgeCondition, ApprovalCondition, AttestationCondition, CreatePromotionRequest, FreezeWindow, OneTimeSchedule, OrderCondition,
    PredecessorCondition, Promotion, SoakCondition, Stage, StatusCondition, TagCondition, Waiver,
};
use consign_types::Reason;
use integration_tests::grpc::Grpc;
use integration_tests::promoting::{add_stage, closed, gated, outcomes, placing, promote, promoted, standing};
use integration_tests::tagging::{add_rule, create, facts, new_tag, reason, rule, seal};
use integration_tests::{BOTH, Builder, Engine};
use prost_types::{Duration, Timestamp};

/// So many seconds from now.
#[expect(clippy::disallowed_methods, reason = "the service under test goes by the system's clock")]
fn from_now(seconds: i64) -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    Timestamp { seconds: i64::try_from(now).unwrap() + seconds, nanos: 0 }
}

/// A window that is open between these moments, in seconds from now.
fn frozen(start: i64, end: i64) -> Stage {
    let schedule = Some(Schedule::OneTime(OneTimeSchedule { start_time: Some(from_now(start)), end_time: Some(from_now(end)) }));
    let window = FreezeWindow { freeze_window_id: "holidays".to_owned(), schedule, reason: "nobody is here".to_owned() };
    Stage { freeze_windows: vec![window], ..Stage::default() }
}

/// What would come of a promotion to a stage with one gate.
async fn tried(grpc: &Grpc, stage: &str, version: &str) -> Promotion {
    promoted(grpc, CreatePromotionRequest { validate_only: true, ..placing(stage, version) }).await
}

#[tokio::test]
async fn each_gate_explains_itself_before_anything_is_done() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0.0", "2.0.0"]).await;
        create(&grpc, new_tag("v-moving", "1.0.0")).await.unwrap();
        add_stage(&grpc, "qa", Stage::default()).await;
        let hour = Some(Duration { seconds: 3600, nanos: 0 });
        let tag = |glob: &str, immutable| Condition::Tag(TagCondition { tag_glob: glob.to_owned(), immutable });
        let slsa = AttestationCondition { predicate_type: "https://slsa.dev/provenance/v1".to_owned(), ..AttestationCondition::default() };
        let stage = gated([
            ("before", Condition::Predecessor(PredecessorCondition::default())),
            ("soak", Condition::Soak(SoakCondition { stage: "qa".to_owned(), duration: hour })),
            ("people", Condition::Approval(ApprovalCondition { count: 1, ..ApprovalCondition::default() })),
            ("signed", Condition::Attestation(slsa)),
            ("scan", Condition::Status(StatusCondition { check: "Scan".to_owned(), reporter: String::new() })),
            ("tagged", tag("v-*", false)),
            ("pinned", tag("v-*", true)),
            ("rising", Condition::Order(OrderCondition::default())),
            ("old", Condition::Age(AgeCondition { minimum_age: hour })),
        ]);
        add_stage(&grpc, "production", Stage { predecessors: vec!["qa".to_owned()], ..merged(stage, frozen(-60, 3600)) }).await;

        let waits = [("soak", Outcome::Pending), ("people", Outcome::Pending), ("signed", Outcome::Pending), ("scan", Outcome::Pending)];
        let ends = [("pinned", Outcome::Failed), ("rising", Outcome::Passed), ("old", Outcome::Pending), ("freeze", Outcome::Pending)];
        let expected = |before, tagged| {
            let first = [("before", before)].into_iter().chain(waits).chain([("tagged", tagged)]);
            first.chain(ends).collect::<Vec<_>>()
        };
        let first = tried(&grpc, "production", "1.0.0").await;
        assert_eq!(outcomes(&first), expected(Outcome::Failed, Outcome::Passed));
        for verdict in &first.verdicts {
            let says = !verdict.reason.is_empty() && verdict.judge_time.is_some() && verdict.waiver.is_none();
            assert!(says, "{verdict:?}");
        }
        let by_id = |promotion: &Promotion, id| promotion.verdicts.iter().find(|verdict| verdict.gate_id == id).cloned().unwrap();
        assert!(by_id(&first, "before").reason.contains("qa"), "{first:?}");
        assert!(by_id(&first, "freeze").reason.contains("nobody is here"), "{first:?}");
        assert!(by_id(&first, "old").retry_time.is_some() && by_id(&first, "people").retry_time.is_none());

        let placed = promoted(&grpc, placing("qa", "1.0.0")).await;
        let later = tried(&grpc, "production", "1.0.0").await;
        assert_eq!(outcomes(&later), expected(Outcome::Passed, Outcome::Passed));
        assert!(by_id(&later, "before").evidence.contains(&placed.name), "{later:?}");
        assert!(by_id(&later, "soak").retry_time.is_some(), "{later:?}");
        let other = tried(&grpc, "production", "2.0.0").await;
        assert_eq!(outcomes(&other), expected(Outcome::Failed, Outcome::Failed));

        let (reason, details) = facts(promote(&grpc, placing("production", "2.0.0")).await);
        assert_eq!((reason, details["failed_gates"].as_str()), (Some(Reason::GatesUnmet), "before tagged pinned"));
        assert_eq!(details["pending_gates"], "soak people signed scan old freeze");
    }
}

/// The gates of one stage and the windows of another.
fn merged(gates: Stage, windows: Stage) -> Stage {
    Stage { freeze_windows: windows.freeze_windows, ..gates }
}

#[tokio::test]
async fn what_waits_for_time_is_applied_by_itself() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0.0"]).await;
        add_stage(&grpc, "qa", Stage::default()).await;
        let soak = SoakCondition { stage: "qa".to_owned(), duration: Some(Duration { seconds: 1, nanos: 500_000_000 }) };
        add_stage(&grpc, "production", gated([("soak", Condition::Soak(soak))])).await;
        promoted(&grpc, placing("qa", "1.0.0")).await;
        let waiting = promoted(&grpc, placing("production", "1.0.0")).await;
        assert_eq!(outcomes(&waiting), [("soak", Outcome::Pending)]);
        let done = closed(&grpc, &waiting.name).await;
        assert_eq!((done.state(), outcomes(&done)), (State::Succeeded, vec![("soak", Outcome::Passed)]));
        assert_eq!(standing(&grpc, "production").await, ["1.0.0"]);
    }
}

#[tokio::test]
async fn a_lower_version_does_not_take_the_place_of_a_higher_one() {
    let (_service, grpc) = Builder::on(Engine::Sqlite).demo_grpc().await;
    seal(&grpc, &["1.0.0", "2.0.0"]).await;
    add_stage(&grpc, "strict", gated([("rising", Condition::Order(OrderCondition::default()))])).await;
    promoted(&grpc, placing("strict", "2.0.0")).await;
    for version in ["1.0.0", "2.0.0"] {
        assert_eq!(reason(promote(&grpc, placing("strict", version)).await), Some(Reason::GatesUnmet), "{version}");
    }
    add_stage(&grpc, "same", gated([("rising", Condition::Order(OrderCondition { allow_same: true }))])).await;
    promoted(&grpc, placing("same", "2.0.0")).await;
    assert_eq!(promoted(&grpc, placing("same", "2.0.0")).await.state(), State::Succeeded);
}

#[tokio::test]
async fn a_tag_that_a_rule_keeps_counts_where_that_is_asked() {
    let (_service, grpc) = Builder::on(Engine::Sqlite).demo_grpc().await;
    seal(&grpc, &["1.0.0"]).await;
    add_rule(&grpc, rule("v*", Action::Immutable)).await.unwrap();
    create(&grpc, new_tag("v1", "1.0.0")).await.unwrap();
    add_stage(&grpc, "pinned", gated([("pinned", Condition::Tag(TagCondition { tag_glob: "v*".to_owned(), immutable: true }))])).await;
    assert_eq!(promoted(&grpc, placing("pinned", "1.0.0")).await.state(), State::Succeeded);
}

#[tokio::test]
async fn a_closed_window_stops_nobody() {
    let (_service, grpc) = Builder::on(Engine::Sqlite).demo_grpc().await;
    seal(&grpc, &["1.0.0"]).await;
    add_stage(&grpc, "past", frozen(-3600, -60)).await;
    let applied = promoted(&grpc, placing("past", "1.0.0")).await;
    assert_eq!((applied.state(), outcomes(&applied)), (State::Succeeded, vec![("freeze", Outcome::Passed)]));
}

#[tokio::test]
async fn a_gate_is_put_aside_with_a_justification_and_for_a_time() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0.0"]).await;
        let scan = StatusCondition { check: "Scan".to_owned(), reporter: String::new() };
        add_stage(&grpc, "production", merged(gated([("scan", Condition::Status(scan))]), frozen(-60, 3600))).await;
        let waiver = |gate: &str, justification: &str, seconds| Waiver {
            gate_id: gate.to_owned(),
            justification: justification.to_owned(),
            expire_time: Some(from_now(seconds)),
            actor: String::new(),
        };
        let with = |waivers: &[Waiver]| CreatePromotionRequest { waivers: waivers.to_vec(), ..placing("production", "1.0.0") };
        let endless = Waiver { expire_time: None, ..waiver("scan", "an outage", 600) };
        for (waivers, expected) in [
            (vec![waiver("absent", "an outage", 600)], Reason::GateNotFound),
            (vec![waiver("scan", "", 600)], Reason::ArgumentInvalid),
            (vec![waiver("scan", "an outage", -1)], Reason::ArgumentInvalid),
            (vec![endless], Reason::ArgumentInvalid),
            (vec![waiver("scan", "an outage", 600), waiver("scan", "another", 600)], Reason::ArgumentInvalid),
        ] {
            assert_eq!(reason(promote(&grpc, with(&waivers)).await), Some(expected), "{waivers:?}");
        }
        let applied = promoted(&grpc, with(&[waiver("scan", "an outage", 600), waiver("freeze", "an outage", 600)])).await;
        assert_eq!(applied.state(), State::Succeeded);
        assert_eq!(outcomes(&applied), [("scan", Outcome::Waived), ("freeze", Outcome::Waived)]);
        let told = applied.verdicts[0].waiver.as_ref().unwrap();
        assert_eq!((told.gate_id.as_str(), told.justification.as_str(), told.actor.as_str()), ("scan", "an outage", "root"));
        assert!(told.expire_time.is_some());
    }
}
