//! The keys and the clock behind tickets and receipts.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use consign_proto::status::{invalid, refused};
use consign_types::Reason;
use consign_types::audit::Checkpoint;
use consign_types::note::{Keyring, Note, NoteError};
use consign_types::receipt::Receipt;
use consign_types::ticket::{AdminTicket, DownloadTicket, UploadTicket};
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
        self.ticket(bytes)
    }

    pub(crate) fn download_ticket(&self, bytes: &[u8]) -> Result<DownloadTicket, Status> {
        self.ticket(bytes)
    }

    /// A receipt of whatever age: a publish that was done already is answered without asking how old its receipts are.
    pub(crate) fn receipt(&self, bytes: &[u8]) -> Result<Receipt, Status> {
        self.0.open(bytes).map_err(|error| refused(Reason::ReceiptInvalid, format!("receipt is not valid: {error}")))
    }

    /// What a call of the metadata plane carries behind `Bearer`.
    pub(crate) fn admin_bearer(&self, ticket: &AdminTicket) -> String {
        format!("Bearer {}", BASE64_URL_SAFE_NO_PAD.encode(self.0.sign(ticket)))
    }

    /// Checks what came behind `Bearer`.
    pub(crate) fn admin_ticket(&self, text: &str) -> Result<AdminTicket, Status> {
        self.ticket(&BASE64_URL_SAFE_NO_PAD.decode(text).unwrap_or_default())
    }

    /// A checkpoint that was given out once.
    pub(crate) fn checkpoint(&self, bytes: &[u8]) -> Result<Checkpoint, Status> {
        self.0.open(bytes).map_err(|error| invalid("checkpoint.statement", Reason::ArgumentInvalid, error))
    }

    fn ticket<N: Note>(&self, bytes: &[u8]) -> Result<N, Status> {
        self.0.check(bytes, clock::now()).map_err(|error| {
            let reason = match error {
                NoteError::Forged => Reason::TicketInvalid,
                NoteError::Expired => Reason::TicketExpired,
            };
            refused(reason, format!("ticket is not valid: {error}"))
        })
    }
}

/// A key file appears whole or not at all: another process that starts at the same time reads it, or makes it.
fn create(path: &Path) -> io::Result<String> {
    let text = Keyring::generate().to_text();
    let draft = path.with_extension(format!("draft-{:016x}", rand::random::<u64>()));
    let linked = write_new(&draft, &text).and_then(|()| fs::hard_link(&draft, path));
    let removed = fs::remove_file(&draft);
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return fs::read_to_string(path),
        result => result.and(removed)?,
    }
    File::open(path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(text)
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
