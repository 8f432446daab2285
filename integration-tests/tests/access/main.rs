//! Who may do what: every method with every role, every scope and every project, against the written table; and the life of tokens.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod calls;
mod cast;
mod document;
mod limits;
mod matrix;
mod protection;
mod rest;
mod rest_above;
mod throttle;
mod tokens;
mod trust;
mod users;
mod world;
