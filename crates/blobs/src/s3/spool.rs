//! Bytes in the bucket that are not checked yet: the parts of a multipart upload, which nobody can read.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use consign_types::CopyName;
use object_store::Error as S3Error;
use object_store::PutPayload;
use object_store::path::Path;
use prost::Message;

use super::client::{Client, written};
use super::copies::{Place, find_place, hash, settle};
use crate::block::Block;
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::session::lock;
use crate::store::{Hashed, Plan, Spool, StoredSpool};
use crate::sums::SumsPart;

/// A multipart upload.
#[derive(Debug)]
pub(super) struct S3Spool {
    client: Client,
    upload: i64,
    kept: Kept,
    /// The entity tags of the parts, by their numbers.
    parts: Arc<Mutex<BTreeMap<i64, String>>>,
}

/// What is kept of an upload, beside how far it has come.
#[derive(Clone, PartialEq, Message)]
struct Kept {
    /// Where the bytes go.
    #[prost(string, tag = "1")]
    key: String,
    /// How the server calls the upload.
    #[prost(string, tag = "2")]
    multipart: String,
    /// Bytes of a part.
    #[prost(int64, tag = "3")]
    part_bytes: i64,
    #[prost(message, optional, tag = "4")]
    progress: Option<Progress>,
    /// Entity tags of parts, by their numbers.
    #[prost(map = "int64, string", tag = "5")]
    parts: HashMap<i64, String>,
}

impl S3Spool {
    pub(super) async fn create(client: Client, plan: Plan, part_bytes: i64) -> Result<Self> {
        remove(&client, plan.upload).await?;
        let key = plan.name.map_or_else(|| client.keys().unnamed(plan.upload), |name| client.keys().copy(name));
        let multipart = client.create_multipart(&key).await?;
        let kept = Kept { key: key.to_string(), multipart, part_bytes, ..Kept::default() };
        let spool = Self { client, upload: plan.upload, kept, parts: Arc::default() };
        // Before the first part: whoever sweeps finds the upload by this, and drops its parts.
        spool.keep(None).await?;
        tracing::trace!(upload = plan.upload, "spool made");
        Ok(spool)
    }

    pub(super) async fn find(client: Client, upload: i64) -> Result<Option<(Self, Progress)>> {
        let Some(mut kept) = read(&client, upload).await? else { return Ok(None) };
        let Some(progress) = kept.progress.take() else { return Ok(None) };
        let parts = kept.parts.drain().collect();
        Ok(Some((Self { client, upload, kept, parts: Arc::new(Mutex::new(parts)) }, progress)))
    }

    async fn keep(&self, progress: Option<Progress>) -> Result<()> {
        let parts = lock(&self.parts).clone().into_iter().collect();
        let kept = Kept { progress, parts, ..self.kept.clone() };
        self.client.put(&self.client.keys().progress(self.upload), kept.encode_to_vec()).await
    }

    fn key(&self) -> Path {
        Path::from(self.kept.key.as_str())
    }

    /// Makes an object of the parts.
    async fn complete(&self, digest: CopyName, size: i64, is_unnamed: bool) -> Result<()> {
        let parts: BTreeMap<i64, String> = lock(&self.parts).clone();
        let wanted = (size + self.kept.part_bytes - 1) / self.kept.part_bytes;
        let parts: Vec<String> = parts.into_iter().filter(|(number, _)| *number < wanted).map(|(_, tag)| tag).collect();
        if i64::try_from(parts.len()) != Ok(wanted) {
            return Err(Error::Unfinished("complete an upload"));
        }
        let completed = self.client.complete_multipart(&self.key(), &self.kept.multipart, parts).await;
        let is_there = self.client.size(&self.key()).await? == Some(size);
        match completed {
            Ok(()) if is_there => Ok(()),
            // The answer to an earlier try was lost. Under the name of its digest an object is made of the right bytes alone; an unnamed one may be another writer's.
            Err(S3Error::NotFound { .. }) if is_there && !is_unnamed => Ok(()),
            Err(S3Error::NotFound { .. }) if is_there => {
                let is_ours = hash(&self.client, &self.key()).await? == Some(digest.digest);
                if is_ours { Ok(()) } else { Err(Error::Superseded) }
            }
            Ok(()) => Err(Error::Unfinished("complete an upload")),
            Err(source) => {
                // The server may have other parts than we know of: nobody could go on from here.
                self.remove().await?;
                Err(Error::backend("complete an upload", source))
            }
        }
    }
}

