//! Reading a file, or all files of a version: prepare, read the bytes.

use bytes::Bytes;
use consign_proto::blob::ReadRequest;
use consign_proto::metadata::{DownloadPlan, File, PrepareDownloadsRequest, PrepareDownloadsResponse};
use consign_types::resource::{FileRef, VersionRef};
use consign_types::{Digest, FilePath, Reason};
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};
use tonic::Status;

use crate::retry::{Breaks, repeat};
use crate::transfers::{Chunks, Transfers};
use crate::{Client, Error, Result};

/// The right to read a file, and what the file is.
#[derive(Clone, Debug)]
pub struct Download {
    /// The file.
    pub file: File,
    token: Bytes,
}

impl TryFrom<DownloadPlan> for Download {
    type Error = Error;

    fn try_from(plan: DownloadPlan) -> Result<Self> {
        let file = plan.file.ok_or(Error::Protocol("no file"))?;
        let ticket = plan.ticket.ok_or(Error::Protocol("no ticket"))?;
        Ok(Self { file, token: ticket.token })
    }
}

/// How many files of a version are asked for at once: few, since the right to read them lasts some minutes.
const PAGE_SIZE: i32 = 100;

impl Client {
    /// Asks for the right to read the file that a version serves at a path.
    pub async fn prepare_download(&self, version: &VersionRef, path: &FilePath) -> Result<Download> {
        self.prepare_one(PrepareDownloadsRequest {
            parent: version.to_string(),
            paths: vec![path.to_string()],
            ..PrepareDownloadsRequest::default()
        })
        .await
    }

    /// The same for a file by its bytes, also where a newer one stands in its place.
    pub async fn prepare_download_of(&self, version: &VersionRef, digest: &Digest) -> Result<Download> {
        let sha256s = vec![Bytes::copy_from_slice(digest.as_bytes())];
        self.prepare_one(PrepareDownloadsRequest { parent: version.to_string(), sha256s, ..PrepareDownloadsRequest::default() }).await
    }

    /// Asks for the right to read all files that a version serves, by path. Those that follow are asked for as the stream is read, so it
    /// holds a page of them, whatever the version has.
    ///
    /// Of a version that changes meanwhile, each page has the files of its moment. A sealed one never changes. `PATH_INVALID` where no
    /// directory can have all of them.
    pub async fn prepare_all_downloads(&self, version: &VersionRef) -> Result<impl Stream<Item = Result<Download>> + Send + use<>> {
        let request = PrepareDownloadsRequest { page_size: PAGE_SIZE, ..whole(version) };
        // A refusal is told before the first file is wanted.
        let first = self.prepare_page(request.clone()).await?;
        let pages = stream::try_unfold((self.clone(), request, Some(first)), async |(client, request, page)| {
            let page = match page {
                Some(page) => page,
                None if request.page_token.is_empty() => return Ok::<_, Error>(None),
                None => client.prepare_page(request.clone()).await?,
            };
            let request = PrepareDownloadsRequest { page_token: page.next_page_token.clone(), ..request };
            Ok(Some((page, (client, request, None))))
        });
        Ok(pages.map_ok(|page| stream::iter(page.plans.into_iter().map(Download::try_from))).try_flatten())
    }

    /// Asks for nothing, and so is refused where [`Self::prepare_all_downloads`] would be.
    pub async fn judge_all_downloads(&self, version: &VersionRef) -> Result<()> {
        self.prepare_page(PrepareDownloadsRequest { page_size: 1, uncounted: true, ..whole(version) }).await.map(|_| ())
    }

    async fn prepare_page(&self, request: PrepareDownloadsRequest) -> Result<PrepareDownloadsResponse> {
        let call = || async { self.file_service().prepare_downloads(self.request(request.clone())).await };
        Ok(repeat(call).await?)
    }

    async fn prepare_one(&self, request: PrepareDownloadsRequest) -> Result<Download> {
        self.prepare_page(request).await?.plans.into_iter().next().ok_or(Error::Protocol("no plan"))?.try_into()
    }

