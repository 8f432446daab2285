//! The body of an answer with several ranges of a file: `multipart/byteranges`, RFC 9110, section 14.6.

use std::ops::Range;

use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use consign_client::{Client, Download, Error};
use consign_types::Digest;
use futures::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};

/// Several ranges of a file.
///
/// What divides them is the digest of the file: no file has its own within it.
#[derive(Clone, Debug)]
pub(crate) struct ByteRanges {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    pub(crate) ranges: Vec<Range<u64>>,
}

impl ByteRanges {
    /// The content type, which names what divides the parts.
    pub(crate) fn content_type(&self) -> HeaderValue {
        format!("multipart/byteranges; boundary={}", self.digest).parse().expect("digits are printable ASCII")
    }

    /// How long the body is.
    pub(crate) fn length(&self) -> u64 {
        let parts = self.ranges.iter().map(|range| self.head(range).len() as u64 + (range.end - range.start));
        parts.sum::<u64>() + self.end().len() as u64
    }

    /// What stands before a range.
    fn head(&self, range: &Range<u64>) -> String {
        let Self { digest, size, .. } = self;
        let (first, last) = (range.start, range.end - 1);
        format!("\r\n--{digest}\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes {first}-{last}/{size}\r\n\r\n")
    }

    fn end(&self) -> String {
        format!("\r\n--{}--\r\n", self.digest)
    }

    /// Reads one range after the other.
    pub(crate) fn body(self, client: Client, download: Download) -> Body {
        let end = stream::once(std::future::ready(Ok(Bytes::from(self.end()))));
        let heads: Vec<_> = self.ranges.iter().map(|range| (Bytes::from(self.head(range)), range.clone())).collect();
        let parts = stream::iter(heads).then(move |(head, range)| {
            let (client, download) = (client.clone(), download.clone());
            async move { Ok::<_, Error>(stream::once(std::future::ready(Ok(head))).chain(read(&client, &download, &range).await?)) }
        });
        Body::from_stream(parts.try_flatten().chain(end))
    }
}

/// The bytes of one range, which may have waited for those before it.
async fn read(client: &Client, download: &Download, range: &Range<u64>) -> Result<BoxStream<'static, Result<Bytes, Error>>, Error> {
    let beyond = |_| Error::Protocol("a range beyond every file");
    let (offset, length) = (i64::try_from(range.start).map_err(beyond)?, i64::try_from(range.end - range.start).map_err(beyond)?);
    Ok(client.read_late(download, offset, length).await?.boxed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_is_that_of_the_heads_the_ranges_and_the_end() {
        let digest = Digest::of(b"0123456789");
        let several = ByteRanges { digest, size: 10, ranges: vec![0..2, 8..10] };
        let head =
            |range: &str| format!("\r\n--{digest}\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes {range}/10\r\n\r\n");
        let body = format!("{}01{}89\r\n--{digest}--\r\n", head("0-1"), head("8-9"));
        assert_eq!(several.length(), body.len() as u64);
        assert_eq!(several.content_type(), format!("multipart/byteranges; boundary={digest}"));
    }
}
