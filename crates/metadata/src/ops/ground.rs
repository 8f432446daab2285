//! What a promotion meets: the project, the stage, the versions that are to be placed and those that are there, read in one trip.

use std::collections::HashMap;

use consign_types::order::SortKey;
use consign_types::promotion::{Policy, StageName};
use consign_types::resource::{ProjectRef, StageRef};
use consign_types::text::Description;
use consign_types::version::VersionState;
use consign_types::{ContentDigest, Digest, PackageName, Slug, Timestamp, VersionName};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Binary, Bool, Integer, Nullable, Text};
use serde::Serialize;

use crate::columns::Instant;
use crate::connection::{Db, each};
use crate::error::{Error, Result};
use crate::ids;
use crate::promotion_error::PromotionError;
use crate::tables::counters::Counters;
use crate::tables::files;
use crate::tables::idempotency_records::Key;
use crate::tables::placements::Placement;
use crate::tables::projects::Project;
use crate::tables::stages::Hold;

/// What to look for.
pub(super) struct Look<'a> {
    pub(super) project: &'a ProjectRef,
    pub(super) stage: &'a StageName,
    /// The versions, one of each package.
    pub(super) versions: Vec<(&'a PackageName, &'a VersionName)>,
    /// The request that may have been done before.
    pub(super) request: Option<Key<'a>>,
}

/// What is there.
pub(super) struct Ground {
    pub(super) project: Project,
    pub(super) counters: Counters,
    /// Whether the request id is claimed.
    pub(super) is_claimed: bool,
    pub(super) stage: StageHead,
    /// Whether promotions to the stage are pending.
    pub(super) has_pending: bool,
    /// The hash of the last record of the project.
    pub(super) last_hash: Option<Digest>,
    /// The versions, in the order in which they were asked for; `None` for one that is not there.
    pub(super) candidates: Vec<Option<Candidate>>,
    /// Ids for a promotion, and for as many placements as there are versions.
    pub(super) promotion_id: i64,
    pub(super) placement_ids: Vec<i64>,
}

/// What is to be known of a stage to promote to it.
pub(super) struct StageHead {
    pub(super) id: i64,
    pub(super) stage: StageName,
    pub(super) policy: Policy,
    pub(super) is_exclusive: bool,
    pub(super) hold: Option<Hold>,
    /// The promotion that was applied last.
    pub(super) promotion: Option<i64>,
}

/// A version that may be placed.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) package_id: i64,
    pub(super) version_id: i64,
    pub(super) package: PackageName,
    pub(super) version: VersionName,
    pub(super) state: VersionState,
    /// Known of a sealed version, and of any once [`contents`] was asked.
    pub(super) content: Option<ContentDigest>,
    pub(super) sort_key: SortKey,
    pub(super) published_at: Timestamp,
    /// What stands in its place.
    pub(super) current: Option<Current>,
}

/// What stands in the place of a version.
#[derive(Clone, Debug)]
pub(super) struct Current {
    pub(super) placement: i64,
    pub(super) version: VersionName,
    pub(super) content: ContentDigest,
    /// `None` where the version is gone.
    pub(super) sort_key: Option<SortKey>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(embed)]
    project: Project,
    #[diesel(embed)]
    counters: Counters,
    #[diesel(sql_type = Integer)]
    position: i32,
    #[diesel(sql_type = Bool)]
    is_claimed: bool,
    #[diesel(embed)]
    stage: StageColumns,
    #[diesel(embed)]
    version: VersionColumns,
    #[diesel(embed)]
    placed: PlacedColumns,
}

#[derive(QueryableByName)]
struct StageColumns {
    #[diesel(sql_type = Nullable<BigInt>)]
    stage_id: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    policy: Option<String>,
    #[diesel(sql_type = Nullable<Bool>)]
    is_exclusive: Option<bool>,
    #[diesel(sql_type = Nullable<Text>)]
    hold_reason: Option<Description>,
    #[diesel(sql_type = Nullable<Text>)]
    hold_actor: Option<Slug>,
    #[diesel(sql_type = Nullable<BigInt>)]
    stage_promotion: Option<i64>,
    #[diesel(sql_type = Bool)]
    has_pending: bool,
    #[diesel(sql_type = Nullable<Binary>)]
    last_hash: Option<Digest>,
    #[diesel(sql_type = Nullable<Text>)]
    promotion_ids: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    placement_ids: Option<String>,
}

