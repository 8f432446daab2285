//! `consign.metadata.v1.EventService`.

mod streams;
mod watch;

use bytes::Bytes;
use consign_metadata::{Event, ListEvents, Metadata};
use consign_proto::metadata::event_service_server::EventService;
use consign_proto::metadata::{self as wire, ListEventsRequest, ListEventsResponse, WatchEventsRequest, WatchEventsResponse};
use consign_proto::status::status;
use consign_proto::timestamp;
use consign_types::resource::ProjectRef;
use prost::Message as _;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status};

use self::streams::Streams;
use self::watch::{WAITING, Watch};
use super::decode;
use super::page::{Listing, fitting};
use crate::auth::caller;

const ORDERS: &[(&str, ())] = &[("time", ())];

/// The service, over the metadata plane.
#[derive(Clone, Debug)]
pub(crate) struct EventApi {
    metadata: Metadata,
    streams: Streams,
    stopping: CancellationToken,
}

impl EventApi {
    pub(crate) fn new(metadata: Metadata, stopping: CancellationToken) -> Self {
        Self { metadata, streams: Streams::default(), stopping }
    }
}

#[tonic::async_trait]
impl EventService for EventApi {
    async fn watch_events(&self, request: Request<WatchEventsRequest>) -> Result<Response<BoxStream<WatchEventsResponse>>, Status> {
        let caller = caller(&request)?;
        let name = caller.unjudged().name.clone();
        let watch = Watch::new(&self.metadata, caller, &request.into_inner())?;
        // What is refused is refused at once.
        let first = watch.read().await?;
        let share = self.streams.open(name)?;
        let (sender, messages) = mpsc::channel(WAITING);
        tokio::spawn(watch.run(first, sender, self.stopping.clone(), share));
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
