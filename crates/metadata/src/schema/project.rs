//! Namespaces, projects and what is kept for each.

use diesel::table;

table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::columns::Instant;

    namespaces (id) {
        id -> BigInt,
        parent_id -> Nullable<BigInt>,
        path -> Text,
        display_name -> Text,
        created_at -> Instant,
        deleted_at -> Nullable<Instant>,
    }
}

table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::columns::Instant;

    projects (id) {
        id -> BigInt,
        namespace_id -> BigInt,
        path -> Text,
        display_name -> Text,
        description -> Text,
        visibility -> Text,
        sequence -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
        deleted_at -> Nullable<Instant>,
        purge_at -> Nullable<Instant>,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary};

    counters (project_id) {
        project_id -> BigInt,
        sequence -> BigInt,
        file_count -> BigInt,
        logical_bytes -> BigInt,
        stored_bytes -> BigInt,
        reserved_bytes -> BigInt,
        audit_number -> BigInt,
        audit_hash -> Binary,
    }
}

table! {
    use diesel::sql_types::{BigInt, Text};
    use crate::columns::Instant;

    settings (scope) {
        scope -> Text,
        document -> Text,
        revision -> BigInt,
        updated_at -> Instant,
    }
}

table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::columns::Instant;

    cleanups (project_id) {
        project_id -> BigInt,
        next_run_at -> Instant,
        version_id -> BigInt,
        below -> Nullable<Text>,
        actor -> Text,
    }
}
