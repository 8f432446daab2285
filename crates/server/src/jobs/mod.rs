//! What is done in the background, one job a file. Every job ends when the service does.

pub(crate) mod certificates;
pub(crate) mod clean_up;
pub(crate) mod collect;
pub(crate) mod downloads;
pub(crate) mod expire;
pub(crate) mod health;
pub(crate) mod promote;
pub(crate) mod scrub;
pub(crate) mod stored;
pub(crate) mod throttle;
pub(crate) mod trash;
pub(crate) mod uploads;
