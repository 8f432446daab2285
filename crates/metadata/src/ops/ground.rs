//! What a promotion meets: the project, the stage, the versions that are to be placed and those that are there, read in one trip.

use std::collections::HashMap;

use consign_types::order::SortKey;
use consign_types::promotion::{Policy, StageName};
use consign_types::resource::{ProjectRef, StageRef};
use consign_types::version::VersionState;
use consign_types::{ContentDigest, Digest, PackageName, Timestamp, VersionName};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::ground_row::{PlacedColumns, Row, StageColumns, VersionColumns, Wanted, text};
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
