//! The services, one a file. A method decodes, calls one operation, and encodes.

pub(crate) mod blob;
mod decode;
mod encode;
pub(crate) mod file;
pub(crate) mod package;
mod page;
pub(crate) mod project;
