//! Whatever is called in whichever order, no pointer of a stage moves past a gate that does not hold and was not put aside.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};

use consign_metadata::{
    AsOf, CancelPromotion, CreatePromotion, Error, HoldStage, Metadata, Page, Placement, PromotionError, ReportGate, StageChange,
    UpdateStage, WantedWaiver,
};
use consign_types::Timestamp;
use consign_types::access::Role;
use consign_types::promotion::{Condition, Decision, Outcome, State};
use consign_types::time::Span;
use integration_tests::{Database, Engine};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::deciding::{approval, gate, promotion, review, roll_back};
use crate::promoting::{create_stage, of_package, person, publish_sealed, stage, wanted};
use crate::support::{NOW, opened_with, principal, rules};

const STAGES: [&str; 3] = ["dev", "staging", "production"];
const PEOPLE: [&str; 3] = ["alice", "bob", "carol"];
const VERSIONS: [&str; 3] = ["1.0", "2.0", "3.0"];

/// How long a version soaks on `staging`.
const SOAK_SECONDS: i64 = 60;

static CLOCK: AtomicI64 = AtomicI64::new(0);

fn clock() -> Timestamp {
    NOW.plus_seconds(CLOCK.load(Ordering::Relaxed))
}

#[derive(Clone, Debug)]
enum Call {
    Promote {
        who: usize,
        stage: usize,
        version: usize,
        waives: bool,
    },
    Review {
        who: usize,
        promotion: i64,
        approves: bool,
    },
    Report {
        promotion: i64,
        passes: bool,
    },
    Cancel {
        promotion: i64,
    },
    RollBack {
        stage: usize,
    },
    Hold {
        stage: usize,
        is_held: bool,
    },
    /// Asks for this many approvals before `production`.
    Ask {
        count: u32,
    },
    Wait {
        seconds: i64,
    },
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        5 => (0..3_usize, 0..3_usize, 0..3_usize, proptest::bool::weighted(0.1)).prop_map(|(who, stage, version, waives)| Call::Promote { who, stage, version, waives }),
        5 => (0..3_usize, 1..12_i64, proptest::bool::weighted(0.9)).prop_map(|(who, promotion, approves)| Call::Review { who, promotion, approves }),
        3 => (1..12_i64, proptest::bool::weighted(0.8)).prop_map(|(promotion, passes)| Call::Report { promotion, passes }),
        1 => (1..12_i64).prop_map(|promotion| Call::Cancel { promotion }),
        1 => (0..3_usize).prop_map(|stage| Call::RollBack { stage }),
        1 => (0..3_usize, any::<bool>()).prop_map(|(stage, is_held)| Call::Hold { stage, is_held }),
        1 => (1..3_u32).prop_map(|count| Call::Ask { count }),
        4 => (1..90_i64).prop_map(|seconds| Call::Wait { seconds }),
    ]
}

/// What happened, as this test notes it for itself.
#[derive(Default)]
struct Noted {
    /// Who approved which promotion, of those whose word was taken.
    approved: BTreeMap<i64, BTreeSet<usize>>,
    passed: BTreeSet<i64>,
    waived: BTreeSet<i64>,
    creators: BTreeMap<i64, usize>,
    /// How many approvals `production` asks for.
    asked: u32,
    /// The placements that were seen, by their ids.
    seen: BTreeMap<i64, Placement>,
    held: BTreeSet<usize>,
}

async fn project(database: &Database) -> Metadata {
    let metadata = opened_with(database, rules(), clock).await;
    for version in VERSIONS {
        publish_sealed(&metadata, of_package("tool", version)).await;
    }
    let before = || gate("before", Condition::Predecessor { stages: Vec::new(), any: false });
    let duration = Span::from_micros(SOAK_SECONDS * 1_000_000).unwrap();
    create_stage(&metadata, "dev", &[], Vec::new()).await;
    let check = gate("tests", Condition::Status { check: "tests".parse().unwrap(), reporter: None });
    create_stage(&metadata, "staging", &["dev"], vec![before(), check]).await;
    let soak = gate("soak", Condition::Soak { stage: None, duration });
    create_stage(&metadata, "production", &["staging"], vec![before(), soak, approval("people", 1)]).await;
    metadata
}

