//! The services, one a file. A method decodes, calls one operation, and encodes.
//!
//! A list decodes its page and encodes the token of the next by [`page::Listing`].

pub(crate) mod attestation;
pub(crate) mod audit;
pub(crate) mod blob;
pub(crate) mod blob_admin;
mod decode;
mod encode;
pub(crate) mod event;
pub(crate) mod file;
mod methods;
pub(crate) mod package;
mod page;
pub(crate) mod project;
pub(crate) mod promotion;
pub(crate) mod release;
pub(crate) mod tag;
pub(crate) mod token;
pub(crate) mod user;
