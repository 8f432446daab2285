//! The gRPC edge, and the place where everything meets: configuration, telemetry, wiring of the roles.
//!
//! - [`config`] has the settings, which are read there alone
//! - [`run`] starts the roles, and ends them
//! - [`oidc`] verifies the ID tokens of CI systems
//! - [`telemetry`] writes logs
//! - `routes`: which services answer at which door
//! - `grpc`: the services: decode, one operation, encode
//! - `auth`, `throttle`, `deadline`, `budget`, `probes`: what surrounds every request
//! - `metrics`: what is counted of all that, and how it is told
//! - `net`: accepting connections, with their limits
//! - `notes`: the keys and the clock behind tickets and receipts; `signatures`: those behind what anybody can verify; `key_file`: where they are kept
//! - `tls`: the certificates on disk, and where they are used
//! - `jobs`: what is done in the background

mod auth;
mod budget;
mod clock;
mod deadline;
mod error;
mod grpc;
mod jobs;
mod key_file;
mod metrics;
mod net;
mod notes;
mod probes;
mod routes;
mod signatures;
mod throttle;
mod tls;

pub mod config;
pub mod fsck;
pub mod oidc;
pub mod run;
pub mod telemetry;

pub use config::{Role, Settings};
pub use error::{Error, Result};
pub use fsck::{Finding, FsckSettings, fsck};
pub use run::{Running, migrate, recount, start};
