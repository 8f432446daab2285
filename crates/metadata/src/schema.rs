//! The tables, as both databases have them. The migrations make them; a test reads every column on both.

mod access;
mod attestation;
mod blob;
mod event;
mod joins;
mod package;
mod project;
mod promotion;
mod tag;

use diesel::table;

pub(crate) use access::{members, replaced_secrets, tokens, trust_rules, used_id_tokens, users};
pub(crate) use attestation::{attestation_bundles, attestations, trusted_keys};
pub(crate) use blob::{blobs, leases, loose_blobs, tombstones};
pub(crate) use event::{audit_entries, event_floors, events};
pub(crate) use package::{files, package_labels, packages, protection_rules, releases, version_labels, versions};
pub(crate) use project::{cleanups, counters, namespaces, projects, settings};
pub(crate) use promotion::{deployments, placements, promotion_items, promotions, stage_policies, stages};
pub(crate) use tag::{tag_moves, tag_rules, tags};

table! {
    use diesel::sql_types::{Binary, Text};
    use crate::columns::Instant;

    idempotency_records (principal, method, request_id) {
        principal -> Text,
        method -> Text,
        request_id -> Text,
        fingerprint -> Binary,
        answer -> Binary,
        created_at -> Instant,
    }
}

table! {
    use diesel::sql_types::Text;
    use crate::columns::Instant;

    signing_keys (public_key) {
        public_key -> Text,
        created_at -> Instant,
    }
}

#[cfg(test)]
mod tests;
