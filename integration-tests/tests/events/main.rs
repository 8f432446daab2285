//! Events: what watchers are told, in order, each once, and none of what did not happen.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod lists;
mod order;
mod rights;
mod streams;
mod told;

use std::time::Duration;

use consign_proto::metadata::watch_events_response::Item;
use consign_proto::metadata::{Event, ListEventsRequest, ListEventsResponse, WatchEventsRequest, WatchEventsResponse};
use integration_tests::grpc::{Grpc, authorized};
use tonic::{Status, Streaming};

pub(crate) const REQUEST: &str = "123e4567-e89b-12d3-a456-426614174000";

pub(crate) async fn page(grpc: &Grpc, request: ListEventsRequest) -> Result<ListEventsResponse, Status> {
    Ok(grpc.events().list_events(authorized(request)).await?.into_inner())
}

pub(crate) async fn list(grpc: &Grpc, parent: &str, filter: &str) -> Vec<Event> {
    let request = ListEventsRequest { parent: parent.to_owned(), filter: filter.to_owned(), page_size: 1000, ..Default::default() };
    page(grpc, request).await.unwrap().events
}

/// Waits until so many events of all projects are told: the transactions of others in the cluster, which may hold them up, are over.
pub(crate) async fn settled(grpc: &Grpc, count: usize) {
    let is_there = async || (list(grpc, "projects/-", "").await.len() == count).then_some(());
    integration_tests::wait::until("all events to be told", is_there).await;
}

/// What happened to what, without the name of the project.
pub(crate) fn told(events: &[Event]) -> Vec<(&str, &str)> {
    events.iter().map(|event| (event.r#type.as_str(), event.subject.strip_prefix("projects/1").unwrap())).collect()
}

pub(crate) fn data(event: &Event) -> serde_json::Value {
    serde_json::from_slice(&event.data).unwrap()
}

pub(crate) async fn watch(grpc: &Grpc, request: WatchEventsRequest) -> Result<Streaming<WatchEventsResponse>, Status> {
    Ok(grpc.events().watch_events(authorized(request)).await?.into_inner())
}

pub(crate) fn from(parent: &str, after_sequence: i64) -> WatchEventsRequest {
    WatchEventsRequest { parent: parent.to_owned(), after_sequence, ..Default::default() }
}

/// The next message, which comes within a time that no pause of a busy machine lasts.
pub(crate) async fn next(stream: &mut Streaming<WatchEventsResponse>) -> Result<WatchEventsResponse, Status> {
    let next = tokio::time::timeout(Duration::from_mins(1), stream.message()).await.expect("a stream does not fall silent");
    next.map(|message| message.expect("a stream ends by a status"))
}

/// The events that come next.
pub(crate) async fn take(stream: &mut Streaming<WatchEventsResponse>, count: usize) -> Vec<(Event, String)> {
    let mut events = Vec::new();
    let taken = async {
        while events.len() < count {
            let message = next(stream).await.unwrap();
            if let Some(Item::Event(event)) = message.item {
                events.push((event, message.cursor));
            }
        }
    };
    tokio::time::timeout(Duration::from_mins(1), taken).await.expect("what happened is told");
    events
}
