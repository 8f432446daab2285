//! Reading a file: prepare, read the bytes.

use bytes::Bytes;
use consign_proto::blob::ReadRequest;
use consign_proto::metadata::{File, PrepareDownloadsRequest};
use consign_types::FilePath;
use consign_types::resource::VersionRef;
use futures::stream::iter;
use futures::{Stream, TryStreamExt as _};

use crate::retry::repeat;
use crate::{Client, Error, Result};

/// The right to read a file, and what the file is.
#[derive(Clone, Debug)]
pub struct Download {
    /// The file.
    pub file: File,
    token: Bytes,
}

impl Client {
    /// Asks for the right to read the file that a version serves at a path.
    pub async fn prepare_download(&self, version: &VersionRef, path: &FilePath) -> Result<Download> {
        let request =
            PrepareDownloadsRequest { parent: version.to_string(), paths: vec![path.to_string()], ..PrepareDownloadsRequest::default() };
        let call = || async { self.file_service().prepare_downloads(self.request(request.clone())).await };
        let plan = repeat(call).await?.plans.into_iter().next().ok_or(Error::Protocol("no plan"))?;
        let file = plan.file.ok_or(Error::Protocol("no file"))?;
        let ticket = plan.ticket.ok_or(Error::Protocol("no ticket"))?;
        Ok(Download { file, token: ticket.token })
    }

    /// Reads `limit` bytes from `offset` on. The stream ends with all of them, or with an error.
    pub async fn read(&self, download: &Download, offset: i64, limit: i64) -> Result<impl Stream<Item = Result<Bytes>> + Send + use<>> {
        let request = ReadRequest { ticket: download.token.clone(), read_offset: offset, read_limit: limit };
        let stream = self.transfers.read(request).await?;
        Ok(stream.map_ok(|message| iter(message.data.into_iter().map(Ok))).map_err(Error::from).try_flatten())
    }
}
