//! Events: what happened in projects.

use consign_proto::metadata::event_service_client::EventServiceClient;
use consign_proto::metadata::{Event, ListEventsRequest, WatchEventsRequest, WatchEventsResponse};
use tonic::Streaming;

use crate::retry::repeat;
use crate::transport::Transport;
use crate::{Client, MAX_METADATA_BYTES, Result};

impl Client {
    fn event_service(&self) -> EventServiceClient<Transport> {
        EventServiceClient::new(self.metadata.clone()).max_decoding_message_size(MAX_METADATA_BYTES)
    }

    /// A page of events, and the token of the next one; empty for the last.
    pub async fn list_events(&self, request: ListEventsRequest) -> Result<(Vec<Event>, String)> {
        let call = || async { self.event_service().list_events(self.request(request.clone())).await };
        let page = repeat(call).await?;
        Ok((page.events, page.next_page_token))
    }

    /// Events as they come. The stream ends with the connection; whoever connects again gives the `cursor` of the last message.
    pub async fn watch_events(&self, request: WatchEventsRequest) -> Result<Streaming<WatchEventsResponse>> {
        let call = || async { self.event_service().watch_events(self.request(request.clone())).await };
        Ok(repeat(call).await?)
    }
}
