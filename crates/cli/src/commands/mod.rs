//! The commands, one a file.

pub(crate) mod admin;
mod arguments;
pub(crate) mod audit;
pub(crate) mod member;
pub(crate) mod serve;
mod server;
pub(crate) mod token;
pub(crate) mod trust;
pub(crate) mod user;
