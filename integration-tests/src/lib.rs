//! The harness: a real service on free ports, with its own directory and database, seen from outside only.
//!
//! - [`service`]: the service, in this process or as the `consign` binary
//! - [`database`]: a database for each test, on SQLite or PostgreSQL
//! - [`rest`]: requests as GitLab's clients make them
//! - [`grpc`]: calls as stubs make them
//! - [`publishing`]: publishing over gRPC, step by step
//! - [`mod@reference`]: the documents that are made from the code
//! - [`wait`]: polling a condition with a deadline

pub mod database;
pub mod grpc;
pub mod publishing;
pub mod reference;
pub mod rest;
pub mod service;
pub mod wait;

pub use database::{BOTH, Database, Engine};
pub use service::{Binary, Builder, TestService};

/// The administrator's token of every test service.
pub const TOKEN: &str = "the-token-of-the-tests";
