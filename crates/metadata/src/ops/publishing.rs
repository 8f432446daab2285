//! A publish under way: what is judged, counted and written.

use std::collections::{BTreeSet, HashMap};

use consign_types::duplicates::{Bytes, Verdict, judge};
use consign_types::event::EventType;
use consign_types::receipt::Receipt;
use consign_types::resource::VersionRef;
use consign_types::settings::{MAX_QUOTA_BYTES, VersionMode};
use consign_types::version::VersionState;
use consign_types::{ContentDigest, Digest, FilePath, TagName};
use serde::Serialize;

use super::change::Change;
use super::copies;
use super::publish_version::{PublishFile, PublishMode, PublishVersion, Published, Shown};
use super::scene::{Ids, Scene};
use super::tagging::{self, Moves, Target};
use super::version_change::Facts;
use crate::batch::Batch;
use crate::connection::Db;
use crate::tables::events::NewEvent;
use crate::tables::file_row::File;
use crate::tables::packages::{self, Package};
use crate::tables::version_row::{Version, VersionRow};
use crate::tables::{files, labels, leases, versions};
use crate::{Error, Result};

/// A publish under way.
pub(super) struct Publishing<'a> {
    request: &'a PublishVersion,
    change: Change<'a>,
    scene: Scene,
    /// Of files that are new.
    ids: Vec<i64>,
    package: Package,
    version: VersionRow,
    in_force: consign_types::settings::InForce,
    ruling: consign_types::duplicates::Ruling,
}

impl<'a> Publishing<'a> {
    pub(super) fn new(request: &'a PublishVersion, change: Change<'a>, (scene, ids): (Scene, Ids), rules: &crate::Rules) -> Result<Self> {
        let (project, now, sequence) = (change.project.id, change.now, change.counters.sequence);
        let VersionRef { package: name, version: version_name, .. } = &request.version;
        if request.mode == PublishMode::AddOnly && scene.version.is_none() {
            return Err(Error::VersionNotFound(request.version.clone()));
        }
        let package = scene.package.clone().unwrap_or_else(|| Package::new(ids.package, project, name, sequence, now));
        let new =
            || VersionRow::new(ids.version, (package.id, package.version_scheme), project, version_name, request.principal.maker(), now);
        let version = scene.version.clone().unwrap_or_else(new);
        let in_force = scene.settings.clone().in_force(&rules.defaults);
        let ruling = rules.policy(&in_force.duplicate_policy)?.ruling(name, version_name);
        let ruling = if request.keep_identical { ruling.keeping_identical() } else { ruling };
        Ok(Self { request, change, scene, ids: ids.files, package, version, in_force, ruling })
    }

    pub(super) fn run(mut self, db: &mut Db) -> Result<Published> {
        if self.version.content_digest.is_some() {
            return self.repeat_sealed(db);
        }
        // Who can't name a mode can't mean to publish somebody's draft.
        let is_draft = self.scene.version.is_some() && self.version.state == VersionState::Draft;
        if !self.version.state.takes_files() || (is_draft && self.request.mode == PublishMode::BySettings) {
            return Err(Error::VersionStateConflict { version: self.request.version.clone(), state: self.version.state });
        }
        let new = self.judge_files()?;
        let added = self.rows(&new);
        self.count(&added)?;
        let content = self.content_after(db, &added)?;
        self.settle(self.seals().then_some(content).flatten())?;
        let moves = self.tag_moves(db, content)?;
        self.finish(db, &added, moves)
    }

