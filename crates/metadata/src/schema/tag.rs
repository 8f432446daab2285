//! Tags, where they pointed, and the rules for them.

use diesel::table;

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
