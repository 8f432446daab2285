//! Accepting connections, with their limits.
//!
//! This is the one place that accepts: a simulator can stand in for [`accept`]'s listener.

pub(crate) mod accept;
mod idle;
