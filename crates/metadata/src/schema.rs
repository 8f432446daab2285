//! The tables, as both databases have them. The migrations make them; a test reads every column on both.

mod attestation;
mod event;
mod joins;
mod promotion;

use diesel::table;

pub(crate) use attestation::{attestation_bundles, attestations, trusted_keys};
pub(crate) use event::{audit_entries, event_floors, events};
pub(crate) use promotion::{deployments, placements, promotion_items, promotions, stage_policies, stages};

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

    cleanups (project_id) {
        project_id -> BigInt,
        next_run_at -> Instant,
        version_id -> BigInt,
        below -> Nullable<Text>,
        actor -> Text,
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

    packages (id) {
        id -> BigInt,
        project_id -> BigInt,
        name -> Text,
        name_key -> Text,
        retired -> BigInt,
        description -> Text,
        labels -> Text,
        version_scheme -> Text,
        version_count -> BigInt,
        file_count -> BigInt,
        size_bytes -> BigInt,
        sequence -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
        deleted_at -> Nullable<Instant>,
        purge_at -> Nullable<Instant>,
    }
}

table! {
    use diesel::sql_types::{BigInt, Text};

    package_labels (package_id, key) {
        package_id -> BigInt,
        key -> Text,
        value -> Text,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Nullable, SmallInt, Text};
    use crate::columns::Instant;

    versions (id) {
        id -> BigInt,
        project_id -> BigInt,
        package_id -> BigInt,
        version -> Text,
        retired -> BigInt,
        state -> Text,
        hidden -> Bool,
        offered -> SmallInt,
        sort_key -> Binary,
        labels -> Text,
        description -> Text,
        content_digest -> Nullable<Binary>,
        sealing_digest -> Nullable<Binary>,
        file_count -> BigInt,
        size_bytes -> BigInt,
        row_count -> BigInt,
        row_bytes -> BigInt,
        yank_reason -> Nullable<Text>,
        yank_actor -> Nullable<Text>,
        quarantine_reason -> Nullable<Text>,
        quarantine_actor -> Nullable<Text>,
        download_count -> BigInt,
        downloaded_at -> Nullable<Instant>,
        sequence -> BigInt,
        creator -> Text,
        created_at -> Instant,
        updated_at -> Instant,
        published_at -> Nullable<Instant>,
        deleted_at -> Nullable<Instant>,
        purge_at -> Nullable<Instant>,
        creator_id -> Nullable<BigInt>,
    }
}

table! {
    use diesel::sql_types::{BigInt, Text};

    version_labels (version_id, key) {
        version_id -> BigInt,
        key -> Text,
        value -> Text,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary};
    use crate::columns::Instant;

    blobs (digest) {
        digest -> Binary,
        generation -> BigInt,
        size_bytes -> BigInt,
        created_at -> Instant,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary};
    use crate::columns::Instant;

    tombstones (digest, generation) {
        digest -> Binary,
        generation -> BigInt,
        created_at -> Instant,
    }
}

table! {
    use diesel::sql_types::Binary;
    use crate::columns::Instant;

    loose_blobs (digest) {
        digest -> Binary,
        since -> Instant,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary, Integer, Nullable, Text};
    use crate::columns::Instant;

    files (id) {
        id -> BigInt,
        project_id -> BigInt,
        version_id -> BigInt,
        path -> Text,
        revision -> Integer,
        digest -> Binary,
        size_bytes -> BigInt,
        media_type -> Text,
        download_count -> BigInt,
        downloaded_at -> Nullable<Instant>,
        sequence -> BigInt,
        creator -> Text,
        created_at -> Instant,
        deleted_at -> Nullable<Instant>,
        purge_at -> Nullable<Instant>,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary, Nullable};
    use crate::columns::Instant;

    leases (id) {
        id -> BigInt,
        project_id -> BigInt,
        digest -> Nullable<Binary>,
        max_bytes -> BigInt,
        reserved_bytes -> BigInt,
        created_at -> Instant,
        expires_at -> Instant,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary, Text};
    use crate::columns::Instant;

    tags (id) {
        id -> BigInt,
        project_id -> BigInt,
        package_id -> BigInt,
        tag -> Text,
        version_id -> BigInt,
        content_digest -> Binary,
        actor -> Text,
        sequence -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary, Nullable, Text};
    use crate::columns::Instant;

    tag_moves (id) {
        id -> BigInt,
        project_id -> BigInt,
        package_id -> BigInt,
        tag -> Text,
        version -> Nullable<Text>,
        content_digest -> Nullable<Binary>,
        actor -> Text,
        reason -> Text,
        sequence -> BigInt,
        moved_at -> Instant,
    }
}

