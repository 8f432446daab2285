//! Undoing promotions.

use consign_proto::metadata::promotion::State;
use consign_proto::metadata::{Promotion, QuarantineVersionRequest, RollbackStageRequest, Stage};
use consign_types::Reason;
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::promoting::{add_stage, get, placing, promoted, stage_name, standing, state};
use integration_tests::tagging::{reason, seal, version_name};
use integration_tests::{BOTH, Builder};
use tonic::Status;

const REQUEST: &str = "123e4567-e89b-12d3-a456-426614174000";

fn back(target: &str, expected: &str) -> RollbackStageRequest {
    RollbackStageRequest {
        name: stage_name("production"),
        target_promotion: target.to_owned(),
        expected_current_promotion: expected.to_owned(),
        justification: "it fails".to_owned(),
        request_id: String::new(),
    }
}

async fn roll_back(grpc: &Grpc, request: RollbackStageRequest) -> Result<Promotion, Status> {
    let answer = grpc.promotions().rollback_stage(authorized(request)).await?.into_inner();
    let promotion = answer.promotion.unwrap();
    assert_eq!(promotion.sequence, answer.sequence);
    Ok(promotion)
}

#[tokio::test]
async fn a_rollback_places_what_stood_there_before() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0.0", "2.0.0", "3.0.0"]).await;
        add_stage(&grpc, "production", Stage::default()).await;
        add_stage(&grpc, "other", Stage::default()).await;
        let [first, second, third] = ["1.0.0", "2.0.0", "3.0.0"].map(|version| placing("production", version));
        let (first, second) = (promoted(&grpc, first).await, promoted(&grpc, second).await);
        let elsewhere = promoted(&grpc, placing("other", "1.0.0")).await;
        let third = promoted(&grpc, third).await;

        let changed = roll_back(&grpc, back("", &second.name)).await.unwrap_err();
        assert!(changed.message().contains(&third.name), "{changed}");
        assert_eq!(reason::<()>(Err(changed)), Some(Reason::StageChanged));
        for (request, expected) in [
            (back("", ""), Reason::ArgumentInvalid),
            (RollbackStageRequest { justification: String::new(), ..back("", &third.name) }, Reason::ArgumentInvalid),
            (RollbackStageRequest { name: stage_name("absent"), ..back("", &third.name) }, Reason::StageNotFound),
            (back(&elsewhere.name, &third.name), Reason::PromotionNotFound),
            (back("projects/9/promotions/1", &third.name), Reason::ArgumentInvalid),
        ] {
            let shown = format!("{request:?}");
            assert_eq!(reason(roll_back(&grpc, request).await), Some(expected), "{shown}");
        }

        let request = RollbackStageRequest { request_id: REQUEST.to_owned(), ..back("", &third.name) };
        let undone = roll_back(&grpc, request.clone()).await.unwrap();
        assert_eq!(roll_back(&grpc, request).await.unwrap(), undone, "the same request is one rollback");
        assert_eq!((undone.state(), undone.rollback_target.as_str()), (State::Succeeded, second.name.as_str()));
        assert_eq!((undone.items[0].version.as_str(), undone.justification.as_str()), (version_name("2.0.0").as_str(), "it fails"));
        assert_eq!(standing(&grpc, "production").await, ["2.0.0"]);
        let old = get(&grpc, &third.name).await.unwrap().promotion.unwrap();
        assert_eq!((old.state(), old.rolled_back_by.as_str()), (State::RolledBack, undone.name.as_str()));
        assert_eq!(state(&grpc, "production").await.current_promotion, undone.name);

        let again = roll_back(&grpc, back("", &undone.name)).await.unwrap();
        assert_eq!((again.rollback_target.as_str(), standing(&grpc, "production").await), (first.name.as_str(), vec!["1.0.0".to_owned()]));
        // What runs is not taken away by one rollback too many.
        assert_eq!(reason(roll_back(&grpc, back("", &again.name)).await), Some(Reason::PromotionNotFound));
        assert_eq!(standing(&grpc, "production").await, ["1.0.0"]);
        let emptied = roll_back(&grpc, back("-", &again.name)).await.unwrap();
        assert_eq!((emptied.rollback_target.as_str(), emptied.items.len()), ("-", 0));
        assert_eq!(standing(&grpc, "production").await.len(), 0);
        for target in ["", "-"] {
            assert_eq!(reason(roll_back(&grpc, back(target, &emptied.name)).await), Some(Reason::PromotionNotFound), "it is empty");
        }
    }
}

#[tokio::test]
async fn what_nobody_may_read_is_not_placed_again() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0.0", "2.0.0"]).await;
        add_stage(&grpc, "production", Stage::default()).await;
        let first = promoted(&grpc, placing("production", "1.0.0")).await;
        let second = promoted(&grpc, placing("production", "2.0.0")).await;
        let name = version_name("1.0.0");
        let request = QuarantineVersionRequest { name, reason: "broken".to_owned(), ..QuarantineVersionRequest::default() };
        grpc.packages().quarantine_version(authorized(request)).await.unwrap();
        assert_eq!(reason(roll_back(&grpc, back(&first.name, &second.name)).await), Some(Reason::VersionStateConflict));
        assert_eq!(standing(&grpc, "production").await, ["2.0.0"]);
    }
}
