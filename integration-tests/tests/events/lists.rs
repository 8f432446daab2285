//! Lists of events.

use consign_proto::metadata::{Event, ListEventsRequest};
use consign_types::Reason;
use integration_tests::grpc::Grpc;
use integration_tests::promoting::PROJECT;
use integration_tests::rest::Rest;
use integration_tests::tagging::{reason, seal};
use integration_tests::{BOTH, Builder};

use crate::{list, page, settled};

/// All events, read in pages.
async fn walked(grpc: &Grpc, parent: &str, order_by: &str) -> Vec<Event> {
    let (mut events, mut page_token) = (Vec::new(), String::new());
    loop {
        let (parent, order_by) = (parent.to_owned(), order_by.to_owned());
        let request = ListEventsRequest { parent, page_size: 3, page_token, order_by, ..Default::default() };
        let answer = page(grpc, request).await.unwrap();
        events.extend(answer.events);
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            return events;
        }
    }
}

#[tokio::test]
async fn a_list_is_filtered_paged_and_turned_around() {
    for engine in BOTH {
        let (service, grpc) = Builder::on(engine).demo_grpc().await;
        Rest::to(service.http()).create_project("other").await;
        seal(&grpc, &["1.0.0", "2.0.0", "3.0.0"]).await;
        let all = list(&grpc, PROJECT, "").await;
        assert_eq!(all.len(), 7);
        settled(&grpc, 8).await;
        for (parent, count) in [(PROJECT, 7), ("projects/-", 8), ("namespaces/root", 8)] {
            let (rising, mut falling) = (walked(&grpc, parent, "").await, walked(&grpc, parent, "time desc").await);
            falling.reverse();
            assert_eq!((rising.len(), &rising), (count, &falling), "{parent}");
        }
        for (filter, count) in [
            ("type = \"version.published\"", 3),
            ("type : \"version\" AND NOT subject : \"3.0\"", 4),
            ("actor = \"nobody\"", 0),
            ("project = \"projects/1\" AND time > \"2020-01-01T00:00:00Z\"", 7),
        ] {
            assert_eq!(list(&grpc, PROJECT, filter).await.len(), count, "{filter}");
        }
        let with = |filter: &str, order_by: &str| ListEventsRequest {
            parent: PROJECT.to_owned(),
            filter: filter.to_owned(),
            order_by: order_by.to_owned(),
            ..Default::default()
        };
        assert_eq!(reason(page(&grpc, with("data = 1", "")).await), Some(Reason::FilterInvalid));
        assert_eq!(reason(page(&grpc, with("", "type")).await), Some(Reason::ArgumentInvalid));
    }
}