async fn make(metadata: &Metadata, call: &Call, noted: &mut Noted) {
    match call {
        Call::Promote { .. } => ask(metadata, call, noted).await,
        Call::Review { .. } | Call::Report { .. } | Call::Cancel { .. } => speak(metadata, call, noted).await,
        Call::RollBack { .. } | Call::Hold { .. } | Call::Ask { .. } => steer(metadata, call, noted).await,
        Call::Wait { seconds } => {
            CLOCK.fetch_add(*seconds, Ordering::Relaxed);
        }
    }
    let held = noted.held.clone();
    metadata.judge_promotions().await.1.unwrap();
    look(metadata, noted, &held).await;
}

/// Asks for a promotion.
async fn ask(metadata: &Metadata, call: &Call, noted: &mut Noted) {
    let Call::Promote { who, stage, version, waives } = call else { unreachable!("another call") };
    let puts_aside = *waives && *stage == 2;
    let waiver = |gate: &str| WantedWaiver {
        gate: gate.parse().unwrap(),
        justification: "it burns".parse().unwrap(),
        expires_at: clock().plus_seconds(3600),
    };
    let wanted = CreatePromotion {
        principal: person(PEOPLE[*who], Role::Maintainer),
        waivers: if puts_aside { ["before", "soak", "people"].map(waiver).to_vec() } else { Vec::new() },
        ..wanted(STAGES[*stage], &[of_package("tool", VERSIONS[*version])])
    };
    if let Ok((promotion, _)) = metadata.create_promotion(wanted).await {
        noted.creators.insert(promotion.id, *who);
        if puts_aside {
            noted.waived.insert(promotion.id);
        }
    }
}

/// Says something of a promotion.
async fn speak(metadata: &Metadata, call: &Call, noted: &mut Noted) {
    let text = || "".parse().unwrap();
    match call {
        Call::Review { who, promotion, approves } => {
            let decision = if *approves { Decision::Approved } else { Decision::Rejected };
            let person = person(PEOPLE[*who], Role::Developer);
            if review(metadata, person, *promotion, decision).await.is_ok() && *approves {
                noted.approved.entry(*promotion).or_default().insert(*who);
            }
        }
        Call::Report { promotion: id, passes } => {
            let report = ReportGate {
                principal: person("robot", Role::Developer),
                name: promotion(*id),
                gate: "tests".parse().unwrap(),
                outcome: if *passes { Outcome::Passed } else { Outcome::Failed },
                reason: text(),
                evidence: Vec::new(),
                request_id: None,
            };
            if metadata.report_gate(report).await.is_ok() && *passes {
                noted.passed.insert(*id);
            }
        }
        Call::Cancel { promotion: id } => {
            let cancel = CancelPromotion { principal: principal(), name: promotion(*id), reason: text(), etag: None, request_id: None };
            // Most are not pending.
            drop(metadata.cancel_promotion(cancel).await);
        }
        _ => unreachable!("another call"),
    }
}

/// Changes a stage.
async fn steer(metadata: &Metadata, call: &Call, noted: &mut Noted) {
    match call {
        Call::RollBack { stage: of } => {
            let state = metadata.stage_state(stage(STAGES[*of]), AsOf::Now, Page::first(1)).await.unwrap();
            if let Some(current) = state.promotion {
                match roll_back(metadata, STAGES[*of], current, None).await {
                    // Nothing stands there any more.
                    Err(Error::Promotion(PromotionError::NothingBefore { .. })) => {}
                    done => drop(done.unwrap()),
                }
            }
        }
        Call::Hold { stage: of, is_held } => {
            let (name, reason) = (stage(STAGES[*of]), "we look".parse().unwrap());
            let hold = HoldStage { principal: principal(), name, is_held: *is_held, reason, etag: None, request_id: None };
            metadata.hold_stage(hold).await.unwrap();
            noted.held.retain(|held| held != of);
            noted.held.extend(is_held.then_some(*of));
        }
        Call::Ask { count } => {
            let mut gates = metadata.find_stage(stage("production")).await.unwrap().policy.gates;
            gates.retain(|gate| gate.name.as_str() != "people");
            gates.push(approval("people", *count));
            let change = StageChange { gates: Some(gates), ..StageChange::default() };
            let update = UpdateStage { principal: principal(), name: stage("production"), etag: None, change, request_id: None };
            metadata.update_stage(update).await.unwrap();
            noted.asked = *count;
        }
        _ => unreachable!("another call"),
    }
}

