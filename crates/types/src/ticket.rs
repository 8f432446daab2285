//! Tickets: what the metadata plane lets a caller do on the blob plane, and what it may do there itself.

use prost::Message;

use crate::note::Note;
use crate::{Digest, Timestamp};

/// Up to how many bytes a file may be uploaded without a reservation.
pub const UNRESERVED_BYTES: i64 = 64 << 10;

/// Whether a file may be uploaded without a reservation: a small one of which no digest is told. A request reserves nothing where that is so of
/// all its files, which are few, and where it has no id.
pub fn is_unreserved(digest: Option<&Digest>, size: Option<i64>) -> bool {
    digest.is_none() && size.is_some_and(|size| size <= UNRESERVED_BYTES)
}

/// The right to bring bytes: at most `max_bytes` of them, until `expires`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadTicket {
    /// The number of the upload, which the receipt repeats. Never reused.
    pub upload: i64,
    /// The project that the bytes are for.
    pub project: i64,
    /// The limit in bytes, inclusive.
    pub max_bytes: i64,
    /// The digest that the bytes must have, where the caller declared it.
    pub digest: Option<Digest>,
    /// The size in bytes that they must have, where the caller declared it.
    pub size: Option<i64>,
    /// The least generation of stored bytes that may be reused; older ones may be on their way out.
    pub min_generation: i64,
    /// After this no transfer starts. One that has started goes on.
    pub expires: Timestamp,
}

/// The right to read one blob, until `expires`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DownloadTicket {
    /// The project on whose behalf the bytes are read.
    pub project: i64,
    /// The digest of the blob.
    pub digest: Digest,
    /// Which copy of the bytes.
    pub generation: i64,
    /// The size of the blob in bytes.
    pub size: i64,
    /// After this no transfer starts. One that has started goes on.
    pub expires: Timestamp,
}

/// The right to tend what is stored, until `expires`: the metadata plane's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminTicket {
    /// After this no call is made.
    pub expires: Timestamp,
}

/// [`UploadTicket`] as it is signed.
#[derive(Clone, PartialEq, Message)]
pub struct UploadTicketWire {
    #[prost(int64, tag = "1")]
    upload: i64,
    #[prost(int64, tag = "2")]
    project: i64,
    #[prost(int64, tag = "3")]
    max_bytes: i64,
    #[prost(bytes = "vec", optional, tag = "4")]
    digest: Option<Vec<u8>>,
    #[prost(int64, optional, tag = "5")]
    size: Option<i64>,
    #[prost(int64, tag = "6")]
    min_generation: i64,
    #[prost(int64, tag = "7")]
    expires: i64,
}

impl Note for UploadTicket {
    const PURPOSE: &'static str = "consign upload ticket";
    type Wire = UploadTicketWire;

    fn expires(&self) -> Timestamp {
        self.expires
    }

    fn to_wire(&self) -> UploadTicketWire {
        UploadTicketWire {
            upload: self.upload,
            project: self.project,
            max_bytes: self.max_bytes,
            digest: self.digest.map(|digest| digest.as_bytes().to_vec()),
            size: self.size,
            min_generation: self.min_generation,
            expires: self.expires.as_micros(),
        }
    }

    fn from_wire(wire: UploadTicketWire) -> Option<Self> {
        let digest = wire.digest.map(|digest| digest.as_slice().try_into()).transpose().ok()?;
        let UploadTicketWire { upload, project, max_bytes, size, min_generation, expires, .. } = wire;
        Some(Self { upload, project, max_bytes, digest, size, min_generation, expires: Timestamp::from_micros(expires) })
    }
}

/// [`DownloadTicket`] as it is signed.
#[derive(Clone, PartialEq, Message)]
pub struct DownloadTicketWire {
    #[prost(int64, tag = "1")]
    project: i64,
    #[prost(bytes = "vec", tag = "2")]
    digest: Vec<u8>,
    #[prost(int64, tag = "3")]
    generation: i64,
    #[prost(int64, tag = "4")]
    size: i64,
    #[prost(int64, tag = "5")]
    expires: i64,
}

impl Note for DownloadTicket {
    const PURPOSE: &'static str = "consign download ticket";
    type Wire = DownloadTicketWire;

    fn expires(&self) -> Timestamp {
        self.expires
    }

    fn to_wire(&self) -> DownloadTicketWire {
        let Self { project, digest, generation, size, expires } = *self;
        DownloadTicketWire { project, digest: digest.as_bytes().to_vec(), generation, size, expires: expires.as_micros() }
    }

    fn from_wire(wire: DownloadTicketWire) -> Option<Self> {
        let digest = wire.digest.as_slice().try_into().ok()?;
        let DownloadTicketWire { project, generation, size, expires, .. } = wire;
        Some(Self { project, digest, generation, size, expires: Timestamp::from_micros(expires) })
    }
}

/// [`AdminTicket`] as it is signed.
#[derive(Clone, PartialEq, Message)]
pub struct AdminTicketWire {
    #[prost(int64, tag = "1")]
    expires: i64,
}

impl Note for AdminTicket {
    const PURPOSE: &'static str = "consign blob admin ticket";
    type Wire = AdminTicketWire;

    fn expires(&self) -> Timestamp {
        self.expires
    }

    fn to_wire(&self) -> AdminTicketWire {
        AdminTicketWire { expires: self.expires.as_micros() }
    }

    fn from_wire(wire: AdminTicketWire) -> Option<Self> {
        Some(Self { expires: Timestamp::from_micros(wire.expires) })
    }
}
