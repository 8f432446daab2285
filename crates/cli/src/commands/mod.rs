//! The commands, one a file.

pub(crate) mod admin;
mod arguments;
pub(crate) mod audit;
mod content;
pub(crate) mod events;
pub(crate) mod member;
mod moments;
pub(crate) mod placements;
pub(crate) mod promote;
pub(crate) mod promotion;
pub(crate) mod rollback;
mod scopes;
pub(crate) mod serve;
mod server;
pub(crate) mod stage;
pub(crate) mod token;
pub(crate) mod trust;
pub(crate) mod user;
pub(crate) mod verify;
