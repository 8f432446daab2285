//! People who approve, and programs that report.

use consign_proto::metadata::gate::Condition;
use consign_proto::metadata::gate_verdict::Outcome;
use consign_proto::metadata::promotion::State;
use consign_proto::metadata::promotion_review::Decision;
use consign_proto::metadata::{
    ApprovalCondition, GateVerdict, Promotion, ReportGateRequest, ReviewPromotionRequest, Role, StatusCondition,
};
use consign_types::Reason;
use consign_types::access::Scope;
use integration_tests::grpc::Grpc;
use integration_tests::promoting::{add_stage, bearing, gated, member, outcomes, placing, project_token, promoted, review, standing};
use integration_tests::tagging::{reason, seal};
use integration_tests::{BOTH, Builder, TOKEN};
use tonic::Status;

async fn say(grpc: &Grpc, token: &str, request: ReviewPromotionRequest) -> Result<Promotion, Status> {
    Ok(grpc.promotions().review_promotion(bearing(request, token)).await?.into_inner().promotion.unwrap())
}

async fn report(grpc: &Grpc, token: &str, name: &str, (gate, outcome): (&str, Outcome)) -> Result<Promotion, Status> {
    let request = ReportGateRequest {
        name: name.to_owned(),
        gate_id: gate.to_owned(),
        outcome: outcome.into(),
        reason: "as scanned".to_owned(),
        evidence: vec!["https://host/scans/7".to_owned()],
        request_id: String::new(),
    };
    Ok(grpc.promotions().report_gate(bearing(request, token)).await?.into_inner().promotion.unwrap())
}

fn verdict(promotion: &Promotion) -> &GateVerdict {
    &promotion.verdicts[0]
}

#[tokio::test]
async fn a_promotion_waits_for_people_who_did_not_ask_for_it() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0.0", "2.0.0", "3.0.0"]).await;
        let two = ApprovalCondition { count: 2, minimum_role: Role::Developer.into(), ..ApprovalCondition::default() };
        add_stage(&grpc, "production", gated([("people", Condition::Approval(two))])).await;
        let (mia, dev) = (member(&grpc, "mia", Role::Maintainer).await, member(&grpc, "dev", Role::Developer).await);
        let guest = member(&grpc, "rob", Role::Reporter).await;
        let bot = project_token(&grpc, Role::Owner, &Scope::ALL).await;
        let approve = |name: &str| review(name, Decision::Approved);

        let waiting = promoted(&grpc, placing("production", "1.0.0")).await;
        assert_eq!((waiting.state(), outcomes(&waiting)), (State::Pending, vec![("people", Outcome::Pending)]));
        let own = say(&grpc, TOKEN, approve(&waiting.name)).await;
        assert_eq!(reason(own), Some(Reason::ApprovalForbidden), "who asked for it does not approve it");
        for (who, token) in [("a reporter", &guest), ("a token of the project", &bot)] {
            assert_eq!(reason(say(&grpc, token, approve(&waiting.name)).await), Some(Reason::ApprovalForbidden), "{who}");
        }
        let stale = ReviewPromotionRequest { etag: "of-long-ago".to_owned(), ..approve(&waiting.name) };
        assert_eq!(reason(say(&grpc, &mia, stale).await), Some(Reason::EtagMismatch));
        let other = ReviewPromotionRequest { gate_ids: vec!["absent".to_owned()], ..approve(&waiting.name) };
        assert_eq!(reason(say(&grpc, &mia, other).await), Some(Reason::GateNotFound));
        let open = ReviewPromotionRequest { decision: 0, ..approve(&waiting.name) };
        assert_eq!(reason(say(&grpc, &mia, open).await), Some(Reason::ArgumentInvalid));

        let first = ReviewPromotionRequest { comment: "fine".to_owned(), ..approve(&waiting.name) };
        let one = say(&grpc, &mia, first).await.unwrap();
        assert_eq!((one.state(), one.reviews.len()), (State::Pending, 1));
        let told = &one.reviews[0];
        assert_eq!((told.actor.as_str(), told.decision(), told.comment.as_str()), ("mia", Decision::Approved, "fine"));
        let done = say(&grpc, &dev, approve(&waiting.name)).await.unwrap();
        assert_eq!((done.state(), outcomes(&done)), (State::Succeeded, vec![("people", Outcome::Passed)]));
        assert_eq!(standing(&grpc, "production").await, ["1.0.0"]);
        assert_eq!(reason(say(&grpc, &dev, approve(&waiting.name)).await), Some(Reason::PromotionClosed));

        let rejected = promoted(&grpc, placing("production", "2.0.0")).await;
        let ended = say(&grpc, &dev, review(&rejected.name, Decision::Rejected)).await.unwrap();
        assert_eq!((ended.state(), verdict(&ended).outcome()), (State::Rejected, Outcome::Failed));
        assert_eq!(standing(&grpc, "production").await, ["1.0.0"]);
        assert_eq!(reason(say(&grpc, &mia, approve("projects/1/promotions/1000000")).await), Some(Reason::PromotionNotFound));
    }
}

