//! The lists of stages, promotions, attestations and events.

use consign_proto::metadata::{
    CompareStagesRequest, GetStageStateRequest, ListAttestationsRequest, ListEventsRequest, ListPlacementsRequest, ListPromotionsRequest,
    ListStagesRequest, ListTrustedKeysRequest,
};
use tonic::Status;

use super::{List, Query};
use crate::grpc::{Grpc, authorized};

pub(super) const STAGES: List = List {
    name: "ListStages",
    parent: "projects/1",
    filters: &["stage_id : d", "rank < 5 AND held = false", "display_name : x OR exclusive = true"],
    orders: &["rank", "stage_id desc"],
};

const FILTERS: &[&str] = &[
    "stage = dev OR state = rolled_back",
    "creator : \"x\" AND package = tool",
    "version : 1.0 OR NOT package = other",
    "content_digest = e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "create_time > \"0001-01-01T00:00:00Z\"",
    "effective_time < \"9999-12-30T22:00:00.999999999Z\"",
];

pub(super) const PROMOTIONS: List =
    List { name: "ListPromotions", parent: "projects/1", filters: FILTERS, orders: &["create_time", "effective_time desc"] };
pub(super) const ALL_PROMOTIONS: List =
    List { name: "ListPromotions", parent: "projects/-", filters: FILTERS, orders: &["create_time desc", "effective_time"] };
pub(super) const STATE: List = List { name: "GetStageState", parent: "projects/1/stages/dev", filters: &[], orders: &[] };
pub(super) const COMPARISON: List = List { name: "CompareStages", parent: "projects/1/stages/dev", filters: &[], orders: &[] };
pub(super) const PLACEMENTS: List = List { name: "ListPlacements", parent: "projects/-", filters: &[], orders: &[] };

pub(super) const ATTESTATIONS: List = List {
    name: "ListAttestations",
    parent: "projects/1",
    filters: &[
        "predicate_type : \"slsa\" OR format = sigstore",
        "claimed_signers : \"%\"",
        "creator != a AND create_time > \"1970-01-01T00:00:00Z\"",
    ],
    orders: &["create_time", "create_time desc"],
};

pub(super) const TRUSTED_KEYS: List = List { name: "ListTrustedKeys", parent: "projects/1", filters: &[], orders: &[] };

const EVENTS_FILTERS: &[&str] =
    &["type : \"version\"", "sequence > -9223372036854775808", "subject : \"%_\" OR actor = a", "time < \"9999-12-30T22:00:00Z\""];

pub(super) const EVENTS: List = List { name: "ListEvents", parent: "projects/1", filters: EVENTS_FILTERS, orders: &["time", "time desc"] };
pub(super) const ALL_EVENTS: List =
    List { name: "ListEvents", parent: "projects/-", filters: EVENTS_FILTERS, orders: &["time", "time desc"] };

/// Asks one of them, and returns the token of the next page.
pub(super) async fn ask(name: &str, grpc: &Grpc, query: Query) -> Result<String, Status> {
    let Query { parent, page_size, page_token, filter, order_by } = query;
    let (mut promotions, mut attestations) = (grpc.promotions(), grpc.attestations());
    match name {
        "ListStages" => ask!(promotions, list_stages, ListStagesRequest { parent, page_size, page_token, filter, order_by }),
        "ListPromotions" => ask!(promotions, list_promotions, ListPromotionsRequest { parent, page_size, page_token, filter, order_by }),
        "GetStageState" => {
            ask!(promotions, get_stage_state, GetStageStateRequest { name: parent, as_of: None, page_size, page_token })
        }
        "CompareStages" => {
            let target = "projects/1/stages/production".to_owned();
            ask!(promotions, compare_stages, CompareStagesRequest { base: parent, target, include_same: true, page_size, page_token })
        }
        "ListPlacements" => {
            let request = ListPlacementsRequest { parent, subject: None, show_past: true, page_size, page_token };
            ask!(promotions, list_placements, request)
        }
        "ListAttestations" => {
            let request = ListAttestationsRequest { parent, subject: None, page_size, page_token, filter, order_by };
            ask!(attestations, list_attestations, request)
        }
        "ListTrustedKeys" => ask!(attestations, list_trusted_keys, ListTrustedKeysRequest { parent, page_size, page_token }),
        "ListEvents" => ask!(grpc.events(), list_events, ListEventsRequest { parent, page_size, page_token, filter, order_by }),
        name => unreachable!("there is no list {name}"),
    }
}
