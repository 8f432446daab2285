//! The battery, by what it is about.

pub(crate) mod copies;
pub(crate) mod parts;
pub(crate) mod resume;
pub(crate) mod transfer;
