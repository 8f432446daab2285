//! The life of stages.

use consign_proto::metadata::freeze_window::Schedule;
use consign_proto::metadata::gate::Condition;
use consign_proto::metadata::{
    AgeCondition, ApprovalCondition, AttestationCondition, DeleteStageRequest, FreezeWindow, Gate, GetStageRequest, OneTimeSchedule,
    OrderCondition, PredecessorCondition, RecurringSchedule, Role, SoakCondition, Stage, StatusCondition, TagCondition, UpdateStageRequest,
    UpdateStageResponse,
};
use consign_types::Reason;
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::promoting::{PROJECT, add_stage, gated, new_stage, placing, promoted, stage_name};
use integration_tests::tagging::{reason, seal};
use integration_tests::{BOTH, Builder, Engine};
use prost_types::{Duration, FieldMask, Timestamp};
use tonic::Status;

const REQUEST: &str = "123e4567-e89b-12d3-a456-426614174000";

async fn get(grpc: &Grpc, stage: &str) -> Result<Stage, Status> {
    let request = GetStageRequest { name: stage_name(stage) };
    Ok(grpc.promotions().get_stage(authorized(request)).await?.into_inner().stage.unwrap())
}

async fn update(grpc: &Grpc, stage: Stage, paths: &[&str]) -> Result<Stage, Status> {
    let update_mask = Some(FieldMask { paths: paths.iter().map(|&path| path.to_owned()).collect() });
    let request = UpdateStageRequest { stage: Some(stage), update_mask, ..UpdateStageRequest::default() };
    let UpdateStageResponse { stage } = grpc.promotions().update_stage(authorized(request)).await?.into_inner();
    Ok(stage.unwrap())
}

async fn delete(grpc: &Grpc, stage: &str, etag: &str) -> Result<(), Status> {
    let request = DeleteStageRequest { name: stage_name(stage), etag: etag.to_owned(), ..DeleteStageRequest::default() };
    grpc.promotions().delete_stage(authorized(request)).await.map(|_| ())
}

const fn seconds(seconds: i64) -> Duration {
    Duration { seconds, nanos: 0 }
}

/// A stage with all that a stage can ask.
fn full() -> Stage {
    let approval = ApprovalCondition {
        count: 2,
        minimum_role: Role::Developer.into(),
        approvers: vec!["users/alice".to_owned(), "users/bob".to_owned()],
        distinct: true,
        allow_self_approval: true,
        validity: Some(Duration { seconds: 60, nanos: 5000 }),
    };
    let attestation = AttestationCondition {
        predicate_type: "https://slsa.dev/provenance/v1".to_owned(),
        signers: vec!["https://host/*".to_owned()],
        maximum_age: Some(seconds(86_400)),
    };
    let gates = gated([
        ("before", Condition::Predecessor(PredecessorCondition { stages: vec!["qa".to_owned()], any: true })),
        ("soak", Condition::Soak(SoakCondition { stage: String::new(), duration: Some(seconds(3600)) })),
        ("people", Condition::Approval(approval)),
        ("signed", Condition::Attestation(attestation)),
        ("scan", Condition::Status(StatusCondition { check: "Scan".to_owned(), reporter: "users/scanner".to_owned() })),
        ("bot", Condition::Status(StatusCondition { check: String::new(), reporter: "project_1_bot_3".to_owned() })),
        ("tagged", Condition::Tag(TagCondition { tag_glob: "v*".to_owned(), immutable: true })),
        ("rising", Condition::Order(OrderCondition { allow_same: true })),
        ("old", Condition::Age(AgeCondition { minimum_age: Some(seconds(60)) })),
    ]);
    let time = |seconds| Some(Timestamp { seconds, nanos: 1000 });
    let windows = [
        ("holidays", Schedule::OneTime(OneTimeSchedule { start_time: time(2_000_000_000), end_time: time(2_000_086_400) })),
        (
            "nights",
            Schedule::Recurring(RecurringSchedule {
                start_cron: "0 22 * * *".to_owned(),
                end_cron: "0 6 * * *".to_owned(),
                time_zone: "Europe/Berlin".to_owned(),
            }),
        ),
    ];
    let window = |(id, schedule): (&str, Schedule)| FreezeWindow {
        freeze_window_id: id.to_owned(),
        schedule: Some(schedule),
        reason: "nobody is here".to_owned(),
    };
    Stage {
        display_name: "Production".to_owned(),
        description: "where it runs".to_owned(),
        rank: 7,
        predecessors: vec!["qa".to_owned()],
        freeze_windows: windows.into_iter().map(window).collect(),
        exclusive: true,
        ..gates
    }
}

