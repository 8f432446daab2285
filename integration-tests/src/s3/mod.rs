//! S3 for tests: one server in this process that fails on demand, and a real one that shows what the first should do.
//!
//! - [`FakeS3`]: the server in this process, its objects in memory
//! - [`Faults`]: what goes wrong with it, and how often
//! - [`Seaweed`]: the real one, SeaweedFS
//!
//! A request to the fake goes through `answer`: `question` reads it, `faults` says what becomes of it, `effects` does what it
//! asks to `objects`, `multipart` uploads and lists (`listing`), `refusal` says no.

mod answer;
mod conditions;
mod effects;
mod fake;
mod faults;
mod listing;
mod multipart;
mod objects;
mod payload;
mod question;
mod range;
mod refusal;
mod seaweed;
mod xml;

use object_store::ClientOptions;
use object_store::aws::{AmazonS3Builder, S3CopyIfNotExists};

pub use fake::FakeS3;
pub use faults::{Fault, Faults};
pub use question::Operation;
pub use seaweed::Seaweed;

/// The key that both servers know.
pub const ACCESS_KEY: &str = "testkey";
/// Its secret, which the fake does not check.
pub const SECRET_KEY: &str = "testsecret";
/// The one bucket that both servers have.
pub const BUCKET: &str = "artifacts";

/// A client of either server, to be built as it is or with more.
pub fn client(endpoint: &str) -> AmazonS3Builder {
    // Without certificates: there is no TLS here, and a machine may have none.
    let options = ClientOptions::new().with_allow_http(true).with_no_system_certificates(true);
    AmazonS3Builder::new()
        .with_endpoint(endpoint)
        .with_region("us-east-1")
        .with_bucket_name(BUCKET)
        .with_access_key_id(ACCESS_KEY)
        .with_secret_access_key(SECRET_KEY)
        .with_copy_if_not_exists(S3CopyIfNotExists::Multipart)
        .with_client_options(options)
}