table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::columns::Instant;

    tag_rules (id) {
        id -> BigInt,
        project_id -> BigInt,
        pattern_kind -> Text,
        pattern -> Text,
        package_glob -> Text,
        action -> Text,
        create_role -> Nullable<Text>,
        move_role -> Nullable<Text>,
        delete_role -> Nullable<Text>,
        predicate_types -> Text,
        description -> Text,
        revision -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::columns::Instant;

    protection_rules (id) {
        id -> BigInt,
        project_id -> BigInt,
        package_glob -> Text,
        publish_role -> Nullable<Text>,
        delete_role -> Nullable<Text>,
        revision -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

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
    use diesel::sql_types::{BigInt, Bool, Nullable, Text};
    use crate::columns::Instant;

    users (id) {
        id -> BigInt,
        username -> Text,
        display_name -> Text,
        email -> Nullable<Text>,
        is_admin -> Bool,
        is_disabled -> Bool,
        revision -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::columns::Instant;

    members (id) {
        id -> BigInt,
        user_id -> BigInt,
        project_id -> Nullable<BigInt>,
        namespace_id -> Nullable<BigInt>,
        role -> Text,
        expires_at -> Nullable<Instant>,
        revision -> BigInt,
        created_at -> Instant,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};
    use crate::columns::Instant;

    tokens (id) {
        id -> BigInt,
        kind -> Text,
        project_id -> Nullable<BigInt>,
        namespace_id -> Nullable<BigInt>,
        user_id -> Nullable<BigInt>,
        display_name -> Text,
        role -> Text,
        scopes -> Text,
        package_globs -> Text,
        stage_globs -> Text,
        claims -> Text,
        digest -> Binary,
        old_digest -> Nullable<Binary>,
        old_expires_at -> Nullable<Instant>,
        expires_at -> Nullable<Instant>,
        creator -> Text,
        created_at -> Instant,
        last_used_at -> Nullable<Instant>,
        revoked_at -> Nullable<Instant>,
        revision -> BigInt,
        is_first -> Bool,
        description -> Text,
        username -> Nullable<Text>,
        scope_names -> Text,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary};

    replaced_secrets (digest) {
        digest -> Binary,
        token_id -> BigInt,
    }
}

table! {
    use diesel::sql_types::{BigInt, Text};
    use crate::columns::Instant;

    trust_rules (id) {
        id -> BigInt,
        project_id -> BigInt,
        issuer -> Text,
        audiences -> Text,
        claims -> Text,
        role -> Text,
        scopes -> Text,
        package_globs -> Text,
        stage_globs -> Text,
        maximum_ttl_seconds -> BigInt,
        description -> Text,
        revision -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

table! {
    use diesel::sql_types::{BigInt, Text};
    use crate::columns::Instant;

    releases (id) {
        id -> BigInt,
        project_id -> BigInt,
        tag -> Text,
        display_name -> Text,
        description -> Text,
        links -> Text,
        last_link -> BigInt,
        creator -> Text,
        revision -> BigInt,
        released_at -> Instant,
        created_at -> Instant,
        updated_at -> Instant,
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

table! {
    use diesel::sql_types::Binary;
    use crate::columns::Instant;

    used_id_tokens (digest) {
        digest -> Binary,
        expires_at -> Instant,
    }
}

#[cfg(test)]
mod tests;