    /// Reads bytes of a file that may have waited for others: where the right to read it is over, it is asked for again, for the very same
    /// bytes. All else is as with [`Self::read`].
    pub async fn read_late(
        &self,
        download: &Download,
        offset: i64,
        limit: i64,
    ) -> Result<impl Stream<Item = Result<Bytes>> + Send + use<>> {
        match self.read(download, offset, limit).await {
            Err(Error::Refused { reason: Reason::TicketExpired, .. }) => {
                let name: FileRef = download.file.name.parse().map_err(|_| Error::Protocol("a file without a name"))?;
                let blob = download.file.blob.as_ref().ok_or(Error::Protocol("a file without its bytes"))?;
                let (parent, sha256s) = (name.version.to_string(), vec![blob.sha256.clone()]);
                // It was counted when it was first prepared.
                let again = PrepareDownloadsRequest { parent, sha256s, uncounted: true, ..PrepareDownloadsRequest::default() };
                let again = self.prepare_one(again).await?;
                self.read(&again, offset, limit).await
            }
            read => read,
        }
    }

    /// Reads `limit` bytes from `offset` on; 0 stands for all of them. The stream ends with all of them, or with an error. Where it breaks off, it
    /// goes on by another stream while the right to read lasts, and whoever reads does not notice; unless the blob is checked only as a whole.
    pub async fn read(&self, download: &Download, offset: i64, limit: i64) -> Result<impl Stream<Item = Result<Bytes>> + Send + use<>> {
        let reading = Reading {
            transfers: self.transfers.clone(),
            token: download.token.clone(),
            offset,
            left: Some(limit).filter(|limit| *limit > 0),
            parts_checked: true,
            chunks: None,
            breaks: Breaks::default(),
        };
        let reading = reading.open().await?;
        let messages = stream::try_unfold(reading, Reading::next);
        Ok(messages.map_ok(|data| stream::iter(data.into_iter().map(Ok))).map_err(Error::from).try_flatten())
    }
}

/// The files of a version, for one directory.
fn whole(version: &VersionRef) -> PrepareDownloadsRequest {
    PrepareDownloadsRequest { parent: version.to_string(), as_directory: true, ..PrepareDownloadsRequest::default() }
}

/// A download under way.
struct Reading {
    transfers: Transfers,
    token: Bytes,
    /// What comes next.
    offset: i64,
    /// How much that is; `None`: all that there is.
    left: Option<i64>,
    /// Whether every part of the blob is checked by itself, as far as is known.
    parts_checked: bool,
    chunks: Option<Chunks>,
    breaks: Breaks,
}

impl Reading {
    async fn open(mut self) -> Result<Self, Status> {
        loop {
            let request = ReadRequest { ticket: self.token.clone(), read_offset: self.offset, read_limit: self.left.unwrap_or_default() };
            match self.transfers.read(request).await {
                Ok(chunks) => {
                    self.chunks = Some(chunks);
                    return Ok(self);
                }
                Err(status) if self.breaks.wait(&status).await => {}
                Err(status) => return Err(status),
            }
        }
    }

    async fn next(mut self) -> Result<Option<(Vec<Bytes>, Self)>, Status> {
        loop {
            let Some(chunks) = &mut self.chunks else { return Ok(None) };
            match chunks.next().await {
                Some(Ok(message)) => {
                    if message.message.size_bytes > 0 {
                        self.parts_checked = message.message.parts_checked;
                    }
                    let bytes =
                        message.data.iter().map(|data| i64::try_from(data.len()).expect("a chunk is smaller than memory")).sum::<i64>();
                    self.offset += bytes;
                    if bytes > 0 {
                        self.breaks.forget();
                    }
                    if let Some(left) = &mut self.left {
                        *left -= bytes;
                    }
                    return Ok(Some((message.data, self)));
                }
                Some(Err(status)) if self.may_go_on() && self.breaks.wait(&status).await => {
                    self = self.open().await?;
                }
                Some(Err(status)) => return Err(status),
                None => return Ok(None),
            }
        }
    }

    /// Behind the last byte comes what the plane found out about all of them, and that is not asked for again.
    fn may_go_on(&self) -> bool {
        self.parts_checked && self.left != Some(0)
    }
}
