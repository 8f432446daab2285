//! Attestations, and the keys by which they are judged.

use diesel::table;

table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::columns::Instant;

    trusted_keys (id) {
        id -> BigInt,
        project_id -> BigInt,
        key -> Text,
        public_key_pem -> Nullable<Text>,
        issuer -> Nullable<Text>,
        subject_glob -> Nullable<Text>,
        root_certificates_pem -> Nullable<Text>,
        predicate_types -> Text,
        expires_at -> Nullable<Instant>,
        description -> Text,
        revision -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary, Text};
    use crate::columns::Instant;

    attestations (id) {
        id -> BigInt,
        project_id -> BigInt,
        subject_kind -> Text,
        subject -> Binary,
        format -> Text,
        predicate_type -> Text,
        claimed_signers -> Text,
        blob_digest -> Binary,
        size_bytes -> BigInt,
        checks -> Text,
        creator -> Text,
        sequence -> BigInt,
        created_at -> Instant,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary};

    attestation_bundles (attestation_id) {
        attestation_id -> BigInt,
        bundle -> Binary,
    }
}
