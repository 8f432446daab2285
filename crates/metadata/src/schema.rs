//! The tables, as both databases have them. The migrations make them; a test reads every column on both.

use diesel::{allow_tables_to_appear_in_same_query, joinable, table};

table! {
    use diesel::sql_types::{BigInt, Text};
    use crate::columns::Instant;

    namespaces (id) {
        id -> BigInt,
        path -> Text,
        display_name -> Text,
        created_at -> Instant,
    }
}

table! {
    use diesel::sql_types::{BigInt, Text};
    use crate::columns::Instant;

    projects (id) {
        id -> BigInt,
        namespace_id -> BigInt,
        path -> Text,
        display_name -> Text,
        description -> Text,
        visibility -> Text,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

table! {
    use diesel::sql_types::{BigInt, Text};
    use crate::columns::Instant;

    packages (id) {
        id -> BigInt,
        project_id -> BigInt,
        name -> Text,
        created_at -> Instant,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};
    use crate::columns::Instant;

    versions (id) {
        id -> BigInt,
        project_id -> BigInt,
        package_id -> BigInt,
        version -> Text,
        retired -> BigInt,
        state -> Text,
        hidden -> Bool,
        content_digest -> Nullable<Binary>,
        sealing_digest -> Nullable<Binary>,
        file_count -> BigInt,
        size_bytes -> BigInt,
        creator -> Text,
        created_at -> Instant,
        updated_at -> Instant,
        published_at -> Nullable<Instant>,
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
    use diesel::sql_types::{BigInt, Binary, Integer, Text};
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
        creator -> Text,
        created_at -> Instant,
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
        created_at -> Instant,
        expires_at -> Instant,
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

joinable!(versions -> packages (package_id));
joinable!(files -> versions (version_id));
joinable!(files -> blobs (digest));
allow_tables_to_appear_in_same_query!(packages, versions, files, blobs);

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
            select_all!(&mut db, namespaces, projects, packages, versions, blobs, tombstones, files, leases, idempotency_records, tokens);
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
