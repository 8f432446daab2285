//! What was done, and what is told of it.

use diesel::table;

table! {
    use diesel::sql_types::{BigInt, Binary, Text};
    use crate::columns::Instant;

    audit_entries (project_id, number) {
        project_id -> BigInt,
        number -> BigInt,
        time -> Instant,
        actor -> Text,
        token_id -> BigInt,
        method -> Text,
        resource -> Text,
        detail -> Text,
        request_id -> Text,
        previous_hash -> Binary,
        hash -> Binary,
    }
}

table! {
    use diesel::sql_types::{BigInt, Integer, Text};
    use crate::columns::Instant;

    events (project_id, sequence, part) {
        position -> BigInt,
        project_id -> BigInt,
        sequence -> BigInt,
        part -> Integer,
        #[sql_name = "type"]
        kind -> Text,
        subject -> Text,
        actor -> Text,
        time -> Instant,
        data -> Text,
        request_id -> Text,
    }
}

table! {
    event_floors (project_id) {
        project_id -> BigInt,
        position -> BigInt,
        of_project -> BigInt,
        sequence -> BigInt,
        part -> Integer,
    }
}