/// Looks at every placement that is new since the last call, and asks whether what was noted lets it be there.
async fn look(metadata: &Metadata, noted: &mut Noted, held: &BTreeSet<usize>) {
    let everything = consign_metadata::ListPlacements {
        within: consign_metadata::Within::Project(stage("dev").project),
        what: consign_metadata::PlacedWhat::Anything,
        show_past: true,
        page: Page::first(1000),
    };
    let mut placed = metadata.list_placements(everything).await.unwrap().items;
    placed.reverse();
    for new in &placed {
        if noted.seen.contains_key(&new.id) {
            continue;
        }
        let (of, _) = metadata.find_promotion(promotion(new.promotion_id)).await.unwrap();
        if of.rollback_target.is_none() {
            assert!(matches!(of.state, State::Succeeded | State::RolledBack), "{of:?}");
            let index = STAGES.iter().position(|name| *name == new.stage.as_str()).unwrap();
            assert!(!held.contains(&index), "a promotion was applied on a stage that is held: {of:?}");
            may_stand(new, index, &placed, noted);
        }
    }
    noted.seen = placed.into_iter().map(|placed| (placed.id, placed)).collect();
}

fn may_stand(new: &Placement, index: usize, placed: &[Placement], noted: &Noted) {
    if index == 0 || noted.waived.contains(&new.promotion_id) {
        return;
    }
    // What ended in the change that applied this one had not ended before it.
    let stood = |on: &&Placement| on.stage.as_str() == STAGES[index - 1] && on.content_digest == new.content_digest && on.id < new.id;
    let earlier: Vec<&Placement> = placed.iter().filter(stood).collect();
    assert!(!earlier.is_empty(), "{new:?} was never on {}", STAGES[index - 1]);
    if index == 1 {
        assert!(noted.passed.contains(&new.promotion_id), "{new:?} was placed without a report");
        return;
    }
    let time_on = |on: &&Placement| on.ended_at.unwrap_or(new.started_at).min(new.started_at).as_micros() - on.started_at.as_micros();
    let soaked: i64 = earlier.iter().map(time_on).sum();
    assert!(soaked >= SOAK_SECONDS * 1_000_000, "{new:?} soaked for {soaked} us in all");
    let creator = noted.creators.get(&new.promotion_id);
    let others = noted.approved.get(&new.promotion_id).into_iter().flatten().filter(|who| creator != Some(who)).count();
    assert!(others >= usize::try_from(noted.asked).unwrap(), "{new:?} was approved by {others} of {}", noted.asked);
}

#[test]
fn no_sequence_of_calls_moves_a_pointer_past_a_gate_that_does_not_hold() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let applied = std::cell::Cell::new(0_usize);
    let mut runner = TestRunner::new(Config { cases: 60, max_shrink_iters: 200, failure_persistence: None, ..Config::default() });
    let result = runner.run(&proptest::collection::vec(call(), 1..60), |calls| {
        runtime.block_on(async {
            CLOCK.store(0, Ordering::Relaxed);
            let database = Database::create(Engine::Sqlite);
            let metadata = project(&database).await;
            let mut noted = Noted { asked: 1, ..Noted::default() };
            for call in &calls {
                make(&metadata, call, &mut noted).await;
            }
            let in_production = noted.seen.values().filter(|placed| placed.stage.as_str() == "production").count();
            applied.set(applied.get() + in_production);
        });
        Ok(())
    });
    result.unwrap();
    assert!(applied.get() > 2, "hardly anything came to production, so hardly anything was tested: {}", applied.get());
}
