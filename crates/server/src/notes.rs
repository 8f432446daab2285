//! The keys and the clock behind tickets and receipts.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use consign_proto::status;
use consign_types::Reason;
use consign_types::note::{DownloadTicket, Keyring, Note, NoteError, Receipt, UploadTicket};
use tonic::Status;

use crate::clock;
use crate::error::{Error, Result};

/// Signs and checks notes as of now. Clones share the keys.
#[derive(Clone, Debug)]
pub(crate) struct Notes(Arc<Keyring>);

impl Notes {
    /// Reads the key file; makes it, for this user's eyes only, if it is missing.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let failed = |reason: String| Error::KeyFile { path: path.to_owned(), reason };
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => create(path).map_err(|error| failed(error.to_string()))?,
            result => result.map_err(|error| failed(error.to_string()))?,
        };
        let keys = text.parse::<Keyring>().map_err(|error| failed(error.to_string()))?;
        Ok(Self(Arc::new(keys)))
    }

    pub(crate) fn sign<N: Note>(&self, note: &N) -> bytes::Bytes {
        self.0.sign(note).into()
    }

    pub(crate) fn upload_ticket(&self, bytes: &[u8]) -> Result<UploadTicket, Status> {
        self.check(bytes, Reason::TicketInvalid, Reason::TicketExpired)
    }

    pub(crate) fn download_ticket(&self, bytes: &[u8]) -> Result<DownloadTicket, Status> {
        self.check(bytes, Reason::TicketInvalid, Reason::TicketExpired)
    }

    pub(crate) fn receipt(&self, bytes: &[u8]) -> Result<Receipt, Status> {
        self.check(bytes, Reason::ReceiptInvalid, Reason::BlobExpired)
    }

    fn check<N: Note>(&self, bytes: &[u8], forged: Reason, expired: Reason) -> Result<N, Status> {
        self.0.check(bytes, clock::now()).map_err(|error| {
            let reason = match error {
                NoteError::Forged => forged,
                NoteError::Expired => expired,
            };
            status::refused(reason, error.to_string())
        })
    }
}

/// A key file appears whole or not at all: another process that starts at the same time reads it, or makes it.
fn create(path: &Path) -> io::Result<String> {
    let text = Keyring::generate().to_text();
    let draft = path.with_extension(format!("draft-{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => fs::read_to_string(path),
        Err(error) => Err(error),
        Ok(()) => Ok(text),
    }
}
