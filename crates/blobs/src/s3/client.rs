//! The requests to the bucket, and what their failures mean.
//!
//! The library repeats what it safely can. What is left for us: an answer that was lost on its way may belong to a request that was
//! carried out, and servers that are busy with a key answer 409, which says nothing about us.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use consign_types::Timestamp;
use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::list::{PaginatedListOptions, PaginatedListStore as _};
use object_store::multipart::MultipartStore as _;
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientOptions, Error as S3Error, GetOptions, GetResult, ObjectMeta, ObjectStore as _, ObjectStoreExt as _, PutPayload,
    RetryConfig,
};

use super::S3Config;
use super::credentials::CredentialsFile;
use super::keys::Keys;
use crate::error::{Error, Result};

/// The most bytes that S3 copies in one request.
const COPY_BYTES: i64 = 5 << 30;

/// How many times a request is made that the library does not repeat, and the pause before the second.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(100);

/// A bucket. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Client {
    bucket: Arc<AmazonS3>,
    keys: Arc<Keys>,
}

impl Client {
    pub(super) fn new(config: S3Config) -> Result<Self> {
        let keys = Arc::new(Keys::new(&config.prefix));
        let failed = |source| Error::backend("set up the client of the bucket", source);
        Ok(Self { bucket: Arc::new(builder(config).build().map_err(failed)?), keys })
    }

    pub(super) fn keys(&self) -> &Keys {
        &self.keys
    }

    pub(super) async fn ping(&self) -> Result<()> {
        let options = PaginatedListOptions { max_keys: Some(1), ..PaginatedListOptions::default() };
        let listed = self.bucket.list_paginated(Some(&format!("{}/", self.keys.spools())), options).await;
        listed.map(drop).map_err(|source| Error::backend("list the bucket", source))
    }

    /// What is known of an object; `None` where there is none.
    pub(super) async fn look(&self, key: &Path) -> Result<Option<ObjectMeta>> {
        found(self.bucket.head(key).await).map_err(|source| Error::backend("look at an object", source))
    }

    pub(super) async fn size(&self, key: &Path) -> Result<Option<i64>> {
        Ok(self.look(key).await?.map(|object| i64::try_from(object.size).unwrap_or(i64::MAX)))
    }

    /// All of an object; `None` where there is none.
    pub(super) async fn get(&self, key: &Path) -> Result<Option<Bytes>> {
        let failed = |source| Error::backend("read an object", source);
        let Some(object) = found(self.bucket.get(key).await).map_err(failed)? else { return Ok(None) };
        object.bytes().await.map(Some).map_err(failed)
    }

    pub(super) async fn get_opts(&self, key: &Path, options: GetOptions) -> Result<Option<GetResult>> {
        found(self.bucket.get_opts(key, options).await).map_err(|source| Error::backend("read an object", source))
    }

    pub(super) async fn put(&self, key: &Path, bytes: impl Into<PutPayload>) -> Result<()> {
        let bytes = bytes.into();
        persist(|| self.bucket.put(key, bytes.clone()).boxed()).await.map(drop).map_err(|source| Error::backend("write an object", source))
    }

    /// Removes an object; one that is not there counts as removed.
    pub(super) async fn remove(&self, key: &Path) -> Result<()> {
        let removed = persist(|| self.bucket.delete(key).boxed()).await;
        found(removed).map(drop).map_err(|source| Error::backend("remove an object", source))
    }

    /// Removes objects, many in one request.
    pub(super) async fn remove_all(&self, keys: Vec<Path>) -> Result<()> {
        let removed = self.bucket.delete_stream(stream::iter(keys.into_iter().map(Ok)).boxed());
        let failed: Vec<S3Error> = removed.filter_map(|result| std::future::ready(found(result).err())).collect().await;
        failed.into_iter().next().map_or(Ok(()), |source| Err(Error::backend("remove objects", source)))
    }

    /// All objects below a directory, in the order of their keys.
    pub(super) async fn list_all(&self, directory: &Path) -> Result<Vec<ObjectMeta>> {
        self.list(directory, None, usize::MAX, |object| Some(object.clone())).await
    }

    /// What `pick` makes of the objects below a directory, in the order of their keys, those after `after`: at most `limit` that it picks.
    pub(super) async fn list<T>(
        &self,
        directory: &Path,
        after: Option<&Path>,
        limit: usize,
        pick: impl Fn(&ObjectMeta) -> Option<T>,
    ) -> Result<Vec<T>> {
        let listed = match after {
            Some(after) => self.bucket.list_with_offset(Some(directory), after),
            None => self.bucket.list(Some(directory)),
        };
        let picked = listed.try_filter_map(|object| std::future::ready(Ok(pick(&object)))).take(limit);
        picked.try_collect().await.map_err(|source| Error::backend("list objects", source))
    }

    /// The keys that begin with a text: those of one answer of the server, which are a thousand or fewer.
    pub(super) async fn list_beginning_with(&self, text: &str) -> Result<Vec<Path>> {
        let listed = self.bucket.list_paginated(Some(text), PaginatedListOptions::default()).await;
        let listed = listed.map_err(|source| Error::backend("list objects", source))?;
        Ok(listed.result.objects.into_iter().map(|object| object.location).collect())
    }

