//! The query by which it is found out what a promotion meets, and its rows.

use consign_types::order::SortKey;
use consign_types::resource::ProjectRef;
use consign_types::text::Description;
use consign_types::version::VersionState;
use consign_types::{ContentDigest, Digest, PackageName, Slug, Timestamp, VersionName};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Bool, Integer, Nullable, Text};
use serde::Serialize;

use crate::columns::Instant;
use crate::connection::Db;
use crate::ids;
use crate::tables::counters::Counters;
use crate::tables::projects::Project;

#[derive(QueryableByName)]
pub(super) struct Row {
    #[diesel(embed)]
    pub(super) project: Project,
    #[diesel(embed)]
    pub(super) counters: Counters,
    #[diesel(sql_type = Integer)]
    pub(super) position: i32,
    #[diesel(sql_type = Bool)]
    pub(super) is_claimed: bool,
    #[diesel(embed)]
    pub(super) stage: StageColumns,
    #[diesel(embed)]
    pub(super) version: VersionColumns,
    #[diesel(embed)]
    pub(super) placed: PlacedColumns,
}

#[derive(QueryableByName)]
pub(super) struct StageColumns {
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(super) stage_id: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) policy: Option<String>,
    #[diesel(sql_type = Nullable<Bool>)]
    pub(super) is_exclusive: Option<bool>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) hold_reason: Option<Description>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) hold_actor: Option<Slug>,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(super) stage_promotion: Option<i64>,
    #[diesel(sql_type = Bool)]
    pub(super) has_pending: bool,
    #[diesel(sql_type = Nullable<Binary>)]
    pub(super) last_hash: Option<Digest>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) promotion_ids: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) placement_ids: Option<String>,
}

#[derive(QueryableByName)]
pub(super) struct VersionColumns {
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(super) version_id: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(super) package_id: Option<i64>,
    #[diesel(sql_type = Text)]
    pub(super) wanted_package: PackageName,
    #[diesel(sql_type = Text)]
    pub(super) wanted_version: VersionName,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) state: Option<VersionState>,
    #[diesel(sql_type = Nullable<Binary>)]
    pub(super) content_digest: Option<ContentDigest>,
    #[diesel(sql_type = Nullable<Binary>)]
    pub(super) sort_key: Option<SortKey>,
    #[diesel(sql_type = Nullable<Instant>)]
    pub(super) since: Option<Timestamp>,
}

#[derive(QueryableByName)]
pub(super) struct PlacedColumns {
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(super) placement_id: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) placed_version: Option<VersionName>,
    #[diesel(sql_type = Nullable<Binary>)]
    pub(super) placed_content: Option<ContentDigest>,
    #[diesel(sql_type = Nullable<Binary>)]
    pub(super) placed_key: Option<SortKey>,
}

/// The query. What belongs to the stage and is large stands in the first row alone. The versions come as one JSON document, so that the text
/// is the same for any number of them: it stays prepared.
const TEXT: &str = "select p.*, c.project_id, c.sequence as last_sequence, c.file_count, c.logical_bytes, c.stored_bytes, c.reserved_bytes, \
    c.audit_number, c.audit_hash, w.position, w.package as wanted_package, w.version as wanted_version, \
    exists (select 1 from idempotency_records r where r.principal = {principal} and r.method = {method} and r.request_id = {request}) \
    as is_claimed, \
    s.id as stage_id, case when w.position = 0 then s.policy end as policy, s.is_exclusive, s.hold_reason, s.hold_actor, \
    s.promotion_id as stage_promotion, \
    exists (select 1 from promotions q where q.stage_id = s.id and q.state = 'pending') as has_pending, \
    case when w.position = 0 then (select q.record_hash from promotions q where q.project_id = c.project_id and q.sequence > 0 \
    order by q.sequence desc limit 1) end as last_hash, \
    case when w.position = 0 then {promotion_ids} end as promotion_ids, case when w.position = 0 then {placement_ids} end as placement_ids, \
    v.id as version_id, k.id as package_id, v.state, v.content_digest, v.sort_key, coalesce(v.published_at, v.created_at) as since, \
    t.id as placement_id, t.version as placed_version, t.content_digest as placed_content, \
    u.sort_key as placed_key \
    from projects p join counters c on c.project_id = p.id cross join {wanted} w \
    left join stages s on s.project_id = p.id and s.stage = {stage} \
    left join packages k on k.project_id = p.id and k.name = w.package and k.retired = 0 \
    left join versions v on v.package_id = k.id and v.version = w.version and v.retired = 0 \
    left join placements t on t.stage_id = s.id and t.package_id = k.id and t.ended_at is null \
    left join versions u on u.id = t.version_id \
    where p.deleted_at is null and {named} order by w.position";

const POSTGRES_WANTED: &str = "(select j.position, j.package collate \"C\" as package, j.version collate \"C\" as version \
    from json_to_recordset($1::json) as j(position integer, package text, version text))";

const SQLITE_WANTED: &str = "(select cast(json_extract(value, '$.position') as integer) as position, \
    json_extract(value, '$.package') as package, json_extract(value, '$.version') as version from json_each(?1))";

#[derive(Serialize)]
pub(super) struct Wanted<'a> {
    pub(super) position: usize,
    pub(super) package: &'a PackageName,
    pub(super) version: &'a VersionName,
}

/// The query, as a database has it.
pub(super) fn text(db: &Db, project: &ProjectRef) -> String {
    let (mark, wanted) = match db {
        Db::Postgres(_) => ("$", POSTGRES_WANTED),
        Db::Sqlite(_) => ("?", SQLITE_WANTED),
    };
    let named = match project {
        ProjectRef::Id(_) => format!("p.id = {mark}6"),
        ProjectRef::Path(_) => format!("p.path = {mark}7"),
    };
    let parts = [
        ("{wanted}", wanted.to_owned()),
        ("{stage}", format!("{mark}2")),
        ("{principal}", format!("{mark}3")),
        ("{method}", format!("{mark}4")),
        ("{request}", format!("{mark}5")),
        ("{named}", named),
        ("{promotion_ids}", ids::drawing(db, "promotions", "1")),
        ("{placement_ids}", ids::drawing(db, "placements", &format!("{mark}8"))),
    ];
    parts.iter().fold(TEXT.to_owned(), |text, (part, filled)| text.replace(part, filled))
}
