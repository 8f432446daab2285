//! Stages that are held.

use consign_proto::metadata::gate::Condition;
use consign_proto::metadata::promotion::State;
use consign_proto::metadata::promotion_review::Decision;
use consign_proto::metadata::{ApprovalCondition, HoldStageRequest, ReleaseStageRequest, Role, Stage};
use consign_types::Reason;
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::promoting::{add_stage, bearing, closed, gated, member, placing, promote, promoted, review, stage_name, standing};
use integration_tests::tagging::{reason, seal};
use integration_tests::{BOTH, Builder};
use tonic::Status;

async fn hold(grpc: &Grpc, stage: &str, reason: &str, etag: &str) -> Result<Stage, Status> {
    let request =
        HoldStageRequest { name: stage_name(stage), reason: reason.to_owned(), etag: etag.to_owned(), ..HoldStageRequest::default() };
    Ok(grpc.promotions().hold_stage(authorized(request)).await?.into_inner().stage.unwrap())
}

async fn release(grpc: &Grpc, stage: &str, etag: &str) -> Result<Stage, Status> {
    let request = ReleaseStageRequest { name: stage_name(stage), etag: etag.to_owned(), ..ReleaseStageRequest::default() };
    Ok(grpc.promotions().release_stage(authorized(request)).await?.into_inner().stage.unwrap())
}

#[tokio::test]
async fn nothing_moves_to_a_held_stage_until_it_is_released() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0.0", "2.0.0"]).await;
        let approval = ApprovalCondition { count: 1, ..ApprovalCondition::default() };
        let made = add_stage(&grpc, "production", gated([("people", Condition::Approval(approval))])).await;
        let mia = member(&grpc, "mia", Role::Maintainer).await;
        let waiting = promoted(&grpc, placing("production", "1.0.0")).await;

        assert_eq!(reason(hold(&grpc, "production", "", "").await), Some(Reason::ArgumentInvalid));
        assert_eq!(reason(hold(&grpc, "production", "an incident", "of-long-ago").await), Some(Reason::EtagMismatch));
        assert_eq!(reason(hold(&grpc, "absent", "an incident", "").await), Some(Reason::StageNotFound));
        let held = hold(&grpc, "production", "an incident", &made.etag).await.unwrap();
        assert_eq!((held.held, held.hold_reason.as_str(), held.hold_actor.as_str()), (true, "an incident", "root"));
        let refused = promote(&grpc, placing("production", "2.0.0")).await.unwrap_err();
        assert!(refused.message().contains("an incident") && refused.message().contains("root"), "{refused}");
        assert_eq!(reason::<()>(Err(refused)), Some(Reason::StageHeld));
        let approved = grpc.promotions().review_promotion(bearing(review(&waiting.name, Decision::Approved), &mia)).await.unwrap();
        assert_eq!(approved.into_inner().promotion.unwrap().state(), State::Pending, "it is approved, and waits");
        assert_eq!(standing(&grpc, "production").await.len(), 0);

        assert_eq!(reason(release(&grpc, "production", &made.etag).await), Some(Reason::EtagMismatch));
        let released = release(&grpc, "production", &held.etag).await.unwrap();
        assert_eq!((released.held, released.hold_reason.as_str(), released.hold_actor.as_str()), (false, "", ""));
        assert_eq!(release(&grpc, "production", "").await.unwrap(), released, "it is answered as it is");
        assert_eq!(closed(&grpc, &waiting.name).await.state(), State::Succeeded);
        assert_eq!(standing(&grpc, "production").await, ["1.0.0"]);
    }
}
