//! Whether both databases have these tables.

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
            cleanups,
            packages,
            package_labels,
            versions,
            version_labels,
            blobs,
            audit_entries,
            tombstones,
            files,
            leases,
            tags,
            tag_moves,
            tag_rules,
            idempotency_records,
            tokens,
            replaced_secrets,
            users,
            members,
            protection_rules,
            trust_rules,
            used_id_tokens,
            signing_keys,
            releases,
            stages,
            stage_policies,
            promotions,
            promotion_items,
            placements,
            deployments,
            trusted_keys,
            attestations,
            attestation_bundles,
            events,
            event_floors
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
