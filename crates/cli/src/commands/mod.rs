//! The commands, one a file.

pub(crate) mod admin;
pub(crate) mod member;
mod plane;
pub(crate) mod serve;
pub(crate) mod token;
pub(crate) mod user;