#[async_trait]
impl Spool for S3Spool {
    fn grain(&self) -> i64 {
        self.kept.part_bytes
    }

    async fn write(&self, offset: i64, block: Block, hashed: Hashed) -> Result<()> {
        let number = offset / self.kept.part_bytes;
        let bytes = PutPayload::from_iter(block.into_chunks());
        if hashed == Hashed::Later {
            self.client.put(&self.client.keys().ahead(self.upload, offset), bytes.clone()).await?;
        }
        let index = usize::try_from(number).expect("an upload has at most ten thousand parts");
        let tag = match self.client.put_part(&self.key(), &self.kept.multipart, index, bytes).await {
            // The upload was completed or dropped by another process, or before this one was started: it can't go on.
            Err(Error::Backend { source, .. }) if matches!(*source, S3Error::NotFound { .. }) => {
                self.remove().await?;
                return Err(Error::Superseded);
            }
            tag => tag?,
        };
        lock(&self.parts).insert(number, tag);
        tracing::trace!(offset, "bytes spooled");
        Ok(())
    }

    async fn read_back(&self, offset: i64, length: usize) -> Result<Bytes> {
        let bytes = self.client.get(&self.client.keys().ahead(self.upload, offset)).await?;
        bytes.filter(|bytes| bytes.len() == length).ok_or(Error::Unfinished("read back what came ahead"))
    }

    async fn sync(&self) -> Result<()> {
        Ok(())
    }

    async fn save(&self, progress: &Progress, _: SumsPart) -> Result<()> {
        self.keep(Some(progress.clone())).await
    }

    async fn place(&self, name: CopyName, size: i64, min_generation: i64, _: SumsPart) -> Result<i64> {
        let place = find_place(&self.client, name, size, min_generation).await?;
        if let Place::Free(target) | Place::Damaged(target) = place {
            let target = self.client.keys().copy(target);
            let is_unnamed = target != self.key();
            self.complete(name, size, is_unnamed).await?;
            tracing::trace!(digest = %name.digest, "blob completed");
            if is_unnamed {
                self.client.copy(&self.key(), &target, size).await?;
            }
            settle(&self.client, place).await?;
        }
        self.remove().await?;
        Ok(place.name().generation)
    }

    async fn remove(&self) -> Result<()> {
        match read(&self.client, self.upload).await? {
            // The upload was begun anew by another: what is kept is that one's.
            Some(kept) if kept.multipart != self.kept.multipart => self.client.abort_multipart(&self.key(), &self.kept.multipart).await,
            _ => remove(&self.client, self.upload).await,
        }
    }
}

async fn read(client: &Client, upload: i64) -> Result<Option<Kept>> {
    let Some(bytes) = client.get(&client.keys().progress(upload)).await? else { return Ok(None) };
    let kept = Kept::decode(bytes).ok();
    if kept.is_none() {
        tracing::warn!(upload, "what was kept of an upload is damaged: it starts over");
    }
    Ok(kept)
}

/// Drops the parts of an upload and all that belongs to it. What tells where the parts are goes last.
pub(super) async fn remove(client: &Client, upload: i64) -> Result<()> {
    let Some(kept) = read(client, upload).await? else { return Ok(()) };
    client.abort_multipart(&Path::from(kept.key.as_str()), &kept.multipart).await?;
    let objects = client.list_all(&client.keys().spool(upload)).await?;
    let progress = client.keys().progress(upload);
    client.remove_all(objects.into_iter().map(|object| object.location).filter(|key| *key != progress).collect()).await?;
    client.remove(&progress).await
}

/// All uploads that have something here.
pub(super) async fn list(client: &Client) -> Result<Vec<StoredSpool>> {
    let mut uploads = BTreeMap::new();
    for object in client.list_all(&client.keys().spools()).await? {
        if let Some(upload) = client.keys().upload_of(&object.location) {
            let last = uploads.entry(upload).or_insert_with(|| written(&object));
            *last = written(&object).max(*last);
        }
    }
    Ok(uploads.into_iter().map(|(upload, written)| StoredSpool { upload, written }).collect())
}
