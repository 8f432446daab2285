//! The wire: what `proto/` generates, and the one mapping between errors and gRPC statuses.
//!
//! - [`blob`], [`metadata`]: messages, clients and servers of the two planes
//! - [`status`]: errors to statuses, and back

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

pub mod status;

/// All files of `proto/` as one encoded `FileDescriptorSet`, for reflection and for tests that go through every RPC.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The time of the wire.
pub fn timestamp(time: consign_types::Timestamp) -> prost_types::Timestamp {
    let (seconds, micros) = time.split();
    prost_types::Timestamp { seconds, nanos: i32::try_from(micros * 1000).expect("less than a second of nanoseconds") }
}

/// A time from the wire; what is smaller than a microsecond is cut off.
pub fn to_time(time: prost_types::Timestamp) -> consign_types::Timestamp {
    consign_types::Timestamp::from_micros(time.seconds.saturating_mul(1_000_000).saturating_add(i64::from(time.nanos) / 1000))
}
