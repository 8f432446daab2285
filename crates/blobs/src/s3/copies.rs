//! Whole copies in the bucket.

use consign_types::{CopyName, Digest, Timestamp};
use futures::StreamExt as _;
use object_store::GetOptions;
use sha2::{Digest as _, Sha256};

use super::client::{Client, written};
use super::keys;
use crate::error::{Error, Result};
use crate::store::{Small, StoredCopy};

/// The largest copy that is read again before it is used in the place of bytes that came. Larger ones are believed if their size fits:
/// the server keeps checksums of its own, and scrubbing reads them in time.
const READ_AGAIN_BYTES: i64 = 64 << 20;

/// Stores a small blob, or finds a copy of it that may be used.
pub(super) async fn put(client: &Client, small: Small) -> Result<i64> {
    let size = i64::try_from(small.bytes.len()).expect("a small blob is smaller than memory");
    let place = find_place(client, small.name, size, small.min_generation).await?;
    if let Place::Free(name) | Place::Damaged(name) = place {
        client.put(&client.keys().copy(name), small.bytes).await?;
        settle(client, place).await?;
    }
    Ok(place.name().generation)
}

/// Where bytes that came are to be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// A whole copy is there.
    Taken(CopyName),
    /// A copy is there that no longer has its bytes.
    Damaged(CopyName),
    /// There is none.
    Free(CopyName),
}

impl Place {
    pub(super) fn name(self) -> CopyName {
        match self {
            Self::Taken(name) | Self::Damaged(name) | Self::Free(name) => name,
        }
    }
}

/// Looks for a copy of at least `min_generation`. A quarantined one counts, for files may refer to it: it gets its bytes again.
pub(super) async fn find_place(client: &Client, name: CopyName, size: i64, min_generation: i64) -> Result<Place> {
    let found = client.list_beginning_with(&client.keys().copies(&name.digest)).await?;
    if let Some(name) = youngest(found.iter().filter_map(keys::read), min_generation) {
        let place = if is_whole(client, name, size).await? { Place::Taken(name) } else { Place::Damaged(name) };
        if matches!(place, Place::Damaged(_)) {
            client
                .copy(&client.keys().copy(name), &client.keys().healed(name), client.size(&client.keys().copy(name)).await?.unwrap_or(0))
                .await?;
        }
        return Ok(place);
    }
    let quarantined = client.list_beginning_with(&client.keys().quarantined_copies(&name.digest)).await?;
    Ok(Place::Free(youngest(quarantined.iter().filter_map(keys::read), min_generation).unwrap_or(name)))
}

/// After bytes came to a place: what was damaged there is kept apart.
pub(super) async fn settle(client: &Client, place: Place) -> Result<()> {
    if let Place::Damaged(name) = place {
        tracing::error!(copy = %name, "a damaged blob is replaced by the bytes that came now");
    }
    let keys = client.keys();
    client.rename(&keys.quarantine(place.name()), &keys.healed(place.name())).await
}

fn youngest(names: impl Iterator<Item = CopyName>, min_generation: i64) -> Option<CopyName> {
    names.filter(|name| name.generation >= min_generation).max()
}

/// Whether a copy still has the bytes that its name says, as far as that is looked at.
async fn is_whole(client: &Client, name: CopyName, size: i64) -> Result<bool> {
    let key = client.keys().copy(name);
    if client.size(&key).await? != Some(size) {
        return Ok(false);
    }
    if size > READ_AGAIN_BYTES {
        return Ok(true);
    }
    Ok(hash(client, &key).await? == Some(name.digest))
}

/// What an object hashes to; `None` where there is none.
pub(super) async fn hash(client: &Client, key: &object_store::path::Path) -> Result<Option<Digest>> {
    let Some(object) = client.get_opts(key, GetOptions::default()).await? else { return Ok(None) };
    let (mut hash, mut bytes) = (Sha256::new(), object.into_stream());
    while let Some(run) = bytes.next().await {
        hash.update(run.map_err(|source| Error::backend("read an object", source))?);
    }
    Ok(Some(Digest::from_bytes(hash.finalize().into())))
}

pub(super) async fn list(client: &Client, after: Option<CopyName>, limit: usize) -> Result<Vec<StoredCopy>> {
    let after = after.map(|after| client.keys().copy(after));
    let copy = |object: &object_store::ObjectMeta| {
        let size = i64::try_from(object.size).unwrap_or(i64::MAX);
        Some(StoredCopy { name: keys::read(&object.location)?, size, stored: written(object) })
    };
    client.list(&client.keys().blobs(), after.as_ref(), limit, copy).await
}

pub(super) async fn list_quarantined(client: &Client) -> Result<Vec<CopyName>> {
    client.list(&client.keys().quarantined(), None, usize::MAX, |object| keys::read(&object.location)).await
}

/// Takes the name from a damaged copy, unless an upload has healed it since it was found damaged.
pub(super) async fn quarantine(client: &Client, name: CopyName) -> Result<()> {
    let (from, to) = (client.keys().copy(name), client.keys().quarantine(name));
    let Some(found) = client.look(&from).await? else { return Ok(()) };
    if hash(client, &from).await? == Some(name.digest) {
        return Ok(());
    }
    client.copy(&from, &to, i64::try_from(found.size).unwrap_or(i64::MAX)).await?;
    let is_same = client.look(&from).await?.is_some_and(|now| now.e_tag == found.e_tag);
    client.remove(if is_same { &from } else { &to }).await
}

pub(super) async fn list_trash(client: &Client, before: Timestamp, limit: usize) -> Result<Vec<CopyName>> {
    let old = |object: &object_store::ObjectMeta| if written(object) < before { keys::read(&object.location) } else { None };
    client.list(&client.keys().trashed(), None, limit, old).await
}
