//! What stands where, now and before.

use bytes::Bytes;
use consign_proto::metadata::get_stage_state_request::AsOf;
use consign_proto::metadata::list_placements_request::Subject;
use consign_proto::metadata::stage_difference::Kind;
use consign_proto::metadata::{
    CompareStagesRequest, CreatePromotionRequest, GetStageStateRequest, GetStageStateResponse, ListPlacementsRequest, Placement, Stage,
    StageDifference,
};
use consign_types::{Digest, Reason};
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::promoting::{PROJECT, add_stage, items, placing, promoted, stage_name};
use integration_tests::tagging::{keep_open, reason, seal, seal_in, version_name};
use integration_tests::{BOTH, Builder};
use prost_types::Timestamp;
use tonic::Status;

async fn state(grpc: &Grpc, stage: &str, as_of: AsOf) -> Result<GetStageStateResponse, Status> {
    let request = GetStageStateRequest { name: stage_name(stage), as_of: Some(as_of), ..GetStageStateRequest::default() };
    Ok(grpc.promotions().get_stage_state(authorized(request)).await?.into_inner())
}

fn versions(placements: &[Placement]) -> Vec<&str> {
    placements.iter().map(|placement| placement.version.rsplit('/').next().unwrap()).collect()
}

#[tokio::test]
async fn a_stage_is_told_as_of_a_time_and_of_a_change() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        seal(&grpc, &["1.0.0", "2.0.0"]).await;
        add_stage(&grpc, "qa", Stage::default()).await;
        let first = promoted(&grpc, placing("qa", "1.0.0")).await;
        let second = promoted(&grpc, placing("qa", "2.0.0")).await;

        for (as_of, expected, current) in [
            (AsOf::AsOfSequence(first.sequence - 1), vec![], ""),
            (AsOf::AsOfSequence(first.sequence), vec!["1.0.0"], first.name.as_str()),
            (AsOf::AsOfSequence(second.sequence), vec!["2.0.0"], second.name.as_str()),
            (AsOf::AsOfTime(first.effective_time.unwrap()), vec!["1.0.0"], first.name.as_str()),
            (AsOf::AsOfTime(second.effective_time.unwrap()), vec!["2.0.0"], second.name.as_str()),
        ] {
            let told = state(&grpc, "qa", as_of).await.unwrap();
            assert_eq!((versions(&told.placements), told.current_promotion.as_str()), (expected, current), "{as_of:?}");
        }
        let told = state(&grpc, "qa", AsOf::AsOfSequence(first.sequence)).await.unwrap();
        assert_eq!(told.sequence, first.sequence);
        let placement = &told.placements[0];
        assert_eq!((placement.promotion.as_str(), placement.start_time), (first.name.as_str(), first.effective_time));
        assert_eq!(placement.end_time, second.effective_time);
        let past = Timestamp { seconds: 1, nanos: 0 };
        for as_of in [AsOf::AsOfTime(past), AsOf::AsOfSequence(-1), AsOf::AsOfTime(Timestamp { seconds: i64::MAX, nanos: 0 })] {
            assert_eq!(reason(state(&grpc, "qa", as_of).await), Some(Reason::ArgumentInvalid), "{as_of:?}");
        }
        assert_eq!(reason(state(&grpc, "absent", AsOf::AsOfSequence(1)).await), Some(Reason::StageNotFound));
    }
}

async fn differences(grpc: &Grpc, include_same: bool, page_size: i32) -> Vec<StageDifference> {
    let (base, target) = (stage_name("qa"), stage_name("production"));
    let mut request = CompareStagesRequest { base, target, include_same, page_size, page_token: String::new() };
    let mut all = Vec::new();
    loop {
        let page = grpc.promotions().compare_stages(authorized(request.clone())).await.unwrap().into_inner();
        all.extend(page.differences);
        if page.next_page_token.is_empty() {
            return all;
        }
        request.page_token = page.next_page_token;
    }
}

