//! Pointing a tag at what it pointed at before.

use consign_types::Timestamp;
use consign_types::resource::{TagRef, VersionRef};
use consign_types::text::{Description, Etag, RequestId};

use super::change::{Begun, begin, call};
use super::idempotency::Fingerprint;
use super::tagging::{self, Mover, Target};
use super::update_tags::MovedTag;
use super::{etag_of, version_in};
use crate::connection::Db;
use crate::tables::tags::{self, PlacedTag};
use crate::tables::{packages, tag_moves};
use crate::{Error, Metadata, Principal, Result};

/// A tag to be restored.
#[derive(Clone, Debug)]
pub struct RestoreTag {
    /// Who restores it.
    pub principal: Principal,
    /// The tag, which need not be there any more.
    pub name: TagRef,
    /// The change number to go back to.
    pub sequence: i64,
    /// Its etag as last read.
    pub etag: Option<Etag>,
    /// Why, for the history.
    pub reason: Description,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Points a tag at the content that it pointed at as of a change number: judged as a move. `TagNotFound` if it pointed at nothing
    /// then; `VersionNotFound` if that version is gone; `ContentUnexpected` if that version has other content now.
    pub async fn restore_tag(&self, request: RestoreTag) -> Result<(MovedTag, i64)> {
        let now = self.now();
        self.pool.write(move |db| restore(db, &request, now)).await
    }
}

fn restore(db: &mut Db, request: &RestoreTag, now: Timestamp) -> Result<(MovedTag, i64)> {
    let fingerprint = Fingerprint::new().shown(&(&request.name, request.sequence, &request.etag, &request.reason)).finish();
    let call = call(&request.principal, "RestoreTag", &request.name, request.request_id.as_ref(), fingerprint, now);
    let not_found = || Error::TagNotFound(request.name.clone());
    let mut change = match begin(db, &request.name.package.project, &call)? {
        Begun::Done(answer) => return answer.read(),
        Begun::New(change) => change,
    };
    let package = packages::find(db, change.project.id, &request.name.package.package)?.ok_or_else(not_found)?;
    let then = tag_moves::find_as_of(db, package.id, &request.name.tag, request.sequence)?.ok_or_else(not_found)?;
    let (Some(version), Some(content)) = (then.version, then.content_digest) else {
        return Err(not_found());
    };
    let current = tags::find(db, package.id, &request.name.tag)?;
    etag_of(request.etag.as_ref(), &current.as_ref().map(PlacedTag::etag).unwrap_or_default(), &request.name)?;
    let name = VersionRef { project: request.name.package.project.clone(), package: package.name.clone(), version };
    let version = version_in(db, &package, &name)?;
    if !version.state.is_taggable() {
        return Err(Error::VersionStateConflict { version: name, state: version.state });
    }
    let actual = tagging::content(db, &version.row)?;
    if actual != content {
        return Err(Error::ContentUnexpected { expected: content, actual });
    }
    let mut by = Mover::new(db, &change, &request.principal, &request.reason)?;
    let target = Target { package: &package.name, version: &version.row, content };
    let mut moves = by.point(db, &request.name.tag, current.as_ref(), &target)?.numbered(db)?;
    let row = moves.find(package.id, &request.name.tag).or(current.as_ref().map(|current| &current.row)).cloned().ok_or_else(not_found)?;
    let mut tag = PlacedTag { row, package: package.name.clone(), version: version.row.version.clone(), immutable: false };
    by.mark(&mut tag);
    let restored = MovedTag { tag, previous: current.map(|current| current.version) };
    if moves.is_empty() {
        let answer = (restored, change.counters.sequence - 1);
        change.batch_unchanged(db, &answer).send(db)?;
        return Ok(answer);
    }
    let answer = (restored, change.counters.sequence);
    let mut batch = change.batch(db, &answer, Vec::new());
    change.tell(&mut batch, moves.take_news());
    tagging::write(&mut batch, moves);
    batch.send(db)?;
    Ok(answer)
}
