//! Who may do what: every method with every role, every scope and every project, against the written table; and the life of tokens.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod calls;
mod limits;
mod matrix;
mod tokens;
mod world;