    /// The files that are not there yet.
    fn judge_files(&self) -> Result<Vec<&'a PublishFile>> {
        let mut new = Vec::with_capacity(self.request.files.len());
        for file in &self.request.files {
            let Receipt { digest, size, .. } = file.receipt;
            if size > self.in_force.max_file_bytes {
                return Err(Error::FileTooLarge { path: file.path.clone(), size, limit: self.in_force.max_file_bytes });
            }
            let Some(existing) = self.scene.served.get(&file.path) else {
                new.push(file);
                continue;
            };
            let incoming = Bytes { digest: Some(digest), size: Some(size) };
            match judge(self.ruling, (existing.digest, existing.size_bytes), incoming) {
                Verdict::Retry => {}
                Verdict::Add => new.push(file),
                Verdict::Reject | Verdict::Unknown => {
                    return Err(Error::DuplicateFile { path: file.path.clone(), existing: existing.digest });
                }
            }
        }
        Ok(new)
    }

    fn rows(&self, new: &[&PublishFile]) -> Vec<File> {
        let row = |(file, &id): (&&PublishFile, &i64)| File {
            id,
            project_id: self.change.project.id,
            version_id: self.version.id,
            path: file.path.clone(),
            revision: self.scene.revisions.get(&file.path).map_or(1, |revision| revision + 1),
            digest: file.receipt.digest,
            size_bytes: file.receipt.size,
            media_type: file.media_type.clone(),
            download_count: 0,
            downloaded_at: None,
            sequence: self.change.counters.sequence,
            creator: self.request.principal.name.clone(),
            created_at: self.change.now,
            deleted_at: None,
            purge_at: None,
        };
        new.iter().zip(&self.ids).map(row).collect()
    }

    /// The files of the request, in its order, as they will stand.
    fn answered(&self, added: &[File]) -> Vec<File> {
        let added: HashMap<&FilePath, &File> = added.iter().map(|file| (&file.path, file)).collect();
        let file = |file: &PublishFile| added.get(&file.path).copied().or_else(|| self.scene.served.get(&file.path)).cloned();
        self.request.files.iter().filter_map(file).collect()
    }

    /// Counts what the files add, and refuses what is over the quota.
    fn count(&mut self, added: &[File]) -> Result<()> {
        let rows = i64::try_from(added.len()).unwrap_or(i64::MAX);
        let bytes: i64 = added.iter().map(|file| file.size_bytes).sum();
        let replaced = added.iter().filter_map(|file| self.scene.served.get(&file.path)).map(|file| (1, file.size_bytes));
        let (replaced, replaced_bytes) = replaced.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        self.version.file_count += rows - replaced;
        self.version.size_bytes += bytes - replaced_bytes;
        if self.version.file_count == 0 && self.request.mode != PublishMode::AddOnly {
            return Err(Error::ArgumentInvalid { field: "files", rule: "a version has at least one file".to_owned() });
        }
        let counters = &mut self.change.counters;
        counters.reserved_bytes -= self.scene.reserved;
        let limit = self.in_force.quota_bytes.unwrap_or(MAX_QUOTA_BYTES);
        if bytes > 0 && counters.logical_bytes + counters.reserved_bytes + bytes > limit {
            return Err(Error::QuotaExceeded { limit, used: counters.logical_bytes, reserved: counters.reserved_bytes, wanted: bytes });
        }
        counters.file_count += rows;
        counters.logical_bytes += bytes;
        self.package.file_count += rows;
        self.package.size_bytes += bytes;
        self.version.row_count += rows;
        self.version.row_bytes += bytes;
        Ok(())
    }

    /// What the version will consist of, if that must be known.
    fn content_after(&self, db: &mut Db, added: &[File]) -> Result<Option<ContentDigest>> {
        let is_wanted = self.seals() || self.request.expected_content.is_some() || !self.request.tags.is_empty();
        if !is_wanted {
            return Ok(None);
        }
        let mut served: HashMap<FilePath, (Digest, i64)> = HashMap::new();
        if self.scene.version.is_some() {
            let there = files::list_served(db, self.version.id, None, i64::MAX)?;
            served.extend(there.into_iter().map(|file| (file.path, (file.digest, file.size_bytes))));
        }
        served.extend(added.iter().map(|file| (file.path.clone(), (file.digest, file.size_bytes))));
        let content = ContentDigest::of(served.iter().map(|(path, (digest, size))| (path, digest, *size)));
        check_expected(self.request, content)?;
        Ok(Some(content))
    }

    fn seals(&self) -> bool {
        match self.request.mode {
            PublishMode::Seal => true,
            PublishMode::KeepOpen | PublishMode::AddOnly => false,
            PublishMode::BySettings => self.version.published_at.is_none() && self.in_force.default_version_mode == VersionMode::Sealed,
        }
    }

    /// Brings the version and its package in line with the request. With `sealed` it is sealed, with that content.
    fn settle(&mut self, sealed: Option<ContentDigest>) -> Result<()> {
        let (now, sequence) = (self.change.now, self.change.counters.sequence);
        let was_counted = self.version.counts();
        if self.request.mode != PublishMode::AddOnly {
            self.version.published_at = self.version.published_at.or(Some(now));
        }
        if sealed.is_some() {
            self.version.content_digest = sealed;
            self.version.sealing_digest = Some(content_of(self.request));
        }
        self.version.hidden = self.request.hidden.unwrap_or(self.version.hidden);
        let merged = self.version.labels.merged(&self.request.labels);
        self.version.labels = merged.map_err(|error| Error::ArgumentInvalid { field: "labels", rule: error.to_string() })?;
        self.version.settle(self.package.version_scheme, sequence, now);
        if self.version.counts() && !was_counted {
            self.package.version_count += 1;
        }
        (self.package.sequence, self.package.updated_at) = (sequence, now);
        Ok(())
    }

    fn tag_moves(&self, db: &mut Db, content: Option<ContentDigest>) -> Result<Moves> {
        let (Some(content), false) = (content, self.request.tags.is_empty()) else {
            return Ok(Moves::default());
        };
        let target = Target { package: &self.package.name, version: &self.version, content };
        tagging::point(db, &self.change, &self.request.principal, &target, &self.request.tags)
    }

    /// Whether all files stand already, and the version is in its state: at most labels, tags and its being hidden change.
    fn is_replayed(&self, added: &[File]) -> bool {
        added.is_empty() && self.scene.version.as_ref().is_some_and(|before| before.state == self.version.state)
    }

    /// Whether nothing at all is to be changed.
    fn is_there(&self, added: &[File], moves: &Moves) -> bool {
        self.is_replayed(added) && moves.is_empty() && self.scene.version.as_ref().is_some_and(|before| self.is_as_before(before))
    }

    /// Whether the version is listed as before, with the same labels.
    fn is_as_before(&self, before: &VersionRow) -> bool {
        (self.version.hidden, &self.version.labels) == (before.hidden, &before.labels)
    }

    /// Sends the writes, and looks whether the copies that the files refer to are on their way out.
    fn finish(mut self, db: &mut Db, added: &[File], mut moves: Moves) -> Result<Published> {
        let (replayed, unchanged) = (self.is_replayed(added), self.is_there(added, &moves));
        let files = self.answered(added);
        let shown = Shown { version: self.shown_version(unchanged), files: files.iter().map(|file| file.id).collect() };
        let mut batch = if unchanged {
            self.change.batch_unchanged(db, &shown)
        } else {
            let told = Told::of(&shown.version, added, &self.request.tags);
            self.change.batch_told(db, &told, &shown, added.iter().map(|file| file.digest).collect())
        };
        if !unchanged {
            let mut news = self.news(added);
            news.append(&mut moves.take_news());
            self.change.tell(&mut batch, news);
            self.write(db, &mut batch, added)?;
            tagging::write(&mut batch, moves);
        }
        let uploads: Vec<i64> = self.request.files.iter().map(|file| file.receipt.upload).collect();
        leases::remove(&mut batch, &uploads);
        copies::settle(db, batch, &self.request.files, self.change.now)?;
        tracing::trace!(version = self.version.id, "publish written");
        Ok(Published { version: shown.version, files, replayed })
    }

    /// The version as it will stand.
    fn shown_version(&self, unchanged: bool) -> Version {
        let row = self.scene.version.as_ref().filter(|_| unchanged).unwrap_or(&self.version).clone();
        let tags: BTreeSet<&TagName> = self.scene.tags.iter().chain(&self.request.tags).collect();
        Version { row, package: self.package.name.clone(), tags: tags.into_iter().cloned().collect() }
    }

    /// What watchers are told of the version.
    fn news(&self, added: &[File]) -> Vec<NewEvent> {
        let before = self.scene.version.as_ref();
        let is_sealed = self.version.content_digest.is_some() && before.is_none_or(|before| before.content_digest.is_none());
        let kinds = [
            (EventType::VersionCreated, before.is_none()),
            (EventType::VersionChanged, before.is_some_and(|before| !added.is_empty() || !self.is_as_before(before)) && !is_sealed),
            (EventType::VersionPublished, is_sealed),
        ];
        let facts = Facts::of(&self.version).adding(added.len());
        let event = |kind| self.change.event(kind, &self.request.version, &facts);
        kinds.into_iter().filter(|(_, is_so)| *is_so).map(|(kind, _)| event(kind)).collect()
    }

    fn write(&self, db: &mut Db, batch: &mut Batch<'_>, added: &[File]) -> Result<()> {
        match self.scene.package {
            Some(_) => packages::update(batch, &self.package),
            None => packages::insert(batch, &self.package),
        }
        match self.scene.version {
            Some(_) => versions::update(batch, &self.version),
            None => versions::insert(batch, &self.version),
        }
        let before = self.scene.version.as_ref().map(|version| version.labels.clone()).unwrap_or_default();
        if before != self.version.labels {
            labels::put_for_version(db, batch, self.version.id, &before, &self.version.labels)?;
        }
        files::insert(batch, added);
        Ok(())
    }

    /// A sealed version takes nothing new. The request that sealed it, or one for the same content, is a retry, and so are files that
    /// are there already where it was to be kept open. Hiding, labels and tags have nothing to do with sealing, and are done.
    fn repeat_sealed(mut self, db: &mut Db) -> Result<Published> {
        let existing = self.version.content_digest.ok_or_else(|| Error::VersionSealed(self.request.version.clone()))?;
        let given = content_of(self.request);
        let is_there = |file: &PublishFile| self.scene.served.get(&file.path).is_some_and(|served| served.digest == file.receipt.digest);
        if self.request.mode != PublishMode::Seal && !self.request.files.iter().all(is_there) {
            return Err(Error::VersionSealed(self.request.version.clone()));
        }
        if self.request.mode == PublishMode::Seal && given != existing && Some(given) != self.version.sealing_digest {
            return Err(Error::VersionContentMismatch { existing, given });
        }
        check_expected(self.request, existing)?;
        self.settle(None)?;
        self.change.counters.reserved_bytes -= self.scene.reserved;
        let moves = self.tag_moves(db, Some(existing))?;
        self.finish(db, &[], moves)
    }
}

