//! An archive that is being sent: one file after the other, with what stands around them.

use axum::body::Bytes;
use consign_client::{Client, Download, Error};
use futures::stream::{BoxStream, Stream, StreamExt as _, TryStreamExt as _, try_unfold};

use super::tar;
use super::zip::Zip;

/// What is kept of an archive while it is made.
pub(super) enum Archive {
    Tar,
    Zip(Zip),
}

/// A file of an archive.
pub(super) struct Entry {
    pub(super) path: String,
    pub(super) size: u64,
    /// When it was made, in seconds.
    pub(super) time: i64,
}

impl Entry {
    fn of(download: &Download) -> Option<Self> {
        let file = &download.file;
        let size = u64::try_from(file.blob.as_ref()?.size_bytes).ok()?;
        Some(Self { path: file.path.clone(), size, time: file.create_time.map_or(0, |time| time.seconds.max(0)) })
    }
}

impl Archive {
    /// What stands before a file.
    fn begin(&mut self, entry: &Entry) -> Option<Bytes> {
        match self {
            Self::Tar => tar::begin(entry),
            Self::Zip(zip) => zip.begin(entry),
        }
    }

    fn pass(&mut self, bytes: &[u8]) {
        if let Self::Zip(zip) = self {
            zip.pass(bytes);
        }
    }

    /// What stands behind a file.
    fn end(&mut self, entry: &Entry) -> Bytes {
        match self {
            Self::Tar => tar::end(entry),
            Self::Zip(zip) => zip.end(entry),
        }
    }

    /// What stands behind all files.
    fn finish(self) -> Bytes {
        match self {
            Self::Tar => tar::finish(),
            Self::Zip(zip) => zip.finish(),
        }
    }
}

/// An archive that is being sent.
pub(super) struct Packing {
    client: Client,
    files: BoxStream<'static, Result<Download, Error>>,
    /// `None` once all of it is sent.
    archive: Option<Archive>,
    file: Option<Content>,
    /// Why it breaks off, once it does between two files.
    broken: Option<Error>,
}

/// A file that is being sent, and how much of it is missing.
struct Content {
    entry: Entry,
    download: Download,
    /// `None` until what stands before it is sent.
    bytes: Option<BoxStream<'static, Result<Bytes, Error>>>,
    left: u64,
}

impl Packing {
    /// The archive of these files, of which nothing is sent yet.
    pub(super) fn of(client: Client, files: BoxStream<'static, Result<Download, Error>>, archive: Archive) -> Self {
        Self { client, files, archive: Some(archive), file: None, broken: None }
    }

    /// All of it. Where it breaks off, that is told to the log.
    pub(super) fn into_stream(self) -> impl Stream<Item = Result<Bytes, Error>> + Send + 'static {
        try_unfold(self, Self::next).inspect_err(tell)
    }

    /// What is sent next.
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, Error> {
        if let Some(error) = self.broken.take() {
            return Err(error);
        }
        let Some(archive) = &mut self.archive else { return Ok(None) };
        let sent = if let Some(content) = &mut self.file {
            if let Some(bytes) = content.next(&self.client).await? {
                archive.pass(&bytes);
                bytes
            } else {
                let end = archive.end(&content.entry);
                self.file = None;
                end
            }
        } else {
            match self.files.try_next().await {
                Ok(Some(download)) => {
                    let entry = Entry::of(&download).ok_or(Error::Protocol("file without its facts"))?;
                    let begin = archive.begin(&entry).ok_or(Error::Protocol("file that no archive can have"))?;
                    self.file = Some(Content { left: entry.size, entry, download, bytes: None });
                    begin
                }
                Ok(None) => self.archive.take().map(Archive::finish).unwrap_or_default(),
                // A `tar` that ends between two files is taken for a whole one.
                Err(error) => {
                    self.broken = Some(error);
                    Bytes::from_static(b"broken off")
                }
            }
        };
        Ok(Some((sent, self)))
    }
}

impl Content {
    /// The next bytes; `None` once all of them were there.
    async fn next(&mut self, client: &Client) -> Result<Option<Bytes>, Error> {
        if self.left == 0 {
            return Ok(None);
        }
        let bytes = match &mut self.bytes {
            Some(bytes) => bytes,
            none => none.insert(client.read_late(&self.download, 0, 0).await?.boxed()),
        };
        let Some(bytes) = bytes.try_next().await? else { return Err(Error::Protocol("fewer bytes than the file has")) };
        self.left = self.left.checked_sub(bytes.len() as u64).ok_or(Error::Protocol("more bytes than the file has"))?;
        Ok(Some(bytes))
    }
}

fn tell(error: &Error) {
    tracing::warn!(error = error as &dyn std::error::Error, "an archive broke off");
}
