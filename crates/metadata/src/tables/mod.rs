//! The statements: one function each, a file a table.

pub(crate) mod blobs;
pub(crate) mod files;
pub(crate) mod idempotency_records;
pub(crate) mod leases;
pub(crate) mod namespaces;
pub(crate) mod packages;
pub(crate) mod projects;
pub(crate) mod tokens;
pub(crate) mod tombstones;
pub(crate) mod versions;

/// How many values one statement carries at most: SQLite takes 32,766 and PostgreSQL 65,535.
pub(crate) const BATCH: usize = 1000;
