//! Objects that belong to nothing.

use std::collections::HashSet;

use consign_types::Timestamp;

use super::client::{Client, written};
use super::keys;
use crate::error::Result;

/// Names are keys.
pub(super) async fn list(client: &Client) -> Result<Vec<(String, Timestamp)>> {
    let keys = client.keys();
    let copies = client.list_all(&keys.blobs()).await?;
    let spools = client.list_all(&keys.spools()).await?;
    let known: HashSet<i64> = spools
        .iter()
        .filter_map(|object| keys.upload_of(&object.location).filter(|upload| keys.progress(*upload) == object.location))
        .collect();
    let strange = copies.iter().filter(|object| keys::read(&object.location).is_none());
    let lost = spools.iter().filter(|object| keys.upload_of(&object.location).is_none_or(|upload| !known.contains(&upload)));
    Ok(strange.chain(lost).map(|object| (object.location.to_string(), written(object))).collect())
}
