//! Copies in the bucket, as they are read.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use consign_types::CopyName;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use object_store::{GetOptions, GetRange};

use super::client::Client;
use crate::error::{Error, Result};
use crate::store::{Blob, PIECE_BYTES, Piece, Pieces};

/// A copy that is there.
#[derive(Debug)]
pub(super) struct S3Blob {
    client: Client,
    name: CopyName,
    /// What the object is told by, so that all of it is read from the same.
    etag: Option<String>,
}

impl S3Blob {
    pub(super) async fn open(client: Client, name: CopyName, size: i64) -> Result<Self> {
        let Some(object) = client.look(&client.keys().copy(name)).await? else {
            let is_damaged = client.size(&client.keys().quarantine(name)).await?.is_some();
            return Err(if is_damaged { Error::Corrupt(name.digest) } else { Error::Missing(name.digest) });
        };
        if i64::try_from(object.size) != Ok(size) {
            return Err(Error::Corrupt(name.digest));
        }
        Ok(Self { client, name, etag: object.e_tag })
    }
}

#[async_trait]
impl Blob for S3Blob {
    fn is_checked(&self) -> bool {
        false
    }

    async fn read(self: Arc<Self>, range: Range<i64>) -> Result<Box<dyn Pieces>> {
        if range.is_empty() {
            return Ok(Box::new(S3Pieces { bytes: futures::stream::empty().boxed(), rest: Bytes::new() }));
        }
        let range = GetRange::Bounded(range.start.unsigned_abs()..range.end.unsigned_abs());
        let options = GetOptions { range: Some(range), if_match: self.etag.clone(), ..GetOptions::default() };
        let object = self.client.get_opts(&self.client.keys().copy(self.name), options).await?;
        let object = object.ok_or(Error::Missing(self.name.digest))?;
        Ok(Box::new(S3Pieces { bytes: object.into_stream(), rest: Bytes::new() }))
    }
}

/// The bytes of a range as they come.
struct S3Pieces {
    bytes: BoxStream<'static, object_store::Result<Bytes>>,
    rest: Bytes,
}

#[async_trait]
impl Pieces for S3Pieces {
    async fn next(&mut self, _: usize) -> Result<Option<Piece>> {
        while self.rest.is_empty() {
            match self.bytes.next().await {
                Some(bytes) => self.rest = bytes.map_err(|source| Error::backend("read an object", source))?,
                None => return Ok(None),
            }
        }
        let bytes = self.rest.split_to(self.rest.len().min(PIECE_BYTES));
        Ok(Some(Piece { bytes, crc32c: None }))
    }
}
