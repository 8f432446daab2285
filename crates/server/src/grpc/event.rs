//! `consign.metadata.v1.EventService`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use consign_metadata::{Cursor, Event, FollowEvents, Followed, ListEvents, Metadata, Within, behind_change};
use consign_proto::metadata::event_service_server::EventService;
use consign_proto::metadata::watch_events_response::Item;
use consign_proto::metadata::{self as wire, ListEventsRequest, ListEventsResponse, WatchEventsRequest, WatchEventsResponse};
use consign_proto::status::{invalid, limited, refused, status};
use consign_proto::timestamp;
use consign_types::Reason;
use consign_types::filter::Filter;
use consign_types::resource::{ProjectRef, ProjectsRef};
use prost::Message as _;
use tokio::sync::mpsc::Sender;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status};

use super::decode;
use super::page::{Listing, fitting};
use crate::auth::{Caller, caller};

/// How many streams a process serves at most: each asks the database twice a second.
const MAX_STREAMS: usize = 200;

/// The pause between two looks at what is new.
const INTERVAL: Duration = Duration::from_millis(500);

/// The longest time that a stream says nothing.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How many events are read at once.
const AT_ONCE: usize = 100;

/// How many messages wait for a slow reader.
const WAITING: usize = 16;

/// When to come again where there are too many.
const RETRY_AFTER: Duration = Duration::from_secs(5);

const ORDERS: &[(&str, ())] = &[("time", ())];

/// The service, over the metadata plane.
#[derive(Clone, Debug)]
pub(crate) struct EventApi {
    metadata: Metadata,
    streams: Arc<Semaphore>,
    stopping: CancellationToken,
}

impl EventApi {
    pub(crate) fn new(metadata: Metadata, stopping: CancellationToken) -> Self {
        Self { metadata, streams: Arc::new(Semaphore::new(MAX_STREAMS)), stopping }
    }
}

#[tonic::async_trait]
impl EventService for EventApi {
    async fn watch_events(&self, request: Request<WatchEventsRequest>) -> Result<Response<BoxStream<WatchEventsResponse>>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let watch = Watch::new(&self.metadata, caller, &request)?;
        // What is refused is refused at once.
        let first = watch.read().await?;
        let permit = self.streams.clone().try_acquire_owned();
        let permit = permit.map_err(|_| limited("as many streams of events as there may be", RETRY_AFTER, []))?;
        let (sender, messages) = mpsc::channel(WAITING);
        tokio::spawn(watch.run(first, sender, self.stopping.clone(), permit));
        Ok(Response::new(Box::pin(ReceiverStream::new(messages))))
    }

    async fn list_events(&self, request: Request<ListEventsRequest>) -> Result<Response<ListEventsResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let listing = Listing::of("ListEvents", &[&request.parent, &request.filter, &request.order_by]);
        let ((), descending) = decode::order(&request.order_by, ORDERS)?;
        let within = caller.within(decode::name("parent", &request.parent)?).await?;
        let wanted = ListEvents {
            within: within.clone(),
            filter: decode::filter(&request.filter)?,
            descending,
            page: listing.page(request.page_size, &request.page_token)?,
        };
        let found = self.metadata.list_events(wanted).await.map_err(status)?;
        let found = fitting(found.map(|event| (event.cursor(&within), encoded(event))), |(_, event)| event.encoded_len());
        let next_page_token = listing.next(&found, |(cursor, _)| cursor.to_string());
        Ok(Response::new(ListEventsResponse { events: found.map(|(_, event)| event).items, next_page_token }))
    }
}

/// Where the messages of a stream go.
type Messages = Sender<Result<WatchEventsResponse, Status>>;

/// A stream of events.
struct Watch {
    metadata: Metadata,
    caller: Caller,
    projects: ProjectsRef,
    filter: Option<Filter>,
    listing: Listing,
    after: Option<Cursor>,
}

