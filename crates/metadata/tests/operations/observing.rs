//! What is told of promotions, and of what nothing is told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use consign_metadata::{Applied, CreatePromotion, Metadata, Observation, Observer};
use consign_types::access::Role;
use consign_types::promotion::{Condition, Decision, GateKind, State};
use futures::FutureExt as _;
use integration_tests::{BOTH, Database, wait};

use crate::deciding::{approval, gate, promote, review, roll_back};
use crate::promoting::{create_stage, of_package, person, publish_sealed, wanted};
use crate::support::opened;

const REQUEST: &str = "123e4567-e89b-12d3-a456-426614174000";

/// Keeps what it is told.
#[derive(Clone, Debug, Default)]
struct Recorder(Arc<Mutex<Vec<Observation>>>);

impl Observer for Recorder {
    fn observe(&self, seen: &Observation) {
        self.0.lock().unwrap().push(seen.clone());
    }
}

/// The stage, the ends, and the gates that failed.
type News = (String, Vec<(State, usize)>, Vec<GateKind>);

impl Recorder {
    /// What it was told since it was asked last.
    fn news(&self) -> Vec<News> {
        let seen = std::mem::take(&mut *self.0.lock().unwrap());
        seen.into_iter().map(|seen| (seen.stage.to_string(), seen.ended, seen.failed)).collect()
    }
}

/// A metadata plane with stages and versions, and who is told of it.
async fn observed(database: &Database) -> (Metadata, Recorder) {
    let recorder = Recorder::default();
    let metadata = opened(database).await.observed_by(Arc::new(recorder.clone()));
    create_stage(&metadata, "dev", &[], Vec::new()).await;
    create_stage(&metadata, "guarded", &[], vec![approval("people", 1)]).await;
    let before = gate("before", Condition::Predecessor { stages: Vec::new(), any: false });
    create_stage(&metadata, "strict", &["dev"], vec![before, approval("people", 1)]).await;
    for version in ["1.0", "2.0"] {
        publish_sealed(&metadata, of_package("tool", version)).await;
    }
    (metadata, recorder)
}

fn news(stage: &str, ended: &[(State, usize)], failed: &[GateKind]) -> News {
    (stage.to_owned(), ended.to_vec(), failed.to_vec())
}

#[tokio::test]
async fn each_end_is_told_once_with_the_gates_that_failed() {
    for engine in BOTH {
        let database = Database::create(engine);
        let (metadata, recorder) = observed(&database).await;
        promote(&metadata, "dev", of_package("tool", "1.0")).await.unwrap();
        let current = promote(&metadata, "dev", of_package("tool", "2.0")).await.unwrap();
        roll_back(&metadata, "dev", current.id, None).await.unwrap();
        let succeeded = || news("dev", &[(State::Succeeded, 1)], &[]);
        let undone = news("dev", &[(State::Succeeded, 1), (State::RolledBack, 1)], &[]);
        assert_eq!(recorder.news(), [succeeded(), succeeded(), undone], "{engine:?}");

        promote(&metadata, "guarded", of_package("tool", "1.0")).await.unwrap();
        let newer = promote(&metadata, "guarded", of_package("tool", "2.0")).await.unwrap();
        review(&metadata, person("bob", Role::Developer), newer.id, Decision::Rejected).await.unwrap();
        let rejected = news("guarded", &[(State::Rejected, 1)], &[GateKind::Approval]);
        let expected = [news("guarded", &[], &[]), news("guarded", &[(State::Superseded, 1)], &[]), rejected];
        assert_eq!(recorder.news(), expected, "{engine:?}");

        promote(&metadata, "strict", of_package("tool", "2.0")).await.unwrap_err();
        assert_eq!(recorder.news(), [news("strict", &[], &[GateKind::Predecessor])], "what waits has not failed; {engine:?}");
    }
}

#[tokio::test]
async fn nothing_is_told_of_what_was_only_tried_or_done_before() {
    for engine in BOTH {
        let database = Database::create(engine);
        let (metadata, recorder) = observed(&database).await;
        for stage in ["dev", "strict"] {
            let tried = CreatePromotion { validate_only: true, ..wanted(stage, &[of_package("tool", "1.0")]) };
            metadata.create_promotion(tried).await.unwrap();
        }
        assert_eq!(recorder.news(), [], "{engine:?}");
        let once = CreatePromotion { request_id: Some(REQUEST.parse().unwrap()), ..wanted("dev", &[of_package("tool", "1.0")]) };
        let first = metadata.create_promotion(once.clone()).await.unwrap();
        assert_eq!(metadata.create_promotion(once).await.unwrap(), first);
        let seen = recorder.0.lock().unwrap().clone();
        let applied = Applied { waited: Duration::ZERO, lead_times: vec![Duration::ZERO] };
        assert_eq!((seen.len(), &seen[0].applied), (1, &Some(applied)), "{engine:?}");
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_keeps_nothing_from_being_told() {
    for engine in BOTH {
        let database = Database::create(engine);
        let (metadata, recorder) = observed(&database).await;
        // The transaction begins; whoever called does not wait for its end.
        drop(metadata.create_promotion(wanted("dev", &[of_package("tool", "1.0")])).now_or_never());
        let told = wait::until("the end of the promotion", async || Some(recorder.news()).filter(|news| !news.is_empty())).await;
        assert_eq!(told, [news("dev", &[(State::Succeeded, 1)], &[])], "{engine:?}");
    }
}