#[derive(QueryableByName)]
struct VersionColumns {
    #[diesel(sql_type = Nullable<BigInt>)]
    version_id: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    package_id: Option<i64>,
    #[diesel(sql_type = Text)]
    wanted_package: PackageName,
    #[diesel(sql_type = Text)]
    wanted_version: VersionName,
    #[diesel(sql_type = Nullable<Text>)]
    state: Option<VersionState>,
    #[diesel(sql_type = Nullable<Binary>)]
    content_digest: Option<ContentDigest>,
    #[diesel(sql_type = Nullable<Binary>)]
    sort_key: Option<SortKey>,
    #[diesel(sql_type = Nullable<Instant>)]
    since: Option<Timestamp>,
}

#[derive(QueryableByName)]
struct PlacedColumns {
    #[diesel(sql_type = Nullable<BigInt>)]
    placement_id: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    placed_version: Option<VersionName>,
    #[diesel(sql_type = Nullable<Binary>)]
    placed_content: Option<ContentDigest>,
    #[diesel(sql_type = Nullable<Binary>)]
    placed_key: Option<SortKey>,
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
struct Wanted<'a> {
    position: usize,
    package: &'a PackageName,
    version: &'a VersionName,
}

fn text(db: &Db, project: &ProjectRef) -> String {
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

/// Reads what is there. `ProjectNotFound`, `StageNotFound`.
pub(super) fn read(db: &mut Db, look: &Look<'_>) -> Result<Ground> {
    let wanted = look.versions.iter().enumerate().map(|(position, (package, version))| Wanted { position, package, version });
    let wanted = serde_json::to_string(&wanted.collect::<Vec<_>>()).expect("its keys are texts");
    let (id, path) = match look.project {
        ProjectRef::Id(id) => (Some(*id), None),
        ProjectRef::Path(path) => (None, Some(path.as_str())),
    };
    let count = i64::try_from(look.versions.len()).unwrap_or(i64::MAX);
    let text = text(db, look.project);
    let rows: Vec<Row> = each!(&mut *db, connection => sql_query(text)
        .bind::<Text, _>(wanted)
        .bind::<Text, _>(look.stage)
        .bind::<Nullable<Text>, _>(look.request.map(|key| key.principal))
        .bind::<Nullable<Text>, _>(look.request.map(|key| key.method))
        .bind::<Nullable<Text>, _>(look.request.map(|key| key.request_id))
        .bind::<Nullable<BigInt>, _>(id)
        .bind::<Nullable<Text>, _>(path)
        .bind::<BigInt, _>(count)
        .load(connection))?;
    of_rows(db, rows, look)
}

fn of_rows(db: &Db, rows: Vec<Row>, look: &Look<'_>) -> Result<Ground> {
    let mut rows = rows.into_iter();
    let first = rows.next().ok_or_else(|| Error::ProjectNotFound(look.project.clone()))?;
    let StageColumns { stage_id, policy, is_exclusive, hold_reason, hold_actor, stage_promotion, .. } = first.stage;
    let (Some(id), Some(policy)) = (stage_id, policy) else {
        let stage = StageRef { project: ProjectRef::Id(first.project.id), stage: look.stage.clone() };
        return Err(PromotionError::StageNotFound(stage).into());
    };
    let stage = StageHead {
        id,
        stage: look.stage.clone(),
        policy: serde_json::from_str(&policy).map_err(|_| Error::Row("stages"))?,
        is_exclusive: is_exclusive.unwrap_or_default(),
        hold: hold_reason.zip(hold_actor).map(|(reason, actor)| Hold { reason, actor }),
        promotion: stage_promotion,
    };
    let drawn = |text: Option<String>, count| ids::drawn(db, &text.unwrap_or_default(), count);
    let mut candidates = vec![candidate(first.version, first.placed)];
    candidates.extend(rows.inspect(|row| debug_assert!(row.position > 0)).map(|row| candidate(row.version, row.placed)));
    Ok(Ground {
        project: first.project,
        counters: first.counters,
        is_claimed: first.is_claimed,
        stage,
        has_pending: first.stage.has_pending,
        last_hash: first.stage.last_hash,
        promotion_id: drawn(first.stage.promotion_ids, 1)?[0],
        placement_ids: drawn(first.stage.placement_ids, candidates.len())?,
        candidates,
    })
}

fn candidate(version: VersionColumns, placed: PlacedColumns) -> Option<Candidate> {
    let PlacedColumns { placement_id, placed_version, placed_content, placed_key } = placed;
    let current = match (placement_id, placed_version, placed_content) {
        (Some(placement), Some(version), Some(content)) => Some(Current { placement, version, content, sort_key: placed_key }),
        _ => None,
    };
    Some(Candidate {
        package_id: version.package_id?,
        version_id: version.version_id?,
        package: version.wanted_package,
        version: version.wanted_version,
        state: version.state?,
        content: version.content_digest,
        sort_key: version.sort_key?,
        published_at: version.since?,
        current,
    })
}

/// Finds out what open versions consist of at this moment.
pub(super) fn contents(db: &mut Db, candidates: &mut [Candidate]) -> Result<()> {
    let open: Vec<i64> = candidates.iter().filter(|candidate| candidate.content.is_none()).map(|candidate| candidate.version_id).collect();
    if open.is_empty() {
        return Ok(());
    }
    let mut served: HashMap<i64, Vec<_>> = HashMap::new();
    for file in files::list_served_of(db, &open)? {
        served.entry(file.version_id).or_default().push(file);
    }
    for candidate in candidates.iter_mut().filter(|candidate| candidate.content.is_none()) {
        let files = served.remove(&candidate.version_id).unwrap_or_default();
        candidate.content = Some(ContentDigest::of(files.iter().map(|file| (&file.path, &file.digest, file.size_bytes))));
    }
    Ok(())
}

impl Ground {
    /// A promotion that is applied by a change of this number.
    pub(super) fn placer(&self, promotion: i64, sequence: i64, now: Timestamp) -> Placer {
        let StageHead { id, stage, .. } = &self.stage;
        let (project, last_hash) = (self.project.id, self.last_hash);
        Placer { project, stage_id: *id, stage: stage.clone(), promotion, sequence, now, last_hash }
    }

    /// The name of the stage.
    pub(super) fn stage_name(&self) -> StageRef {
        StageRef { project: ProjectRef::Id(self.project.id), stage: self.stage.stage.clone() }
    }
}

impl Candidate {
    /// The placement of this version, with what was pinned of it, and as of which change.
    pub(super) fn placement(&self, id: i64, by: &Placer, (content, as_of): (ContentDigest, i64)) -> Placement {
        Placement {
            id,
            project_id: by.project,
            stage_id: by.stage_id,
            stage: by.stage.clone(),
            package_id: self.package_id,
            version_id: self.version_id,
            package: self.package.clone(),
            version: self.version.clone(),
            content_digest: content,
            content_sequence: as_of,
            promotion_id: by.promotion,
            start_sequence: by.sequence,
            started_at: by.now,
            end_sequence: None,
            ended_at: None,
            is_undone: false,
            observed_at: None,
        }
    }
}

/// Which promotion places versions, where and when.
pub(super) struct Placer {
    pub(super) project: i64,
    pub(super) stage_id: i64,
    pub(super) stage: StageName,
    pub(super) promotion: i64,
    pub(super) sequence: i64,
    pub(super) now: Timestamp,
    /// The hash of the record before it in the project.
    pub(super) last_hash: Option<Digest>,
}