impl Watch {
    fn new(metadata: &Metadata, caller: Caller, request: &WatchEventsRequest) -> Result<Self, Status> {
        let projects: ProjectsRef = decode::name("parent", &request.parent)?;
        let listing = Listing::of("WatchEvents", &[&request.parent, &request.filter]);
        let refused = |rule: &str| Err(invalid("after_sequence", Reason::ArgumentInvalid, rule));
        let after = match (request.after_sequence, request.cursor.as_str(), &projects) {
            (0, "", _) => None,
            (0, cursor, _) => Some(listing.place("cursor", cursor, |text| text.parse().ok())?),
            (1.., "", ProjectsRef::One(_)) => Some(behind_change(request.after_sequence)),
            (1.., "", _) => return refused("counts in one project: over several, go on by `cursor`"),
            (1.., _, _) => return refused("says the same as `cursor`: leave one of them out"),
            _ => return refused("must not be negative"),
        };
        let filter = decode::filter(&request.filter)?;
        Ok(Self { metadata: metadata.clone(), caller, projects, filter, listing, after })
    }

    /// What is there behind what was told. The caller is judged anew each time: what was taken from it ends the stream.
    async fn read(&self) -> Result<(Within, Followed), Status> {
        let within = self.caller.within(self.projects.clone()).await?;
        let (filter, after) = (self.filter.clone(), self.after.clone());
        let wanted = FollowEvents { within: within.clone(), filter, after, limit: AT_ONCE };
        Ok((within, self.metadata.follow_events(wanted).await.map_err(status)?))
    }

    /// Sends what there is, until nobody takes it any more, the caller may not read it, or the service stops.
    async fn run(mut self, first: (Within, Followed), sender: Messages, stopping: CancellationToken, _permit: OwnedSemaphorePermit) {
        let end = tokio::select! {
            () = sender.closed() => return,
            () = stopping.cancelled() => refused(Reason::Draining, "the service stops: connect again, with the last `cursor`"),
            end = self.follow(first, &sender) => match end {
                Ok(()) => return,
                Err(end) => end,
            },
        };
        // Whoever is too slow to take it finds the stream at its end.
        let _ = sender.try_send(Err(end));
    }

    async fn follow(&mut self, first: (Within, Followed), sender: &Messages) -> Result<(), Status> {
        let (mut told, mut next) = (Instant::now(), Some(first));
        let mut is_due = true;
        loop {
            let (within, followed) = match next.take() {
                Some(first) => first,
                None => self.read().await?,
            };
            let more = followed.more;
            // The first message says that the stream stands.
            for message in self.messages(&within, followed, is_due) {
                if sender.send(Ok(message)).await.is_err() {
                    return Ok(());
                }
                told = Instant::now();
            }
            if !more {
                tokio::time::sleep(INTERVAL).await;
            }
            is_due = told.elapsed() >= HEARTBEAT;
        }
    }

    /// What is to be told: that something is lost, what happened, or, if it is time, that there is nothing.
    fn messages(&mut self, within: &Within, followed: Followed, is_due: bool) -> Vec<WatchEventsResponse> {
        let Followed { events, cursor, sequence, lost, .. } = followed;
        let mut items = Vec::with_capacity(events.len() + 1);
        if lost {
            let first = events.first().filter(|_| sequence > 0).map_or(0, |first| first.sequence);
            let before = events.first().map_or_else(|| cursor.clone(), |first| right_before(first.cursor(within)));
            items.push((Item::ResyncSequence(first), before));
        }
        items.extend(
            events.into_iter().map(|event| (event.cursor(within), event)).map(|(cursor, event)| (Item::Event(encoded(event)), cursor)),
        );
        if items.is_empty() && is_due {
            items.push((Item::HeartbeatSequence(sequence), cursor.clone()));
        }
        self.after = Some(cursor);
        let message = |(item, cursor)| WatchEventsResponse { item: Some(item), cursor: self.listing.token(&cursor) };
        items.into_iter().map(message).collect()
    }
}

/// The cursor right before an event.
fn right_before(cursor: Cursor) -> Cursor {
    Cursor { id: cursor.id - 1, ..cursor }
}

fn encoded(event: Event) -> wire::Event {
    wire::Event {
        sequence: event.sequence,
        event_id: format!("{}-{}-{}", event.project_id, event.sequence, event.part),
        r#type: event.kind.to_string(),
        subject: event.subject,
        project: ProjectRef::Id(event.project_id).to_string(),
        actor: event.actor.to_string(),
        time: Some(timestamp(event.time)),
        data: Bytes::from(event.data),
        request_id: event.request_id,
    }
}