/// How many files are named in the audit; of more, there is the digest of the set.
const MAX_TOLD: usize = 16;

/// What the audit tells of a publish.
#[derive(Serialize)]
struct Told<'a> {
    version_id: i64,
    state: VersionState,
    content_digest: Option<ContentDigest>,
    hidden: bool,
    tags: &'a [TagName],
    added: usize,
    added_digest: Option<ContentDigest>,
    files: Vec<ToldFile<'a>>,
}

#[derive(Serialize)]
struct ToldFile<'a> {
    id: i64,
    path: &'a FilePath,
    sha256: Digest,
    size_bytes: i64,
}

impl<'a> Told<'a> {
    fn of(version: &Version, added: &'a [File], tags: &'a [TagName]) -> Self {
        let is_many = added.len() > MAX_TOLD;
        let told = |file: &'a File| ToldFile { id: file.id, path: &file.path, sha256: file.digest, size_bytes: file.size_bytes };
        let content = || ContentDigest::of(added.iter().map(|file| (&file.path, &file.digest, file.size_bytes)));
        Self {
            version_id: version.row.id,
            state: version.row.state,
            content_digest: version.row.content_digest,
            hidden: version.row.hidden,
            tags,
            added: added.len(),
            added_digest: is_many.then(content),
            files: if is_many { Vec::new() } else { added.iter().map(told).collect() },
        }
    }
}

/// The content of a request by itself.
fn content_of(request: &PublishVersion) -> ContentDigest {
    ContentDigest::of(request.files.iter().map(|file| (&file.path, &file.receipt.digest, file.receipt.size)))
}

fn check_expected(request: &PublishVersion, actual: ContentDigest) -> Result<()> {
    match request.expected_content {
        Some(expected) if expected != actual => Err(Error::ContentUnexpected { expected, actual }),
        _ => Ok(()),
    }
}
