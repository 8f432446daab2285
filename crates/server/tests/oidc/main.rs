//! ID tokens against an issuer of our own, over HTTP.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod forged;
mod issuer;
mod keys;
mod mutations;
mod tokens;
