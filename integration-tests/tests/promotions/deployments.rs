//! What runtimes report, and where it drifts.

use bytes::Bytes;
use consign_proto::metadata::drift::Reason as Why;
use consign_proto::metadata::{
    CreatePromotionRequest, QuarantineVersionRequest, RecordDeploymentRequest, RecordDeploymentResponse, Stage, YankVersionRequest,
};
use consign_types::{Digest, Reason};
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::promoting::{add_stage, items, placing, promoted, stage_name, state};
use integration_tests::tagging::{reason, seal, seal_in};
use integration_tests::{BOTH, Builder};
use prost_types::Duration;
use tonic::Status;

const REQUEST: &str = "123e4567-e89b-12d3-a456-426614174000";

fn running(digests: &[&Bytes]) -> RecordDeploymentRequest {
    RecordDeploymentRequest {
        stage: stage_name("production"),
        runtime: "cluster-7".to_owned(),
        digests: digests.iter().map(|&digest| digest.clone()).collect(),
        ttl: None,
        request_id: String::new(),
    }
}

async fn record(grpc: &Grpc, request: RecordDeploymentRequest) -> Result<RecordDeploymentResponse, Status> {
    Ok(grpc.promotions().record_deployment(authorized(request)).await?.into_inner())
}

#[tokio::test]
async fn what_runs_is_compared_with_what_is_placed() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let tool = seal(&grpc, &["1.0.0", "2.0.0", "3.0.0"]).await;
        let of = async |package: &str, version| seal_in(&grpc, &format!("projects/1/packages/{package}"), &[version]).await.remove(0);
        let (yanked, bad, lone) = (of("yanked", "10").await, of("bad", "11").await, of("lone", "12").await);
        add_stage(&grpc, "production", Stage::default()).await;
        let place = async |names: &[&String]| {
            let names: Vec<String> = names.iter().map(|&name| name.clone()).collect();
            promoted(&grpc, CreatePromotionRequest { items: items(&names), ..placing("production", "") }).await
        };
        place(&[&tool[0].name, &yanked.name, &bad.name, &lone.name]).await;
        place(&[&tool[1].name]).await;
        let (name, why) = (yanked.name.clone(), "broken".to_owned());
        grpc.packages().yank_version(authorized(YankVersionRequest { name, reason: why, ..Default::default() })).await.unwrap();
        let (name, why) = (bad.name.clone(), "broken".to_owned());
        let request = QuarantineVersionRequest { name, reason: why, ..Default::default() };
        grpc.packages().quarantine_version(authorized(request)).await.unwrap();

        let right = [&tool[1].content_digest, &lone.content_digest];
        let answer = record(&grpc, running(&right)).await.unwrap();
        assert_eq!((answer.drifts.len(), answer.drifts_truncated), (0, false), "{answer:?}");
        assert!(answer.expire_time.is_some());
        let observed: Vec<_> = state(&grpc, "production").await.placements;
        let seen = observed.iter().filter(|placement| placement.last_observed_time.is_some());
        let seen: Vec<_> = seen.map(|placement| placement.version.as_str()).collect();
        assert_eq!(seen, [lone.name.as_str(), tool[1].name.as_str()]);
        let file = Bytes::copy_from_slice(Digest::of(b"2.0.0").as_bytes());
        assert_eq!(record(&grpc, running(&[&file])).await.unwrap().drifts.len(), 0, "a file speaks for its version");

        let unknown = Bytes::copy_from_slice(Digest::of(b"x").as_bytes());
        let wrong = [&tool[0].content_digest, &tool[2].content_digest, &yanked.content_digest, &bad.content_digest, &unknown];
        let answer = record(&grpc, running(&wrong)).await.unwrap();
        let mut found: Vec<_> = answer.drifts.iter().map(|drift| (drift.reason(), drift.version.as_str(), &drift.digest)).collect();
        found.sort();
        let mut expected = vec![
            (Why::NotPromoted, tool[2].name.as_str(), &tool[2].content_digest),
            (Why::Yanked, yanked.name.as_str(), &yanked.content_digest),
            (Why::Quarantined, bad.name.as_str(), &bad.content_digest),
            (Why::Superseded, tool[0].name.as_str(), &tool[0].content_digest),
            (Why::NotRunning, tool[1].name.as_str(), &tool[1].content_digest),
            (Why::Unknown, "", &unknown),
        ];
        expected.sort();
        assert_eq!(found, expected);
        let of = |why| answer.drifts.iter().find(|drift| drift.reason() == why).unwrap().expected_version.as_str();
        assert_eq!((of(Why::Superseded), of(Why::Unknown)), (tool[1].name.as_str(), ""));
    }
}

#[tokio::test]
async fn a_report_is_taken_once_and_within_limits() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        add_stage(&grpc, "production", Stage::default()).await;
        let request = RecordDeploymentRequest { request_id: REQUEST.to_owned(), ..running(&[]) };
        let first = record(&grpc, request.clone()).await.unwrap();
        assert_eq!(record(&grpc, request.clone()).await.unwrap(), first);
        let other = RecordDeploymentRequest { runtime: "another".to_owned(), ..request };
        assert_eq!(reason(record(&grpc, other).await), Some(Reason::RequestIdReused));
        let ttl = |seconds| RecordDeploymentRequest { ttl: Some(Duration { seconds, nanos: 0 }), ..running(&[]) };
        record(&grpc, ttl(30 * 24 * 60 * 60)).await.unwrap();
        let digest = Bytes::copy_from_slice(Digest::of(b"x").as_bytes());
        for (request, expected) in [
            (RecordDeploymentRequest { stage: stage_name("absent"), ..running(&[]) }, Reason::StageNotFound),
            (RecordDeploymentRequest { runtime: String::new(), ..running(&[]) }, Reason::ArgumentInvalid),
            (RecordDeploymentRequest { runtime: "x".repeat(256), ..running(&[]) }, Reason::ArgumentInvalid),
            (RecordDeploymentRequest { digests: vec![Bytes::from_static(b"short")], ..running(&[]) }, Reason::ArgumentInvalid),
            (RecordDeploymentRequest { digests: vec![digest; 10_001], ..running(&[]) }, Reason::ArgumentInvalid),
            (ttl(0), Reason::ArgumentInvalid),
            (ttl(30 * 24 * 60 * 60 + 1), Reason::ArgumentInvalid),
        ] {
            assert_eq!(reason(record(&grpc, request).await), Some(expected));
        }
    }
}
