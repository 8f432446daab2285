//! Stored bytes, and what keeps them.

use diesel::table;

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
