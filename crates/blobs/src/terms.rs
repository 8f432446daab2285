//! What a ticket says of an upload, and the receipt for it.

use bytes::Bytes;
use consign_types::receipt::{RECEIPT_SECONDS, Receipt};
use consign_types::ticket::UploadTicket;
use consign_types::{CopyName, Digest, Timestamp};

use crate::error::{Error, Result};
use crate::session::length;
use crate::store::{Plan, Small};

/// What a store must know of an upload.
pub(crate) fn plan(ticket: &UploadTicket) -> Plan {
    let max_bytes = ticket.size.unwrap_or(ticket.max_bytes);
    Plan { upload: ticket.upload, name: ticket.digest.map(|digest| name(ticket, digest)), size: ticket.size, max_bytes }
}

/// The name that the bytes of an upload get. The numbers of uploads rise, and so do generations.
pub(crate) fn name(ticket: &UploadTicket, digest: Digest) -> CopyName {
    CopyName { digest, generation: ticket.upload.max(ticket.min_generation) }
}

/// Compares the bytes that came with those that were declared: `SizeMismatch`, `DigestMismatch`.
pub(crate) fn check(ticket: &UploadTicket, size: i64, digest: Digest) -> Result<()> {
    match (ticket.size, ticket.digest) {
        (Some(expected), _) if expected != size => Err(Error::SizeMismatch { expected, actual: size }),
        (_, Some(expected)) if expected != digest => Err(Error::DigestMismatch { expected, actual: digest }),
        _ => Ok(()),
    }
}

/// Bytes that are all at hand, hashed and checked as by [`check`], as a store takes them.
pub(crate) fn small(ticket: &UploadTicket, bytes: Bytes) -> Result<Small> {
    let digest = Digest::of(&bytes);
    check(ticket, length(&bytes), digest)?;
    Ok(Small { upload: ticket.upload, name: name(ticket, digest), min_generation: ticket.min_generation, bytes })
}

/// The proof that bytes are stored, for [`RECEIPT_SECONDS`] from now.
pub(crate) fn receipt(ticket: &UploadTicket, digest: Digest, size: i64, generation: i64, now: Timestamp) -> Receipt {
    let expires = now.plus_seconds(RECEIPT_SECONDS);
    Receipt { upload: ticket.upload, project: ticket.project, digest, size, generation, expires }
}
