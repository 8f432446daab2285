//! The tables, as both databases have them. The migrations make them; a test reads every column on both.

use diesel::{allow_tables_to_appear_in_same_query, joinable, table};

table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::columns::Instant;

    namespaces (id) {
        id -> BigInt,
        parent_id -> Nullable<BigInt>,
        path -> Text,
        display_name -> Text,
        created_at -> Instant,
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
    use diesel::sql_types::BigInt;

    counters (project_id) {
        project_id -> BigInt,
        sequence -> BigInt,
        file_count -> BigInt,
        logical_bytes -> BigInt,
        stored_bytes -> BigInt,
        reserved_bytes -> BigInt,
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
    use diesel::sql_types::{Binary, Text};
    use crate::columns::Instant;

    idempotency_records (principal, method, request_id) {
        principal -> Text,
        method -> Text,
        request_id -> Text,
        fingerprint -> Binary,
        rows -> Binary,
        created_at -> Instant,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary, Text};
    use crate::columns::Instant;

    tokens (id) {
        id -> BigInt,
        name -> Text,
        digest -> Binary,
        created_at -> Instant,
    }
}

joinable!(packages -> projects (project_id));
joinable!(counters -> projects (project_id));
joinable!(versions -> packages (package_id));
joinable!(files -> versions (version_id));
joinable!(files -> blobs (digest));
joinable!(tags -> packages (package_id));
joinable!(tags -> versions (version_id));
joinable!(tag_moves -> packages (package_id));
allow_tables_to_appear_in_same_query!(
    blobs,
    counters,
    files,
    leases,
    package_labels,
    packages,
    projects,
    tag_moves,
    tags,
    tombstones,
    version_labels,
    versions
);

#[cfg(test)]
mod tests {
    use diesel::prelude::*;
    use integration_tests::{BOTH, Database};

    use super::*;
    use crate::connection::Db;
    use crate::migrate;
    use crate::target::Target;

    /// Selects every column of these tables, by name.
    macro_rules! select_all {
        ($db:expr, $($table:ident),+) => {$(
            let found = $table::table.select($table::all_columns).limit(0).execute($db);
            assert!(found.is_ok(), "{}: {found:?}", stringify!($table));
        )+};
    }

    #[test]
    fn every_column_is_there_in_both_databases() {
        for engine in BOTH {
            let database = Database::create(engine);
            let mut db = Db::open(&Target::parse(database.url(), false).unwrap(), false).unwrap();
            migrate::run(&mut db).unwrap();
            select_all!(
                &mut db,
                namespaces,
                projects,
                counters,
                settings,
                packages,
                package_labels,
                versions,
                version_labels,
                blobs,
                tombstones,
                files,
                leases,
                tags,
                tag_moves,
                tag_rules,
                idempotency_records,
                tokens
            );
        }
    }

    #[test]
    fn both_databases_have_the_same_migrations_and_each_can_be_undone() {
        let names = |engine: &str| {
            let folder = format!("{}/../../migrations/{engine}", env!("CARGO_MANIFEST_DIR"));
            let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()).collect();
            entries.sort_by_key(std::fs::DirEntry::file_name);
            assert!(entries.iter().all(|entry| entry.path().join("up.sql").exists() && entry.path().join("down.sql").exists()));
            entries.iter().map(std::fs::DirEntry::file_name).collect::<Vec<_>>()
        };
        assert_eq!(names("postgres"), names("sqlite"));
    }
}