#[tokio::test]
async fn a_stage_is_read_as_it_was_made_and_changed() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let qa = add_stage(&grpc, "qa", Stage::default()).await;
        assert_eq!(
            (qa.name.as_str(), qa.stage_id.as_str(), qa.display_name.as_str(), qa.held),
            ("projects/1/stages/qa", "qa", "qa", false)
        );
        let made = add_stage(&grpc, "production", full()).await;
        let given = |stage: &Stage| Stage {
            name: String::new(),
            stage_id: String::new(),
            etag: String::new(),
            create_time: None,
            update_time: None,
            ..stage.clone()
        };
        assert_eq!(given(&made), full());
        assert_eq!(get(&grpc, "production").await.unwrap(), made);

        let renamed =
            Stage { name: stage_name("production"), display_name: "Prod".to_owned(), etag: made.etag.clone(), ..Stage::default() };
        let changed = update(&grpc, renamed.clone(), &[]).await.unwrap();
        assert_eq!(changed.display_name, "Prod");
        assert_eq!((&changed.gates, &changed.freeze_windows, changed.rank), (&made.gates, &made.freeze_windows, 7), "the rest stays");
        assert_ne!(changed.etag, made.etag);
        assert_eq!(reason(update(&grpc, renamed.clone(), &[]).await), Some(Reason::EtagMismatch));
        let name = Stage { etag: String::new(), ..renamed };
        let bare = update(&grpc, name.clone(), &["gates", "freeze_windows", "predecessors", "rank", "exclusive"]).await.unwrap();
        assert!(bare.gates.is_empty() && bare.freeze_windows.is_empty() && bare.predecessors.is_empty() && !bare.exclusive);
        assert_eq!((bare.rank, bare.display_name.as_str()), (0, "Prod"));
        for path in ["held", "stage_id", "nonsense"] {
            assert_eq!(reason(update(&grpc, name.clone(), &[path]).await), Some(Reason::ArgumentInvalid), "{path}");
        }
        let absent = Stage { name: stage_name("absent"), rank: 1, ..Stage::default() };
        assert_eq!(reason(update(&grpc, absent, &[]).await), Some(Reason::StageNotFound));
        assert_eq!(reason(get(&grpc, "absent").await), Some(Reason::StageNotFound));
    }
}

#[tokio::test]
async fn the_same_request_makes_one_stage() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let mut request = new_stage("qa", Stage::default());
        request.request_id = REQUEST.to_owned();
        let first = grpc.promotions().create_stage(authorized(request.clone())).await.unwrap().into_inner();
        let again = grpc.promotions().create_stage(authorized(request.clone())).await.unwrap().into_inner();
        assert_eq!(first, again);
        request.stage_id = "other".to_owned();
        assert_eq!(reason(grpc.promotions().create_stage(authorized(request)).await), Some(Reason::RequestIdReused));
        let taken = grpc.promotions().create_stage(authorized(new_stage("qa", Stage::default()))).await;
        assert_eq!(reason(taken), Some(Reason::NameTaken));
    }
}

/// A stage with one gate.
fn one(condition: Condition) -> Stage {
    gated([("g", condition)])
}

fn approval(count: i32, approvers: &[&str]) -> ApprovalCondition {
    let approvers = approvers.iter().map(|&name| name.to_owned()).collect();
    ApprovalCondition { count, approvers, ..ApprovalCondition::default() }
}

/// A stage with one window.
fn window(schedule: Option<Schedule>) -> Stage {
    let window = FreezeWindow { freeze_window_id: "w".to_owned(), schedule, reason: String::new() };
    Stage { freeze_windows: vec![window], ..Stage::default() }
}

/// A stage with a window that opens again and again.
fn recurring(start: &str, zone: &str) -> Stage {
    let [start_cron, end_cron, time_zone] = [start, "0 6 * * *", zone].map(str::to_owned);
    window(Some(Schedule::Recurring(RecurringSchedule { start_cron, end_cron, time_zone })))
}

/// Asserts that no such stage is made.
async fn assert_refused(grpc: &Grpc, id: &str, stage: Stage, expected: Reason) {
    let shown = format!("{id} {stage:?}");
    let refused = grpc.promotions().create_stage(authorized(new_stage(id, stage))).await;
    assert_eq!(reason(refused), Some(expected), "{shown}");
}

#[tokio::test]
async fn a_stage_that_contradicts_itself_is_refused() {
    let (_service, grpc) = Builder::on(Engine::Sqlite).demo_grpc().await;
    add_stage(&grpc, "qa", Stage::default()).await;
    add_stage(&grpc, "next", Stage { predecessors: vec!["qa".to_owned()], ..Stage::default() }).await;
    let order = || Condition::Order(OrderCondition::default());
    let behind = |stage: &str| Stage { predecessors: vec![stage.to_owned()], ..Stage::default() };
    let unset = Stage { gates: vec![Gate { gate_id: "g".to_owned(), condition: None }], ..Stage::default() };
    let absent = SoakCondition { stage: "absent".to_owned(), duration: Some(seconds(1)) };
    for (id, stage, expected) in [
        ("Not A Name", Stage::default(), Reason::NameInvalid),
        ("new", behind("absent"), Reason::StageNotFound),
        ("new", one(Condition::Soak(absent)), Reason::StageNotFound),
        ("new", behind("new"), Reason::ArgumentInvalid),
        ("new", gated([("g", order()), ("g", order())]), Reason::ArgumentInvalid),
        ("new", gated([("freeze", order())]), Reason::ArgumentInvalid),
        ("new", gated([("version", order())]), Reason::ArgumentInvalid),
        ("new", gated([("", order())]), Reason::NameInvalid),
        ("new", unset, Reason::ArgumentInvalid),
        ("new", one(Condition::Predecessor(PredecessorCondition::default())), Reason::ArgumentInvalid),
    ] {
        assert_refused(&grpc, id, stage, expected).await;
    }
    let ring = Stage { name: stage_name("qa"), ..behind("next") };
    assert_eq!(reason(update(&grpc, ring, &["predecessors"]).await), Some(Reason::ArgumentInvalid));
    let mut foreign = new_stage("new", Stage::default());
    foreign.parent = "projects/9".to_owned();
    assert_eq!(reason(grpc.promotions().create_stage(authorized(foreign)).await), Some(Reason::ProjectNotFound));
}

