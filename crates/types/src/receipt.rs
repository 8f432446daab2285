//! Receipts: what the blob plane says that it holds.

use prost::Message;

use crate::note::Note;
use crate::{Digest, Timestamp};

/// How long a receipt is believed, in seconds. The blob plane keeps bytes for longer than that after it placed them, whether files refer
/// to them or not.
pub const RECEIPT_SECONDS: i64 = 12 * 60 * 60;

/// The word of the blob plane that it holds these bytes, checked and durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The upload that brought the bytes.
    pub upload: i64,
    /// The project they were brought for.
    pub project: i64,
    /// What the bytes hash to.
    pub digest: Digest,
    /// How many there are.
    pub size: i64,
    /// Which copy of the bytes.
    pub generation: i64,
    /// Until then the receipt is believed. The blob plane keeps bytes for longer than that after it placed them.
    pub expires: Timestamp,
}

/// [`Receipt`] as it is signed.
#[derive(Clone, PartialEq, Message)]
pub struct ReceiptWire {
    #[prost(int64, tag = "1")]
    upload: i64,
    #[prost(int64, tag = "2")]
    project: i64,
    #[prost(bytes = "vec", tag = "3")]
    digest: Vec<u8>,
    #[prost(int64, tag = "4")]
    size: i64,
    #[prost(int64, tag = "5")]
    generation: i64,
    #[prost(int64, tag = "6")]
    expires: i64,
}

impl Note for Receipt {
    const PURPOSE: &'static str = "consign receipt";
    type Wire = ReceiptWire;

    fn expires(&self) -> Timestamp {
        self.expires
    }

    fn to_wire(&self) -> ReceiptWire {
        let Self { upload, project, digest, size, generation, expires } = *self;
        ReceiptWire { upload, project, digest: digest.as_bytes().to_vec(), size, generation, expires: expires.as_micros() }
    }

    fn from_wire(wire: ReceiptWire) -> Option<Self> {
        let digest = wire.digest.as_slice().try_into().ok()?;
        let ReceiptWire { upload, project, size, generation, expires, .. } = wire;
        Some(Self { upload, project, digest, size, generation, expires: Timestamp::from_micros(expires) })
    }
}
