//! The commands, one a file.

pub(crate) mod admin;
pub(crate) mod serve;
mod server;
pub(crate) mod token;
