//! The wire: what `proto/` generates, and the one mapping between errors and gRPC statuses.
//!
//! - [`blob`], [`metadata`]: messages, clients and servers of the two planes
//! - [`access`]: roles and scopes, to the wire and back
//! - [`status`]: errors to statuses, and back
//! - [`framing`]: messages that carry a chunk, which is not copied

/// The blob plane: `consign.blob.v1`.
#[allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::disallowed_methods,
    reason = "generated from the .proto files"
)]
pub mod blob {
    tonic::include_proto!("consign.blob.v1");
}

/// The metadata plane: `consign.metadata.v1`.
#[allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::disallowed_methods,
    reason = "generated from the .proto files"
)]
pub mod metadata {
    tonic::include_proto!("consign.metadata.v1");
}

pub mod access;
pub mod framing;
pub mod status;

/// The files of what errors carry, such as `google.rpc.ErrorInfo`, as an encoded `FileDescriptorSet`, for reflection.
pub use tonic_types::pb::FILE_DESCRIPTOR_SET as ERROR_DETAILS;

/// All files of `proto/` as one encoded `FileDescriptorSet`, for reflection and for tests that go through every RPC.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// HTTP/2 as both ends of Consign set it. Frames of the standard's 16 KiB cost a system call each; a server that announces larger
/// ones gets them from stock clients too.
pub mod http2 {
    /// The largest frame, in bytes.
    pub const FRAME_BYTES: u32 = 256 << 10;
    /// How many bytes of an upload may be on their way. A service that is busy with others holds them in memory.
    pub const UPLOAD_WINDOW: u32 = 2 << 20;
    /// How many bytes of a download may be on their way: what a client gets in one round trip.
    pub const DOWNLOAD_WINDOW: u32 = 3 << 20;
    /// How many bytes may be on their way on one connection.
    pub const CONNECTION_WINDOW: u32 = 8 << 20;
}

/// The same bytes in pieces of at most `max` bytes, without copying them.
pub fn chunks(mut bytes: bytes::Bytes, max: usize) -> impl Iterator<Item = bytes::Bytes> {
    std::iter::from_fn(move || if bytes.is_empty() { None } else { Some(bytes.split_to(max.min(bytes.len()))) })
}

/// The time of the wire.
pub fn timestamp(time: consign_types::Timestamp) -> prost_types::Timestamp {
    let (seconds, micros) = time.split();
    prost_types::Timestamp { seconds, nanos: i32::try_from(micros * 1000).expect("less than a second of nanoseconds") }
}

/// A time from the wire; what is smaller than a microsecond is cut off.
pub fn to_time(time: prost_types::Timestamp) -> consign_types::Timestamp {
    consign_types::Timestamp::from_micros(time.seconds.saturating_mul(1_000_000).saturating_add(i64::from(time.nanos) / 1000))
}