#[tokio::test]
async fn who_approves_may_be_named_and_may_be_whoever_asked() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0.0"]).await;
        let named = ApprovalCondition {
            count: 1,
            minimum_role: Role::Reporter.into(),
            approvers: vec!["users/rob".to_owned()],
            ..ApprovalCondition::default()
        };
        let own = ApprovalCondition { count: 1, allow_self_approval: true, ..ApprovalCondition::default() };
        add_stage(&grpc, "production", gated([("named", Condition::Approval(named)), ("own", Condition::Approval(own))])).await;
        let (rob, mia) = (member(&grpc, "rob", Role::Reporter).await, member(&grpc, "mia", Role::Maintainer).await);
        let waiting = promoted(&grpc, placing("production", "1.0.0")).await;
        let for_named = |token| {
            let request = ReviewPromotionRequest { gate_ids: vec!["named".to_owned()], ..review(&waiting.name, Decision::Approved) };
            say(&grpc, token, request)
        };
        assert_eq!(reason(for_named(&mia).await), Some(Reason::ApprovalForbidden));
        let half = for_named(&rob).await.unwrap();
        assert_eq!(outcomes(&half), [("named", Outcome::Passed), ("own", Outcome::Pending)]);
        let done = say(&grpc, TOKEN, review(&waiting.name, Decision::Approved)).await.unwrap();
        assert_eq!(done.state(), State::Succeeded);
    }
}

#[tokio::test]
async fn a_checker_reports_and_nobody_in_its_place() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0.0", "2.0.0"]).await;
        let named = StatusCondition { check: "Scan".to_owned(), reporter: "users/scanner".to_owned() };
        let open = StatusCondition { check: "Load".to_owned(), reporter: String::new() };
        let approval = ApprovalCondition { count: 1, ..ApprovalCondition::default() };
        let gates = [("scan", Condition::Status(named)), ("load", Condition::Status(open)), ("people", Condition::Approval(approval))];
        add_stage(&grpc, "production", gated(gates[..2].to_vec())).await;
        add_stage(&grpc, "guarded", gated(gates[2..].to_vec())).await;
        let (scanner, other) = (member(&grpc, "scanner", Role::Reporter).await, member(&grpc, "other", Role::Reporter).await);

        let waiting = promoted(&grpc, placing("production", "1.0.0")).await;
        assert_eq!(outcomes(&waiting), [("scan", Outcome::Pending), ("load", Outcome::Pending)]);
        let name = &waiting.name;
        assert_eq!(reason(report(&grpc, &other, name, ("scan", Outcome::Passed)).await), Some(Reason::ReportForbidden));
        assert_eq!(reason(report(&grpc, &other, name, ("absent", Outcome::Passed)).await), Some(Reason::GateNotFound));
        for outcome in [Outcome::Waived, Outcome::Unspecified] {
            assert_eq!(reason(report(&grpc, &scanner, name, ("scan", outcome)).await), Some(Reason::ArgumentInvalid), "{outcome:?}");
        }
        let half = report(&grpc, &scanner, name, ("scan", Outcome::Passed)).await.unwrap();
        assert_eq!(outcomes(&half), [("scan", Outcome::Passed), ("load", Outcome::Pending)]);
        assert!(verdict(&half).reason.contains("as scanned"), "{half:?}");
        assert!(verdict(&half).evidence.contains(&"https://host/scans/7".to_owned()), "{half:?}");
        assert_eq!(report(&grpc, &other, name, ("load", Outcome::Pending)).await.unwrap().state(), State::Pending);
        assert_eq!(report(&grpc, &other, name, ("load", Outcome::Passed)).await.unwrap().state(), State::Succeeded);
        assert_eq!(reason(report(&grpc, &other, name, ("load", Outcome::Passed)).await), Some(Reason::PromotionClosed));
        let missing = report(&grpc, &other, "projects/1/promotions/1000000", ("load", Outcome::Passed)).await;
        assert_eq!(reason(missing), Some(Reason::PromotionNotFound));

        let failing = promoted(&grpc, placing("production", "2.0.0")).await;
        let ended = report(&grpc, &scanner, &failing.name, ("scan", Outcome::Failed)).await.unwrap();
        assert_eq!(ended.state(), State::Rejected);
        let guarded = promoted(&grpc, placing("guarded", "1.0.0")).await;
        let not_a_check = report(&grpc, &other, &guarded.name, ("people", Outcome::Passed)).await;
        assert_eq!(reason(not_a_check), Some(Reason::GateNotFound));
    }
}