    /// Gives an object another key. One that is not there counts as renamed.
    pub(super) async fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        let Some(size) = self.size(from).await? else { return Ok(()) };
        self.copy(from, to, size).await?;
        self.remove(from).await
    }

    /// Copies an object within the bucket.
    pub(super) async fn copy(&self, from: &Path, to: &Path, size: i64) -> Result<()> {
        if size > COPY_BYTES {
            return self.copy_through(from, to, size).await;
        }
        let copied = persist(|| self.bucket.copy(from, to).boxed()).await;
        copied.map_err(|source| Error::backend("copy an object", source))?;
        // A server may find out that it can't copy when it has answered 200 already, and the library does not read on.
        if self.size(to).await? == Some(size) { Ok(()) } else { Err(Error::Unfinished("copy an object")) }
    }

    /// Copies an object that is larger than S3 copies in one request.
    async fn copy_through(&self, from: &Path, to: &Path, size: i64) -> Result<()> {
        let upload = self.create_multipart(to).await?;
        let copied = self.copy_parts(from, to, &upload, size).await;
        if copied.is_err() {
            self.abort_multipart(to, &upload).await?;
        }
        copied
    }

    async fn copy_parts(&self, from: &Path, to: &Path, upload: &str, size: i64) -> Result<()> {
        let (step, mut start, mut parts) = (super::part_bytes(size), 0, Vec::new());
        while start < size {
            let range = start.unsigned_abs()..size.min(start + step).unsigned_abs();
            let read = self.bucket.get_range(from, range).await.map_err(|source| Error::backend("copy an object", source))?;
            parts.push(self.put_part(to, upload, parts.len(), read.into()).await?);
            start += step;
        }
        self.complete_multipart(to, upload, parts).await.map_err(|source| Error::backend("copy an object", source))
    }

    pub(super) async fn create_multipart(&self, key: &Path) -> Result<String> {
        self.bucket.create_multipart(key).await.map_err(|source| Error::backend("begin an upload", source))
    }

    /// Sends a part and returns its entity tag.
    pub(super) async fn put_part(&self, key: &Path, upload: &str, number: usize, bytes: PutPayload) -> Result<String> {
        let upload = upload.to_owned();
        let put = || self.bucket.put_part(key, &upload, number, bytes.clone());
        let part = persist(put).await.map_err(|source| Error::backend("send a part", source))?;
        Ok(part.content_id)
    }

    /// Makes one object of the parts. What is not a success may still have been one: look for the object.
    pub(super) async fn complete_multipart(&self, key: &Path, upload: &str, parts: Vec<String>) -> Result<(), S3Error> {
        let (upload, parts) = (upload.to_owned(), parts.into_iter().map(|content_id| object_store::multipart::PartId { content_id }));
        let parts: Vec<_> = parts.collect();
        persist(|| self.bucket.complete_multipart(key, &upload, parts.clone())).await.map(drop)
    }

    /// Drops an upload and its parts; one that is not there counts as dropped.
    pub(super) async fn abort_multipart(&self, key: &Path, upload: &str) -> Result<()> {
        let aborted = self.bucket.abort_multipart(key, &upload.to_owned()).await;
        found(aborted).map(drop).map_err(|source| Error::backend("drop an upload", source))
    }
}

/// When an object was written.
pub(super) fn written(object: &ObjectMeta) -> Timestamp {
    Timestamp::from_micros(object.last_modified.timestamp_micros())
}

/// `None` where the thing is not there.
fn found<T>(result: Result<T, S3Error>) -> Result<Option<T>, S3Error> {
    match result {
        Err(S3Error::NotFound { .. }) => Ok(None),
        result => result.map(Some),
    }
}

/// Makes a request that does no harm when it is made twice until it is answered, a bounded number of times.
///
/// A conflict with another request for the key reads as `AlreadyExists` here, for nothing here asks that a key be free.
async fn persist<'a, T>(request: impl Fn() -> BoxFuture<'a, Result<T, S3Error>> + Send) -> Result<T, S3Error> {
    let mut pause = PAUSE;
    for _ in 1..TRIES {
        match request().await {
            Err(S3Error::AlreadyExists { .. } | S3Error::Precondition { .. } | S3Error::Generic { .. }) => {}
            result => return result,
        }
        tokio::time::sleep(pause).await;
        pause *= 4;
    }
    request().await
}

fn builder(config: S3Config) -> AmazonS3Builder {
    // Without the certificates of the system there is no TLS, but there may be an endpoint that has none.
    let is_plain = config.endpoint.as_deref().is_some_and(|endpoint| endpoint.starts_with("http://"));
    let options = ClientOptions::new()
        .with_allow_http(is_plain)
        .with_no_system_certificates(is_plain)
        .with_connect_timeout(Duration::from_secs(5))
        .with_read_timeout(Duration::from_secs(30))
        .with_timeout_disabled();
    let backoff = BackoffConfig { init_backoff: Duration::from_millis(50), max_backoff: Duration::from_secs(2), base: 2.0 };
    let retry = RetryConfig { backoff, max_retries: 5, retry_timeout: Duration::from_secs(30) };
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(config.bucket).with_client_options(options).with_retry(retry);
    if let Some(endpoint) = config.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    if let Some(region) = config.region {
        builder = builder.with_region(region);
    }
    if let Some(path) = config.credentials_file {
        builder = builder.with_credentials(Arc::new(CredentialsFile::new(path, config.profile)));
    }
    builder
}
