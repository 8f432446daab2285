//! The commands, one a file.

pub(crate) mod admin;
pub(crate) mod serve;
pub(crate) mod token;
