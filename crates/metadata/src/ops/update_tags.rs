//! Creating and moving tags, one or many at once.

use std::collections::HashSet;

use consign_types::resource::{PackageRef, ProjectRef, TagRef, VersionRef};
use consign_types::text::{Description, Etag, RequestId};
use consign_types::{Timestamp, VersionName};

use super::change::{Begun, begin, call};
use super::idempotency::Fingerprint;
use super::tagging::{self, Mover, Moves, Target};
use super::{etag_of, package, version_in};
use crate::connection::Db;
use crate::tables::tags::{self, PlacedTag};
use crate::{Error, Metadata, Principal, Result};

/// How many tags one request may move.
const MAX_MOVES: usize = 1000;

/// Tags that are to be moved, all of them or none.
#[derive(Clone, Debug)]
pub struct UpdateTags {
    /// Who moves them.
    pub principal: Principal,
    /// The project that they are in.
    pub project: ProjectRef,
    /// The moves, each of another tag.
    pub moves: Vec<MoveTag>,
    /// Why, for the history.
    pub reason: Description,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

/// A tag that is to be moved.
#[derive(Clone, Debug)]
pub struct MoveTag {
    /// The tag. Its project is the one of the request.
    pub tag: TagRef,
    /// The version of the same package that it is to point at.
    pub version: VersionName,
    /// The version that it must point at now.
    pub expected: Option<VersionName>,
    /// Its etag as last read.
    pub etag: Option<Etag>,
    /// What is known of whether it is there.
    pub existence: Existence,
}

/// Whether a tag is there before it is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existence {
    /// It must be.
    Needed,
    /// It is created where it is not.
    Any,
    /// It must not be, unless it points where it is to point.
    Unwanted,
}

/// What a move has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovedTag {
    /// The tag as it is now.
    pub tag: PlacedTag,
    /// The version that it pointed at before.
    pub previous: Option<VersionName>,
}

impl Metadata {
    /// Moves tags, and answers in their order, with the number of the change. `TagNotFound`, `VersionNotFound`,
    /// `VersionStateConflict`, `TagMoved`, `EtagMismatch`, `NameTaken`, and what the rules refuse.
    pub async fn update_tags(&self, request: UpdateTags) -> Result<(Vec<MovedTag>, i64)> {
        let now = self.now();
        self.pool.write(move |db| update(db, &request, now)).await
    }
}

fn update(db: &mut Db, request: &UpdateTags, now: Timestamp) -> Result<(Vec<MovedTag>, i64)> {
    let fingerprint = Fingerprint::new().shown(&(&request.project, &request.moves, &request.reason)).finish();
    let call = call(&request.principal.name, "UpdateTags", request.request_id.as_ref(), fingerprint, now);
    let mut change = match begin(db, &request.project, &call)? {
        Begun::Done(shown) => return replay(db, &shown),
        Begun::New(change) => change,
    };
    check_moves(&request.moves)?;
    let by = Mover::new(db, &change, &request.principal, &request.reason)?;
    let mut moves = Moves::default();
    let mut results = Vec::with_capacity(request.moves.len());
    for wanted in &request.moves {
        let (one, result) = plan(db, &by, wanted)?;
        moves.append(one);
        results.push(result);
    }
    let moves = moves.numbered(db)?;
    for (result, _) in &mut results {
        if let Some(row) = moves.find(result.tag.row.package_id, &result.tag.row.tag) {
            result.tag.row = row.clone();
        }
    }
    // What replays show: the number, and for each tag its id and the version before.
    let ids = results.iter().flat_map(|(result, before)| [result.tag.row.id, *before]);
    let batch = if moves.is_empty() {
        let shown: Vec<i64> = std::iter::once(change.counters.sequence - 1).chain(ids).collect();
        change.batch_unchanged(db, shown)
    } else {
        let shown: Vec<i64> = std::iter::once(change.counters.sequence).chain(ids).collect();
        let mut batch = change.batch(db, shown, Vec::new());
        tagging::write(&mut batch, moves);
        batch
    };
    batch.send(db)?;
    Ok((results.into_iter().map(|(result, _)| result).collect(), change.counters.sequence))
}

