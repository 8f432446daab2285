//! Users, what they may do, and tokens.

use diesel::table;

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
    use diesel::sql_types::Binary;
    use crate::columns::Instant;

    used_id_tokens (digest) {
        digest -> Binary,
        expires_at -> Instant,
    }
}
