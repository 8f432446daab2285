//! Streams of events of which one argument is hostile. The first message of each is waited for, or the refusal.

use consign_proto::metadata::{WatchEventsRequest, WatchEventsResponse};
use tonic::Status;

use super::Hostile;
use super::calls::{Outcome, PROJECT};
use crate::grpc::{Grpc, authorized};

const FILTERS: &[&str] =
    &["type : \"promotion\"", "sequence > 3 AND NOT subject : \"%\"", "time > \"2030-01-01T00:00:00Z\" OR actor = root"];

pub(super) async fn watch(grpc: &Grpc, hostile: &mut Hostile) -> (String, Outcome) {
    let choice = hostile.below(6);
    let mut request = WatchEventsRequest { parent: hostile.one_of(&[PROJECT, "projects/-"]).to_owned(), ..WatchEventsRequest::default() };
    match choice {
        0 => request.parent = hostile.text(&[PROJECT, "projects/-", "projects/root%2Fdemo"]),
        1 => request.after_sequence = hostile.number(),
        2 => request.filter = hostile.text(FILTERS),
        3 => request.filter = hostile.comparison(FILTERS),
        _ => {
            let given = first(grpc, request.clone()).await.expect("the stream is given").cursor;
            request.cursor = hostile.token(&given);
        }
    }
    if choice == 5 && hostile.below(4) == 0 {
        request.after_sequence = 1;
    }
    let shown = format!("{request:?}");
    (shown, first(grpc, request).await.map(|_| Vec::new()))
}

async fn first(grpc: &Grpc, request: WatchEventsRequest) -> Result<WatchEventsResponse, Status> {
    let mut messages = grpc.events().watch_events(authorized(request)).await?.into_inner();
    Ok(messages.message().await?.expect("the first message says that the stream stands"))
}
