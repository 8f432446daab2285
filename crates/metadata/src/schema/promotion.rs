//! Stages, promotions and what they placed.

use diesel::table;

table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Integer, Nullable, Text};
    use crate::columns::Instant;

    stages (id) {
        id -> BigInt,
        project_id -> BigInt,
        stage -> Text,
        display_name -> Text,
        description -> Text,
        rank -> Integer,
        policy -> Text,
        policy_digest -> Binary,
        is_exclusive -> Bool,
        hold_reason -> Nullable<Text>,
        hold_actor -> Nullable<Text>,
        promotion_id -> Nullable<BigInt>,
        revision -> BigInt,
        created_at -> Instant,
        updated_at -> Instant,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary, Text};
    use crate::columns::Instant;

    stage_policies (project_id, digest) {
        project_id -> BigInt,
        digest -> Binary,
        document -> Text,
        created_at -> Instant,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary, Nullable, Text};
    use crate::columns::Instant;

    promotions (id) {
        id -> BigInt,
        project_id -> BigInt,
        stage_id -> BigInt,
        stage -> Text,
        state -> Text,
        justification -> Text,
        creator -> Text,
        waivers -> Text,
        verdicts -> Text,
        reviews -> Text,
        reports -> Text,
        policy_digest -> Binary,
        rollback_target -> Nullable<BigInt>,
        rolled_back_by -> Nullable<BigInt>,
        previous_record_hash -> Nullable<Binary>,
        record_hash -> Nullable<Binary>,
        statement -> Nullable<Text>,
        sequence -> BigInt,
        revision -> BigInt,
        judge_at -> Nullable<Instant>,
        created_at -> Instant,
        effective_at -> Nullable<Instant>,
        closed_at -> Nullable<Instant>,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary, Integer, Nullable, Text};
    use crate::columns::Instant;

    promotion_items (promotion_id, position) {
        promotion_id -> BigInt,
        position -> Integer,
        package_id -> BigInt,
        version_id -> BigInt,
        package -> Text,
        version -> Text,
        content_digest -> Binary,
        content_sequence -> BigInt,
        replaced_version -> Nullable<Text>,
        published_at -> Nullable<Instant>,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};
    use crate::columns::Instant;

    placements (id) {
        id -> BigInt,
        project_id -> BigInt,
        stage_id -> BigInt,
        stage -> Text,
        package_id -> BigInt,
        version_id -> BigInt,
        package -> Text,
        version -> Text,
        content_digest -> Binary,
        content_sequence -> BigInt,
        promotion_id -> BigInt,
        start_sequence -> BigInt,
        started_at -> Instant,
        end_sequence -> Nullable<BigInt>,
        ended_at -> Nullable<Instant>,
        is_undone -> Bool,
        observed_at -> Nullable<Instant>,
    }
}

table! {
    use diesel::sql_types::{BigInt, Binary, Text};
    use crate::columns::Instant;

    deployments (id) {
        id -> BigInt,
        project_id -> BigInt,
        stage_id -> BigInt,
        runtime -> Text,
        digests -> Binary,
        actor -> Text,
        reported_at -> Instant,
        expires_at -> Instant,
    }
}