#[tokio::test]
async fn two_stages_differ_by_package() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let package = |name: &str| format!("{PROJECT}/packages/{name}");
        for name in ["ahead", "behind", "only-base", "only-target", "same"] {
            seal_in(&grpc, &package(name), &["1.0.0", "2.0.0"]).await;
        }
        // The same version with other content: what an open one had at two moments.
        keep_open(&grpc, "1.0.0", b"one").await;
        add_stage(&grpc, "qa", Stage::default()).await;
        add_stage(&grpc, "production", Stage::default()).await;
        let place = async |stage: &str, versions: &[(&str, &str)]| {
            let names: Vec<String> = versions.iter().map(|(name, version)| format!("{}/versions/{version}", package(name))).collect();
            promoted(&grpc, CreatePromotionRequest { items: items(&names), ..placing(stage, "") }).await
        };
        place("qa", &[("ahead", "2.0.0"), ("behind", "1.0.0"), ("only-base", "1.0.0"), ("same", "1.0.0"), ("tool", "1.0.0")]).await;
        keep_open(&grpc, "1.0.0", b"two").await;
        place("production", &[("ahead", "1.0.0"), ("behind", "2.0.0"), ("only-target", "1.0.0"), ("same", "1.0.0"), ("tool", "1.0.0")])
            .await;

        let kinds = [
            ("ahead", Kind::Ahead),
            ("behind", Kind::Behind),
            ("only-base", Kind::MissingInTarget),
            ("only-target", Kind::MissingInBase),
            ("same", Kind::Same),
            ("tool", Kind::Different),
        ];
        for page_size in [0, 1, 2] {
            let found = differences(&grpc, true, page_size).await;
            let found: Vec<_> = found.iter().map(|one| (one.package.clone(), one.kind())).collect();
            assert_eq!(found, kinds.map(|(name, kind)| (package(name), kind)), "pages of {page_size}");
            let found = differences(&grpc, false, page_size).await;
            assert!(found.len() == 5 && found.iter().all(|one| one.kind() != Kind::Same), "pages of {page_size}");
        }
        let found = differences(&grpc, false, 0).await;
        let sides = |index: usize| (found[index].base.is_some(), found[index].target.is_some());
        assert_eq!((sides(0), sides(2), sides(3)), ((true, true), (true, false), (false, true)));
        for target in ["projects/1/stages/absent", "projects/9/stages/qa"] {
            let request = CompareStagesRequest { base: stage_name("qa"), target: target.to_owned(), ..CompareStagesRequest::default() };
            let refused = reason(grpc.promotions().compare_stages(authorized(request)).await);
            assert!(matches!(refused, Some(Reason::StageNotFound | Reason::ProjectNotFound | Reason::ArgumentInvalid)), "{refused:?}");
        }
    }
}

/// All pages of this size.
async fn list(grpc: &Grpc, parent: &str, subject: Option<Subject>, show_past: bool, page_size: i32) -> Result<Vec<Placement>, Status> {
    let mut request = ListPlacementsRequest { parent: parent.to_owned(), subject, show_past, page_size, page_token: String::new() };
    let mut all = Vec::new();
    loop {
        let page = grpc.promotions().list_placements(authorized(request.clone())).await?.into_inner();
        all.extend(page.placements);
        if page.next_page_token.is_empty() {
            return Ok(all);
        }
        request.page_token = page.next_page_token;
    }
}

#[tokio::test]
async fn where_something_stands_is_found_by_its_version_its_content_and_its_files() {
    for engine in BOTH {
        let (_service, grpc) = Builder::on(engine).demo_grpc().await;
        let sealed = seal(&grpc, &["1.0.0", "2.0.0"]).await;
        add_stage(&grpc, "qa", Stage::default()).await;
        add_stage(&grpc, "production", Stage::default()).await;
        promoted(&grpc, placing("qa", "1.0.0")).await;
        promoted(&grpc, placing("production", "1.0.0")).await;
        promoted(&grpc, placing("qa", "2.0.0")).await;

        let list = async |parent, subject, show_past, page_size| list(&grpc, parent, subject, show_past, page_size).await;
        let version = || Some(Subject::Version(version_name("1.0.0")));
        let content = || Some(Subject::ContentDigest(sealed[0].content_digest.clone()));
        let file = || Some(Subject::FileSha256(Bytes::copy_from_slice(Digest::of(b"1.0.0").as_bytes())));
        for parent in [PROJECT, "projects/-", "projects/root%2Fdemo"] {
            for subject in [version(), content(), file()] {
                let shown = format!("{parent} {subject:?}");
                let now = list(parent, subject.clone(), false, 0).await.unwrap();
                assert_eq!(now.iter().map(|one| one.stage.as_str()).collect::<Vec<_>>(), ["projects/1/stages/production"], "{shown}");
                let all = list(parent, subject.clone(), true, 1).await.unwrap();
                let stages: Vec<_> = all.iter().map(|one| (one.stage.as_str(), one.end_time.is_some())).collect();
                assert_eq!(stages, [("projects/1/stages/production", false), ("projects/1/stages/qa", true)], "{shown}");
                assert_eq!(list(parent, subject, true, 0).await.unwrap(), all, "{shown}");
            }
            assert_eq!(versions(&list(parent, None, false, 0).await.unwrap()), ["2.0.0", "1.0.0"], "the newest first");
            assert_eq!(list(parent, None, true, 1).await.unwrap().len(), 3);
        }
        let unknown = Some(Subject::FileSha256(Bytes::copy_from_slice(Digest::of(b"x").as_bytes())));
        assert!(list(PROJECT, unknown, true, 0).await.unwrap().is_empty());
        for (parent, subject, expected) in [
            (PROJECT, Subject::Version(version_name("9.0.0")), Reason::VersionNotFound),
            ("projects/-", Subject::Version("projects/9/packages/tool/versions/1".to_owned()), Reason::ProjectNotFound),
            (PROJECT, Subject::ContentDigest(Bytes::from_static(b"short")), Reason::ArgumentInvalid),
            (PROJECT, Subject::ContentDigest(Bytes::new()), Reason::ArgumentInvalid),
            ("projects/9", Subject::Version(version_name("1.0.0")), Reason::ProjectNotFound),
        ] {
            let shown = format!("{parent} {subject:?}");
            assert_eq!(reason(list(parent, Some(subject), false, 0).await), Some(expected), "{shown}");
        }
    }
}
