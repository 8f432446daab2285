//! The store on S3, or whatever speaks its protocol.
//!
//! ```text
//! <prefix>/blobs/<digest>.<generation, 20 digits>        a copy
//! <prefix>/spool/<upload>/progress                       how far an upload has come, and its multipart upload
//! <prefix>/spool/<upload>/ahead/<offset, 20 digits>      bytes that came before those between
//! <prefix>/spool/<upload>/unnamed                        bytes whose digest was not declared
//! <prefix>/trash/<copy>                                  bytes that lost their name
//! <prefix>/quarantine/<copy>                             bytes that no longer fit their name
//! <prefix>/scrubbed                                      the copy that was scrubbed last
//! ```
//!
//! Bytes go as parts of a multipart upload to the very key that they will have, and the upload is completed only once our own
//! SHA-256 of all of them fits: until then there is nothing to read. Nothing here rests on a conditional request: servers differ
//! in what two of them at once do. A copy is written under a generation that no other upload has, so two writers never meet.

mod blob;
mod client;
mod copies;
pub mod credentials;
mod keys;
mod spool;
mod strays;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use consign_types::{CopyName, Timestamp};
use futures::stream::{StreamExt as _, iter};

use crate::error::Result;
use crate::progress::Progress;
use crate::store::{Blob, Plan, Small, Spool, Store, StoredCopy, StoredSpool};
use client::Client;
use spool::S3Spool;

/// The least bytes of a part, of which S3 wants 5 MiB at least, and the most parts of an upload that it takes.
const PART_BYTES: i64 = 8 << 20;
const MAX_PARTS: i64 = 10_000;

/// How many small blobs are stored at once.
const WRITERS: usize = 16;

/// Where a bucket is, and how it is reached. What is not set here is taken from the environment, by the names that AWS gives.
#[derive(Clone, Debug)]
pub struct S3Config {
    /// The bucket, which must be there.
    pub bucket: String,
    /// What all keys begin with; may be empty.
    pub prefix: String,
    /// The server, such as `https://host:port`; `None` for AWS.
    pub endpoint: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// A file of credentials as AWS's tools write it, read again when it changes; `None` for those of the environment, of the pod or of the machine.
    pub credentials_file: Option<PathBuf>,
    /// Which credentials of the file.
    pub profile: String,
}

/// A bucket of blobs. Clones share it.
#[derive(Clone, Debug)]
pub struct S3 {
    client: Client,
}

impl S3 {
    /// A store in a bucket. The bucket is not asked: it may be out of reach at the start and come back.
    pub fn open(config: S3Config) -> Result<Self> {
        Ok(Self { client: Client::new(config)? })
    }
}

#[async_trait]
impl Store for S3 {
    async fn create_spool(&self, plan: Plan) -> Result<Arc<dyn Spool>> {
        Ok(Arc::new(S3Spool::create(self.client.clone(), plan, part_bytes(plan.max_bytes)).await?))
    }

    async fn find_spool(&self, plan: Plan) -> Result<Option<(Arc<dyn Spool>, Progress)>> {
        let found = S3Spool::find(self.client.clone(), plan.upload).await?;
        Ok(found.map(|(spool, progress)| (Arc::new(spool) as Arc<dyn Spool>, progress)))
    }

    async fn list_spools(&self) -> Result<Vec<StoredSpool>> {
        spool::list(&self.client).await
    }

    async fn remove_spool(&self, upload: i64) -> Result<()> {
        spool::remove(&self.client, upload).await
    }

    async fn put(&self, blobs: Vec<Small>) -> Vec<Result<i64>> {
        iter(blobs).map(|small| copies::put(&self.client, small)).buffered(WRITERS).collect().await
    }

    async fn has(&self, name: CopyName) -> Result<bool> {
        Ok(self.client.size(&self.client.keys().copy(name)).await?.is_some())
    }

    async fn open(&self, name: CopyName, size: i64) -> Result<Arc<dyn Blob>> {
        Ok(Arc::new(blob::S3Blob::open(self.client.clone(), name, size).await?))
    }

    async fn list(&self, after: Option<CopyName>, limit: usize) -> Result<Vec<StoredCopy>> {
        copies::list(&self.client, after, limit).await
    }

    async fn discard(&self, name: CopyName) -> Result<()> {
        let keys = self.client.keys();
        // Its generation is over, so nothing is to bring it back.
        self.client.rename(&keys.quarantine(name), &keys.healed(name)).await?;
        self.client.rename(&keys.copy(name), &keys.trash(name)).await
    }

    async fn quarantine(&self, name: CopyName) -> Result<()> {
        copies::quarantine(&self.client, name).await
    }

    async fn list_quarantined(&self) -> Result<Vec<CopyName>> {
        copies::list_quarantined(&self.client).await
    }

    async fn list_trash(&self, before: Timestamp, limit: usize) -> Result<Vec<CopyName>> {
        copies::list_trash(&self.client, before, limit).await
    }

    async fn remove_trash(&self, name: CopyName) -> Result<()> {
        self.client.remove(&self.client.keys().trash(name)).await
    }

    async fn list_strays(&self) -> Result<Vec<(String, Timestamp)>> {
        strays::list(&self.client).await
    }

    async fn remove_stray(&self, name: &str) -> Result<()> {
        self.client.remove(&object_store::path::Path::from(name)).await
    }

    async fn find_scrub_cursor(&self) -> Result<Option<CopyName>> {
        let text = self.client.get(&self.client.keys().scrubbed()).await?;
        Ok(text.and_then(|text| CopyName::parse(std::str::from_utf8(&text).ok()?)))
    }

    async fn save_scrub_cursor(&self, cursor: Option<CopyName>) -> Result<()> {
        let text = cursor.map(|cursor| cursor.to_string()).unwrap_or_default();
        self.client.put(&self.client.keys().scrubbed(), text).await
    }

    async fn ping(&self) -> Result<()> {
        self.client.ping().await
    }

    fn grain(&self, max_bytes: i64) -> i64 {
        part_bytes(max_bytes)
    }

    fn upload_bytes(&self, max_bytes: i64) -> u32 {
        // One part is being sent, or read back, while the next one is received.
        u32::try_from(2 * part_bytes(max_bytes)).unwrap_or(u32::MAX)
    }
}

/// Parts that are large enough for an upload of so many bytes, in whole MiB.
fn part_bytes(max_bytes: i64) -> i64 {
    let wanted = max_bytes / MAX_PARTS + 1;
    PART_BYTES.max(((wanted >> 20) + 1) << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_large_enough_for_every_upload() {
        assert_eq!(part_bytes(0), PART_BYTES);
        assert_eq!(part_bytes(5 << 30), PART_BYTES);
        for bytes in [5 << 30, 80 << 30, 100 << 30, 5 << 40] {
            assert!(part_bytes(bytes) * MAX_PARTS >= bytes);
            assert_eq!(part_bytes(bytes) % (1 << 20), 0);
        }
    }
}
