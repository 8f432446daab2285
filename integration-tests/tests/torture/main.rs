//! Durability under torture: whatever ends the service, and whenever, nothing that was acknowledged is lost and nothing is half there.
//!
//! - [`kills`]: `kill -9`, which shows an answer that comes before the commit, and what a start does not clean up
//! - [`power_cuts`]: power cuts, which show each sync that is missing
//! - [`promotions`]: `kill -9` in promotions of many packages, of which a part must never be there
//! - [`disk_failures`]: disks that fail under a service that lives on, which show a success that a dead disk tells
//! - [`uploads`]: power cuts at one point of an upload
//! - [`plan`]: what is published, from a seed alone
//! - [`client`], [`publishers`]: the load, and what its clients are told
//! - [`inspection`]: what is found afterwards
//! - [`torture`]: load, fault, start, inspection; again and again
//! - [`report`]: what came of it
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod client;
mod disk_failures;
mod inspection;
mod kills;
mod plan;
mod power_cuts;
mod promotions;
mod publishers;
mod report;
mod torture;
mod uploads;

const PROGRAM: &str = env!("CARGO_BIN_EXE_service-under-test");