#[tokio::test]
async fn a_condition_that_says_nothing_is_refused() {
    let (_service, grpc) = Builder::on(Engine::Sqlite).demo_grpc().await;
    let soak = |duration| one(Condition::Soak(SoakCondition { stage: "new".to_owned(), duration }));
    let people = |condition| one(Condition::Approval(condition));
    let time = |seconds| Some(Timestamp { seconds, nanos: 0 });
    let fixed = |start_time, end_time| window(Some(Schedule::OneTime(OneTimeSchedule { start_time, end_time })));
    for (stage, expected) in [
        (soak(None), Reason::ArgumentInvalid),
        (soak(Some(seconds(0))), Reason::ArgumentInvalid),
        (soak(Some(seconds(-1))), Reason::ArgumentInvalid),
        (soak(Some(Duration { seconds: 0, nanos: 999 })), Reason::ArgumentInvalid),
        (people(approval(0, &[])), Reason::ArgumentInvalid),
        (people(approval(51, &[])), Reason::ArgumentInvalid),
        (people(approval(-1, &[])), Reason::ArgumentInvalid),
        (people(approval(2, &["users/alice"])), Reason::ArgumentInvalid),
        (people(approval(1, &["users/7"])), Reason::ArgumentInvalid),
        (people(approval(1, &["alice"])), Reason::NameInvalid),
        (people(ApprovalCondition { minimum_role: 99, ..approval(1, &[]) }), Reason::ArgumentInvalid),
        (one(Condition::Attestation(AttestationCondition::default())), Reason::ArgumentInvalid),
        (one(Condition::Tag(TagCondition::default())), Reason::ArgumentInvalid),
        (window(None), Reason::ArgumentInvalid),
        (fixed(time(1), None), Reason::ArgumentInvalid),
        (fixed(time(2), time(2)), Reason::ArgumentInvalid),
        (recurring("nonsense", ""), Reason::ArgumentInvalid),
        (recurring("0 22 * * *", "Nowhere/Land"), Reason::ArgumentInvalid),
    ] {
        assert_refused(&grpc, "new", stage, expected).await;
    }
}

#[tokio::test]
async fn what_is_left_out_has_its_default() {
    let (_service, grpc) = Builder::on(Engine::Sqlite).demo_grpc().await;
    let utc = add_stage(&grpc, "utc", recurring("0 22 * * *", "")).await;
    let Some(Schedule::Recurring(schedule)) = &utc.freeze_windows[0].schedule else { panic!("{utc:?}") };
    assert_eq!(schedule.time_zone, "UTC");
    let role = add_stage(&grpc, "role", one(Condition::Approval(approval(1, &[])))).await;
    let Some(Condition::Approval(approval)) = &role.gates[0].condition else { panic!("{role:?}") };
    assert_eq!(approval.minimum_role(), Role::Maintainer);
}

#[tokio::test]
async fn a_stage_goes_when_nothing_needs_it() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0.0"]).await;
        let qa = add_stage(&grpc, "qa", Stage::default()).await;
        add_stage(&grpc, "next", Stage { predecessors: vec!["qa".to_owned()], ..Stage::default() }).await;
        let approval = ApprovalCondition { count: 1, ..ApprovalCondition::default() };
        add_stage(&grpc, "guarded", gated([("people", Condition::Approval(approval))])).await;

        let named = delete(&grpc, "qa", "").await.unwrap_err();
        assert!(named.message().contains("projects/1/stages/next"), "{named}");
        assert_eq!(reason::<()>(Err(named)), Some(Reason::StageInUse));
        promoted(&grpc, placing("next", "1.0.0")).await;
        assert_eq!(reason(delete(&grpc, "next", "").await), Some(Reason::StageInUse), "something stands on it");
        promoted(&grpc, placing("guarded", "1.0.0")).await;
        assert_eq!(reason(delete(&grpc, "guarded", "").await), Some(Reason::StageInUse), "a promotion waits for it");

        add_stage(&grpc, "alone", Stage::default()).await;
        assert_eq!(reason(delete(&grpc, "alone", &qa.etag).await), Some(Reason::EtagMismatch));
        delete(&grpc, "alone", "").await.unwrap();
        assert_eq!(reason(delete(&grpc, "alone", "").await), Some(Reason::StageNotFound));
        let again = add_stage(&grpc, "alone", Stage::default()).await;
        assert!(again.name.starts_with(PROJECT), "the name is free again");
    }
}
