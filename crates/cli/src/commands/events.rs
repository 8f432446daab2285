//! `consign events`: what happened, a line of JSON each.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use consign_client::{Client, Error};
use consign_proto::metadata::watch_events_response::Item;
use consign_proto::metadata::{Event, ListEventsRequest, WatchEventsRequest};
use consign_types::Reason;
use serde_json::{Value, json};

use super::arguments::project;
use super::server::Server;
use crate::output::{print, warn};

/// How many events are asked for at once.
const PAGE: i32 = 1000;

/// The pause before a broken stream is taken up again.
const PAUSE: Duration = Duration::from_secs(1);

/// Tells what happened: events as `CloudEvents` in JSON, one a line, the oldest first.
#[derive(Debug, Args)]
pub(crate) struct Events {
    #[command(flatten)]
    server: Server,

    /// The project, by its path or id, or a namespace as `namespaces/group` [default: all that the token may read]
    #[arg(value_name = "PROJECT", value_parser = parent)]
    parent: Option<String>,

    /// Which of them, as in `type = "promotion.succeeded" AND actor = "alice"`.
    #[arg(long, default_value = "")]
    filter: String,

    /// Those behind this change number alone; takes a project.
    #[arg(long, value_name = "NUMBER", requires = "parent", value_parser = clap::value_parser!(i64).range(0..))]
    after: Option<i64>,

    /// Wait for new ones, until the command is ended. Begins with what comes, unless it is told where.
    #[arg(long)]
    follow: bool,

    /// With `--follow`: begin with the oldest that are kept.
    #[arg(long, requires = "follow", conflicts_with = "after")]
    all: bool,

    /// With `--follow`: go on behind the event that had this `cursor`; takes the same project and filter.
    #[arg(long, requires = "follow", conflicts_with_all = ["after", "all"])]
    cursor: Option<String>,
}

/// What a project or namespace is called.
fn parent(text: &str) -> Result<String, String> {
    if text.starts_with("projects/") || text.starts_with("namespaces/") {
        return Ok(text.to_owned());
    }
    project(text).map(|project| project.to_string())
}

pub(crate) async fn run(command: Events) -> Result<()> {
    let Events { server, parent, filter, after, follow, all, cursor } = command;
    let parent = parent.unwrap_or_else(|| "projects/-".to_owned());
    let from_now = after.is_none() && cursor.is_none() && !all;
    let (after_sequence, cursor) = (after.unwrap_or_default(), cursor.unwrap_or_default());
    server
        .call(async |client| {
            if follow {
                followed(client, WatchEventsRequest { parent, after_sequence, filter, cursor, from_now }).await
            } else {
                listed(client, parent, &behind(&filter, after_sequence)).await
            }
        })
        .await
}

/// The filter for what is behind a change, too.
fn behind(filter: &str, after: i64) -> String {
    match (filter, after) {
        (filter, 0) => filter.to_owned(),
        ("", after) => format!("sequence > {after}"),
        (filter, after) => format!("({filter}) AND sequence > {after}"),
    }
}

async fn listed(client: &Client, parent: String, filter: &str) -> Result<()> {
    let mut page_token = String::new();
    loop {
        let request = ListEventsRequest {
            parent: parent.clone(),
            page_size: PAGE,
            page_token,
            filter: filter.to_owned(),
            ..ListEventsRequest::default()
        };
        let (events, next) = client.list_events(request).await?;
        for event in &events {
            print(&cloud_event(event, None).to_string());
        }
        if next.is_empty() {
            return Ok(());
        }
        page_token = next;
    }
}

/// A stream that broke off goes on behind what was printed last; one that is refused does not.
async fn followed(client: &Client, mut request: WatchEventsRequest) -> Result<()> {
    let (mut stands, mut is_lost) = (false, false);
    loop {
        let end = match client.watch_events(request.clone()).await {
            Ok(mut stream) => loop {
                match stream.message().await.map_err(Error::from) {
                    Ok(Some(message)) => {
                        if is_lost {
                            warn("consign: the service is there again");
                        }
                        (stands, is_lost) = (true, false);
                        tell(message.item, &message.cursor);
                        (request.after_sequence, request.from_now, request.cursor) = (0, false, message.cursor);
                    }
                    Ok(None) => break None,
                    Err(error) => break Some(error),
                }
            },
            Err(error) => Some(error),
        };
        match end {
            Some(error) if !(stands && may_go_on(&error)) => return Err(error.into()),
            Some(error) if !is_lost => warn(&format!("consign: the stream broke off, and is taken up again as soon as it can be: {error}")),
            _ => {}
        }
        is_lost = true;
        tokio::time::sleep(PAUSE).await;
    }
}

fn may_go_on(error: &Error) -> bool {
    match error {
        Error::Transport(_) => true,
        Error::Refused { reason, .. } => {
            matches!(reason, Reason::Draining | Reason::MetadataUnavailable | Reason::Overloaded | Reason::RateLimited)
        }
        _ => false,
    }
}

fn tell(item: Option<Item>, cursor: &str) {
    match item {
        Some(Item::Event(event)) => print(&cloud_event(&event, Some(cursor)).to_string()),
        Some(Item::ResyncSequence(_)) => warn("consign: events are missing here: they are no longer kept"),
        Some(Item::HeartbeatSequence(_)) | None => {}
    }
}

/// An event in the JSON format of `CloudEvents` 1.0; `sequence`, `actor`, `requestid` and, in a stream, `cursor` are extension attributes.
fn cloud_event(event: &Event, cursor: Option<&str>) -> Value {
    let time = event.time.as_ref().and_then(|time| jiff::Timestamp::new(time.seconds, time.nanos).ok());
    let mut told = json!({
        "specversion": "1.0",
        "id": event.event_id,
        "source": event.project,
        "type": event.r#type,
        "subject": event.subject,
        "time": time.map(|time| time.to_string()),
        "datacontenttype": "application/json",
        "data": serde_json::from_slice::<Value>(&event.data).unwrap_or_default(),
        "sequence": event.sequence.to_string(),
        "actor": event.actor,
    });
    if !event.request_id.is_empty() {
        told["requestid"] = event.request_id.clone().into();
    }
    if let Some(cursor) = cursor {
        told["cursor"] = cursor.into();
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_cloud_event() {
        let event = Event {
            sequence: 7,
            event_id: "1-7-0".to_owned(),
            r#type: "tag.moved".to_owned(),
            subject: "projects/1/packages/a/tags/b".to_owned(),
            project: "projects/1".to_owned(),
            actor: "alice".to_owned(),
            time: Some(prost_types::Timestamp { seconds: 1, nanos: 500_000_000 }),
            data: r#"{"version":"1.0"}"#.into(),
            request_id: String::new(),
        };
        let expected = json!({
            "specversion": "1.0", "id": "1-7-0", "source": "projects/1", "type": "tag.moved", "subject": "projects/1/packages/a/tags/b",
            "time": "1970-01-01T00:00:01.5Z", "datacontenttype": "application/json", "data": {"version": "1.0"}, "sequence": "7", "actor": "alice",
        });
        assert_eq!(cloud_event(&event, None), expected);
        assert_eq!(cloud_event(&event, Some("abc"))["cursor"], "abc");
    }

    #[test]
    fn a_change_number_is_a_part_of_the_filter() {
        assert_eq!(behind("", 0), "");
        assert_eq!(behind("", 3), "sequence > 3");
        assert_eq!(behind("a = 1 OR b = 2", 3), "(a = 1 OR b = 2) AND sequence > 3");
    }
}
