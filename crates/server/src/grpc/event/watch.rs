//! A stream of events: what there is, and then what comes.

use std::time::Duration;

use consign_metadata::{Behind, Cursor, FollowEvents, Followed, Metadata, Within, behind_change};
use consign_proto::metadata::watch_events_response::Item;
use consign_proto::metadata::{WatchEventsRequest, WatchEventsResponse};
use consign_proto::status::{invalid, refused, status};
use consign_types::Reason;
use consign_types::filter::Filter;
use consign_types::resource::ProjectsRef;
use tokio::sync::mpsc::Sender;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::encoded;
use super::streams::Share;
use crate::auth::Caller;
use crate::grpc::decode;
use crate::grpc::page::Listing;

/// The pause between two looks at what is new.
const INTERVAL: Duration = Duration::from_millis(500);

/// The longest time that a stream says nothing.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How long a reader may take nothing, while messages wait for it.
const PATIENCE: Duration = Duration::from_mins(1);

/// How many events are read at once.
const AT_ONCE: usize = 100;

/// How many messages wait for a slow reader.
pub(super) const WAITING: usize = 16;

/// Where the messages of a stream go.
type Messages = Sender<Result<WatchEventsResponse, Status>>;

/// A stream of events.
pub(super) struct Watch {
    metadata: Metadata,
    caller: Caller,
    projects: ProjectsRef,
    filter: Option<Filter>,
    listing: Listing,
    after: Behind,
}

impl Watch {
    pub(super) fn new(metadata: &Metadata, caller: Caller, request: &WatchEventsRequest) -> Result<Self, Status> {
        let projects: ProjectsRef = decode::name("parent", &request.parent)?;
        let listing = Listing::of("WatchEvents", &[&request.parent, &request.filter]);
        let refused = |field, rule: &str| Err(invalid(field, Reason::ArgumentInvalid, rule));
        let after = match (request.from_now, request.after_sequence, request.cursor.as_str(), &projects) {
            (true, 0, "", _) => Behind::Now,
            (true, ..) => return refused("from_now", "says where to begin, as `after_sequence` and `cursor` do: give one of them"),
            (_, 0, "", _) => Behind::Nothing,
            (_, 0, cursor, _) => Behind::Cursor(listing.place("cursor", cursor, |text| text.parse().ok())?),
            (_, 1.., "", ProjectsRef::One(_)) => Behind::Cursor(behind_change(request.after_sequence)),
            (_, 1.., "", _) => return refused("after_sequence", "counts in one project: over several, go on by `cursor`"),
            (_, 1.., ..) => return refused("after_sequence", "says the same as `cursor`: leave one of them out"),
            _ => return refused("after_sequence", "must not be negative"),
        };
        let filter = decode::filter(&request.filter)?;
        Ok(Self { metadata: metadata.clone(), caller, projects, filter, listing, after })
    }

    /// What is there behind what was told. The caller is judged as it is by now: what was taken from it ends the stream.
    pub(super) async fn read(&self) -> Result<(Within, Followed), Status> {
        let within = self.caller.renewed().await?.within(self.projects.clone()).await?;
        let (filter, after) = (self.filter.clone(), self.after.clone());
        let wanted = FollowEvents { within: within.clone(), filter, after, limit: AT_ONCE };
        Ok((within, self.metadata.follow_events(wanted).await.map_err(status)?))
    }

    /// Sends what there is, until nobody takes it any more, the caller may not read it, or the service stops.
    pub(super) async fn run(mut self, first: (Within, Followed), sender: Messages, stopping: CancellationToken, _share: Share) {
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
                let Ok(Ok(())) = timeout(PATIENCE, sender.send(Ok(message))).await else { return Ok(()) };
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
        let resync = lost.map(|(place, first)| (Item::ResyncSequence(first), place));
        let events =
            events.into_iter().map(|event| (event.cursor(within), event)).map(|(place, event)| (Item::Event(encoded(event)), place));
        let mut items: Vec<(Item, Cursor)> = resync.into_iter().chain(events).collect();
        if items.is_empty() && is_due {
            items.push((Item::HeartbeatSequence(sequence), cursor.clone()));
        }
        self.after = Behind::Cursor(cursor);
        let message = |(item, cursor)| WatchEventsResponse { item: Some(item), cursor: self.listing.token(&cursor) };
        items.into_iter().map(message).collect()
    }
}
