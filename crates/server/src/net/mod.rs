//! Accepting connections, with their limits.
//!
//! This is the one place that accepts: a simulator can stand in for its [`accept::Listener`].

pub(crate) mod accept;
pub(crate) mod handshake;
mod idle;
