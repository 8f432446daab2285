//! The words of Consign: validated names, digests, error kinds and reasons, tickets and receipts,
//! and the pure rules that decide what may happen to them.
//!
//! Nothing here does I/O, reads a clock or knows a wire format; every other crate speaks in these types.
//!
//! - [`access`]: roles, scopes, and who may do what; [`token`]: the secrets of tokens; [`trust`]: which ID tokens are trusted
//! - [`audit`]: the chain of what was done; [`event`]: what watchers are told
//! - [`settings`]: what is set and inherited; [`tag`]: the rules over tags
//! - [`name`]: package names, versions, file paths, namespace and project paths
//! - [`resource`]: the names by which the API addresses those things
//! - [`digest`]: SHA-256 digests; [`crc32c`](mod@crc32c): checksums; [`copy`]: the names of stored copies
//! - [`content`]: the digest of a version's whole file set
//! - [`kind`]: error kinds, reasons, and what an error tells its caller
//! - [`note`]: signed notes, and the keys; [`ticket`] and [`receipt`]: what they say; [`signature`]: texts that anybody can check
//! - [`secret`]: what must not be shown
//! - [`text`]: texts within limits
//! - [`version`]: the life of a version, and who may see it; [`release`]: what a project says of its releases
//! - [`promotion`]: stages, their gates, and the promotions that pass them
//! - [`attestation`]: signed statements about content, and whose signatures count
//! - [`order`]: how the versions of a package are ordered; [`range`]: which of them a selector takes
//! - [`duplicates`]: whether a file may be published again; [`retention`]: what is kept of what newer ones replaced
//! - [`filter`]: the filters of lists; [`label`]: labels; [`pattern`]: patterns over names
//! - `columns`: all of these as columns of the database (feature `diesel`)
//! - [`time`]: instants as the databases and the wire carry them

pub mod access;
pub mod attestation;
pub mod audit;
pub mod content;
pub mod copy;
pub mod crc32c;
pub mod digest;
pub mod directory;
pub mod duplicates;
pub mod event;
pub mod filter;
pub mod kind;
pub mod label;
pub mod name;
pub mod note;
pub mod order;
pub mod pattern;
pub mod promotion;
pub mod protection;
pub mod range;
pub mod receipt;
pub mod release;
pub mod resource;
pub mod retention;
pub mod secret;
pub mod settings;
pub mod signature;
pub mod tag;
pub mod text;
pub mod ticket;
pub mod time;
pub mod token;
pub mod trust;
pub mod version;
pub mod word;

#[cfg(feature = "diesel")]
pub mod columns;

pub use content::ContentDigest;
pub use copy::CopyName;
pub use digest::Digest;
pub use kind::{ErrorKind, Reason, Refusal};
pub use name::{FilePath, NamespacePath, PackageName, ProjectPath, Slug, TagName, Username, VersionName};
pub use time::Timestamp;
