//! The harness: a real service on free ports, with its own directory and database, seen from outside only.
//!
//! - [`attesting`]: attestations as programs make them
//! - [`authority`]: certificates, and the files in which processes find them
//! - [`issuer`]: a CI system that signs ID tokens
//! - [`service`]: the service, in this process or as the `consign` binary
//! - [`database`]: a database for each test, on SQLite or PostgreSQL
//! - [`rest`]: requests as GitLab's clients make them
//! - [`grpc`]: calls as stubs make them
//! - [`hostile`]: input of those who mean no good
//! - [`generator`]: a database as large as one likes
//! - [`load`]: how long races and tortures go on
//! - [`power`]: a disk of its own, which can be turned off
//! - [`lists`]: lists over gRPC, all asked alike
//! - [`measure`]: figures of benchmarks: times, processors, memory
//! - [`promoting`]: stages and promotions over gRPC, step by step
//! - [`publishing`]: publishing over gRPC, step by step
//! - [`mod@reference`]: the documents that are made from the code
//! - [`s3`]: an S3 server that fails on demand, and a real one
//! - [`scrape`]: metrics as Prometheus reads them
//! - [`tagging`]: tags and their rules over gRPC, step by step
//! - [`linearizability`]: whether what concurrent callers saw can be told as one call after the other
//! - [`wait`]: polling a condition with a deadline

pub mod attesting;
pub mod authority;
pub mod database;
pub mod generator;
pub mod grpc;
pub mod hostile;
pub mod issuer;
pub mod linearizability;
pub mod lists;
pub mod load;
pub mod measure;
pub mod power;
pub mod promoting;
pub mod publishing;
pub mod raw;
pub mod reference;
pub mod rest;
pub mod s3;
pub mod scrape;
pub mod service;
pub mod tagging;
pub mod wait;

pub use database::{BOTH, Database, Engine};
pub use load::rounds;
pub use service::{Binary, Builder, TestService};

/// The administrator's token of every test service.
pub const TOKEN: &str = "the-token-of-the-tests";
