//! Packages, versions and files.

use diesel::table;

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
