//! GitLab's GraphQL: what it tells of packages, what it changes, and what it does not take.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod asking;
mod cleanup;
mod duplicates;
mod hostile;
mod limits;
mod lists;
mod packages;
mod pages;
mod removal;
mod transport;
