//! The keys and the clock behind tickets and receipts.

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use consign_proto::status::refused;
use consign_types::Reason;
use consign_types::note::{Keyring, Note, NoteError};
use consign_types::receipt::Receipt;
use consign_types::ticket::{AdminTicket, DownloadTicket, UploadTicket};
use tonic::Status;

use crate::error::Result;
use crate::{clock, key_file};

/// Signs and checks notes as of now. Clones share the keys.
#[derive(Clone, Debug)]
pub(crate) struct Notes(Arc<Keyring>);

impl Notes {
    /// Reads the key file; makes it, for this user's eyes only, if it is missing.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let keys: Keyring = key_file::open(path, || Keyring::generate().to_text())?;
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