fn replay(db: &mut Db, shown: &[i64]) -> Result<(Vec<MovedTag>, i64)> {
    let mut results = Vec::new();
    for pair in shown[1..].chunks_exact(2) {
        let previous = match pair[1] {
            0 => None,
            id => Some(crate::tables::versions::get(db, id)?.row.version),
        };
        // A tag that was deleted since is not shown.
        if let Some(mut tag) = tags::get(db, &pair[..1])?.pop() {
            tagging::mark(db, tag.row.project_id, std::slice::from_mut(&mut tag))?;
            results.push(MovedTag { tag, previous });
        }
    }
    Ok((results, shown[0]))
}

fn check_moves(moves: &[MoveTag]) -> Result<()> {
    if moves.is_empty() || moves.len() > MAX_MOVES {
        return Err(Error::ArgumentInvalid { field: "updates", rule: format!("1 to {MAX_MOVES} moves in one request") });
    }
    let mut seen = HashSet::new();
    match moves.iter().find(|wanted| !seen.insert((wanted.tag.package.package.as_str(), wanted.tag.tag.as_str()))) {
        Some(twice) => Err(Error::ArgumentInvalid { field: "updates", rule: format!("tag `{}` is named twice", twice.tag.tag) }),
        None => Ok(()),
    }
}

/// One move: what is to be written, the tag as it will stand, and the id of the version before, 0 for none.
fn plan(db: &mut Db, by: &Mover<'_>, wanted: &MoveTag) -> Result<(Moves, (MovedTag, i64))> {
    let project = ProjectRef::Id(by.change.project.id);
    let name = PackageRef { project: project.clone(), package: wanted.tag.package.package.clone() };
    let package = package(db, by.change.project.id, &name)?;
    let current = tags::find(db, package.id, &wanted.tag.tag)?;
    let tag = TagRef { package: name, tag: wanted.tag.tag.clone() };
    check_current(wanted, &tag, current.as_ref())?;
    let name = VersionRef { project, package: package.name.clone(), version: wanted.version.clone() };
    let version = version_in(db, &package, &name)?;
    if !version.state.is_taggable() {
        return Err(Error::VersionStateConflict { version: name, state: version.state });
    }
    let content = tagging::content(db, &version.row)?;
    if let (Existence::Unwanted, Some(current)) = (wanted.existence, &current)
        && (current.row.version_id, current.row.content_digest) != (version.id, content)
    {
        return Err(Error::NameTaken(tag.to_string()));
    }
    let target = Target { package: &package.name, version: &version.row, content };
    let moves = by.point(&wanted.tag.tag, current.as_ref(), &target)?;
    let row = match (moves.find(package.id, &wanted.tag.tag), &current) {
        (Some(row), _) => row.clone(),
        (None, Some(current)) => current.row.clone(),
        (None, None) => unreachable!("a tag that is not there is created"),
    };
    let before = current.as_ref().map_or(0, |current| current.row.version_id);
    let mut result = MovedTag {
        tag: PlacedTag { row, package: package.name.clone(), version: version.row.version.clone(), immutable: false },
        previous: current.map(|current| current.version),
    };
    by.mark(&mut result.tag);
    Ok((moves, (result, before)))
}

fn check_current(wanted: &MoveTag, tag: &TagRef, current: Option<&PlacedTag>) -> Result<()> {
    let Some(current) = current else {
        return match (wanted.existence, &wanted.expected, &wanted.etag) {
            (Existence::Needed, ..) => Err(Error::TagNotFound(tag.clone())),
            (_, Some(expected), _) => Err(Error::TagMoved { tag: tag.clone(), expected: expected.clone(), actual: None }),
            (_, _, Some(_)) => Err(Error::EtagMismatch(tag.to_string())),
            _ => Ok(()),
        };
    };
    if let Some(expected) = wanted.expected.as_ref().filter(|expected| **expected != current.version) {
        return Err(Error::TagMoved { tag: tag.clone(), expected: expected.clone(), actual: Some(current.version.clone()) });
    }
    etag_of(wanted.etag.as_ref(), &current.etag(), tag)
}
