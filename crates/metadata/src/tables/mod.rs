//! The statements: one function each, a file a table.

pub(crate) mod attestations;
pub(crate) mod audit_entries;
pub(crate) mod blobs;
pub(crate) mod candidates;
pub(crate) mod cleanups;
pub(crate) mod counters;
pub(crate) mod deployments;
pub(crate) mod events;
pub(crate) mod file_row;
pub(crate) mod files;
pub(crate) mod idempotency_records;
pub(crate) mod labels;
pub(crate) mod leases;
pub(crate) mod located_files;
pub(crate) mod loose_blobs;
pub(crate) mod members;
pub(crate) mod namespaces;
pub(crate) mod packages;
pub(crate) mod placements;
pub(crate) mod projects;
pub(crate) mod promotion_row;
pub(crate) mod promotions;
pub(crate) mod protection_rules;
pub(crate) mod releases;
pub(crate) mod replaced_secrets;
pub(crate) mod reservations;
pub(crate) mod running;
pub(crate) mod settings;
pub(crate) mod signing_keys;
pub(crate) mod stages;
pub(crate) mod sums;
pub(crate) mod tag_moves;
pub(crate) mod tag_rules;
pub(crate) mod tags;
pub(crate) mod token_lists;
pub(crate) mod token_row;
pub(crate) mod tokens;
pub(crate) mod tombstones;
pub(crate) mod trust_rules;
pub(crate) mod trusted_keys;
pub(crate) mod used_id_tokens;
pub(crate) mod users;
pub(crate) mod version_row;
pub(crate) mod versions;

/// How many values one statement carries at most: SQLite takes 32,766 and PostgreSQL 65,535.
pub(crate) const BATCH: usize = 1000;
