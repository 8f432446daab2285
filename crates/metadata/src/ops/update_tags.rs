//! Creating and moving tags, one or many at once.

use std::collections::{HashMap, HashSet};

use consign_types::resource::{PackageRef, ProjectRef, TagRef, VersionRef};
use consign_types::text::{Description, Etag, RequestId};
use consign_types::{ContentDigest, Timestamp, VersionName};

use serde::{Deserialize, Serialize};

use super::change::{Begun, begin, call};
use super::idempotency::Fingerprint;
use super::tagging::{self, Mover, Moves, Target};
use super::{etag_of, package, version_in};
use crate::connection::Db;
use crate::tables::projects::Project;
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
    /// The tag, of the project of the request.
    pub tag: TagRef,
    /// The version of the same package that it is to point at.
    pub version: VersionRef,
    /// The version of the same package that it must point at now.
    pub expected: Option<VersionRef>,
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    // A creation has its own requests.
    let method = if request.moves.iter().any(|wanted| wanted.existence == Existence::Unwanted) { "CreateTag" } else { "UpdateTags" };
    let call = call(&request.principal, method, &request.project, request.request_id.as_ref(), fingerprint, now);
    let mut change = match begin(db, &request.project, &call)? {
        Begun::Done(answer) => return answer.read(),
        Begun::New(change) => change,
    };
    check_moves(&change.project, &request.moves)?;
    let mut by = Mover::new(db, &change, &request.principal, &request.reason)?;
    let (mut moves, mut contents) = (Moves::default(), Contents::new());
    let mut results = Vec::with_capacity(request.moves.len());
    for wanted in &request.moves {
        let (one, result) = plan(db, &mut by, &mut contents, wanted)?;
        moves.append(one);
        results.push(result);
    }
    let mut moves = moves.numbered(db)?;
    for result in &mut results {
        if let Some(row) = moves.find(result.tag.row.package_id, &result.tag.row.tag) {
            result.tag.row = row.clone();
        }
    }
    if moves.is_empty() {
        let answer = (results, change.counters.sequence - 1);
        change.batch_unchanged(db, &answer).send(db)?;
        return Ok(answer);
    }
    let answer = (results, change.counters.sequence);
    let mut batch = change.batch(db, &answer, Vec::new());
    change.tell(&mut batch, moves.take_news());
    tagging::write(&mut batch, moves);
    batch.send(db)?;
    Ok(answer)
}

fn check_moves(project: &Project, moves: &[MoveTag]) -> Result<()> {
    if moves.is_empty() || moves.len() > MAX_MOVES {
        return Err(Error::ArgumentInvalid { field: "updates", rule: format!("1 to {MAX_MOVES} moves in one request") });
    }
    let mut seen = HashSet::new();
    for MoveTag { tag, version, expected, .. } in moves {
        let invalid = |rule: String| Err(Error::ArgumentInvalid { field: "updates", rule });
        let versions = [Some(version), expected.as_ref()];
        let is_own = |version: &VersionRef| project.is_named(&version.project) && version.package == tag.package.package;
        if !project.is_named(&tag.package.project) {
            return invalid(format!("tag `{tag}` is of another project"));
        }
        if let Some(other) = versions.into_iter().flatten().find(|version| !is_own(version)) {
            return invalid(format!("version `{other}` is not of the package of tag `{tag}`"));
        }
        if !seen.insert((tag.package.package.as_str(), tag.tag.as_str())) {
            return invalid(format!("tag `{}` is named twice", tag.tag));
        }
    }
    Ok(())
}

/// The contents of versions, by their ids, so that each is read once.
type Contents = HashMap<i64, ContentDigest>;

/// One move: what is to be written, and the tag as it will stand.
fn plan(db: &mut Db, by: &mut Mover<'_>, contents: &mut Contents, wanted: &MoveTag) -> Result<(Moves, MovedTag)> {
    let project = ProjectRef::Id(by.change.project.id);
    let name = PackageRef { project: project.clone(), package: wanted.tag.package.package.clone() };
    let package = match (package(db, by.change.project.id, &name), wanted.existence) {
        (Err(Error::PackageNotFound(package)), Existence::Needed) => {
            return Err(Error::TagNotFound(TagRef { package, tag: wanted.tag.tag.clone() }));
        }
        (Err(Error::PackageNotFound(_)), _) => return Err(Error::VersionNotFound(wanted.version.clone())),
        (package, _) => package?,
    };
    let current = tags::find(db, package.id, &wanted.tag.tag)?;
    let tag = TagRef { package: name, tag: wanted.tag.tag.clone() };
    check_current(wanted, &tag, current.as_ref())?;
    let name = VersionRef { project, package: package.name.clone(), version: wanted.version.version.clone() };
    let version = version_in(db, &package, &name)?;
    if !version.state.is_taggable() {
        return Err(Error::VersionStateConflict { version: name, state: version.state });
    }
    let content = match contents.get(&version.id) {
        Some(content) => *content,
        None => *contents.entry(version.id).or_insert(tagging::content(db, &version.row)?),
    };
    if let (Existence::Unwanted, Some(current)) = (wanted.existence, &current)
        && (current.row.version_id, current.row.content_digest) != (version.id, content)
    {
        return Err(Error::NameTaken(tag.to_string()));
    }
    let target = Target { package: &package.name, version: &version.row, content };
    let moves = by.point(db, &wanted.tag.tag, current.as_ref(), &target)?;
    let row = match (moves.find(package.id, &wanted.tag.tag), &current) {
        (Some(row), _) => row.clone(),
        (None, Some(current)) => current.row.clone(),
        (None, None) => unreachable!("a tag that is not there is created"),
    };
    let mut result = MovedTag {
        tag: PlacedTag { row, package: package.name.clone(), version: version.row.version.clone(), immutable: false },
        previous: current.map(|current| current.version),
    };
    by.mark(&mut result.tag);
    Ok((moves, result))
}

fn check_current(wanted: &MoveTag, tag: &TagRef, current: Option<&PlacedTag>) -> Result<()> {
    let Some(current) = current else {
        return match (wanted.existence, &wanted.expected, &wanted.etag) {
            (Existence::Needed, ..) => Err(Error::TagNotFound(tag.clone())),
            (_, Some(expected), _) => Err(Error::TagMoved { tag: tag.clone(), expected: expected.version.clone(), actual: None }),
            (_, _, Some(_)) => Err(Error::EtagMismatch(tag.to_string())),
            _ => Ok(()),
        };
    };
    if let Some(expected) = wanted.expected.as_ref().map(|expected| &expected.version).filter(|expected| **expected != current.version) {
        return Err(Error::TagMoved { tag: tag.clone(), expected: expected.clone(), actual: Some(current.version.clone()) });
    }
    etag_of(wanted.etag.as_ref(), &current.etag(), tag)
}
