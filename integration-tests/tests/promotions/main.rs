//! What stages, gates and promotions do, over gRPC and on both databases.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod approvals;
mod deployments;
mod gates;
mod holds;
mod lists;
mod placements;
mod promote;
mod rights;
mod rollback;
mod stages;
