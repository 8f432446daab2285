//! Moving tags: what every operation that moves some has in common.

use std::collections::{BTreeSet, HashMap};

use consign_types::event::EventType;
use consign_types::promotion::PredicateType;
use consign_types::resource::{PackageRef, ProjectRef, TagRef, TagRuleRef};
use consign_types::tag::{self, Action, Objection, Rule};
use consign_types::text::Description;
use consign_types::{ContentDigest, PackageName, TagName, VersionName};
use serde::Serialize;

use super::attesting::Jury;
use super::change::Change;
use crate::batch::Batch;
use crate::connection::Db;
use crate::ids;
use crate::refusal::RefusingRule;
use crate::tables::events::NewEvent;
use crate::tables::files;
use crate::tables::packages;
use crate::tables::tag_moves::{self, TagMove};
use crate::tables::tag_rules::{self, TagRule};
use crate::tables::tags::{self, PlacedTag, TagRow};
use crate::tables::version_row::VersionRow;
use crate::{Error, Principal, Result};

/// How many rules a project may have.
pub(super) const MAX_RULES: i64 = 1000;

/// What a tag is to point at.
pub(super) struct Target<'a> {
    pub(super) package: &'a PackageName,
    pub(super) version: &'a VersionRow,
    pub(super) content: ContentDigest,
}

/// Moves that wait to be written.
#[derive(Default)]
pub(super) struct Moves {
    new: Vec<TagRow>,
    moved: Vec<TagRow>,
    removed: Vec<i64>,
    history: Vec<TagMove>,
    /// What watchers are told of them.
    news: Vec<NewEvent>,
}

impl Moves {
    pub(super) fn is_empty(&self) -> bool {
        self.history.is_empty()
    }

    /// The same with ids for what is new. They are drawn all at once: what waits to be written is not seen by the next drawing.
    pub(super) fn numbered(mut self, db: &mut Db) -> Result<Self> {
        if !self.new.is_empty() {
            let ids = ids::fresh(db, "tags", self.new.len())?;
            self.new.iter_mut().zip(ids).for_each(|(row, id)| row.id = id);
        }
        if !self.history.is_empty() {
            let ids = ids::fresh(db, "tag_moves", self.history.len())?;
            self.history.iter_mut().zip(ids).for_each(|(row, id)| row.id = id);
        }
        Ok(self)
    }

    /// A tag as it will stand, if it is moved.
    pub(super) fn find(&self, package: i64, tag: &TagName) -> Option<&TagRow> {
        self.new.iter().chain(&self.moved).find(|row| row.package_id == package && row.tag == *tag)
    }

    /// What watchers are told of them, once.
    pub(super) fn take_news(&mut self) -> Vec<NewEvent> {
        std::mem::take(&mut self.news)
    }

    pub(super) fn append(&mut self, mut other: Self) {
        self.new.append(&mut other.new);
        self.moved.append(&mut other.moved);
        self.removed.append(&mut other.removed);
        self.history.append(&mut other.history);
        self.news.append(&mut other.news);
    }
}

/// Who moves tags, and why.
pub(super) struct Mover<'a> {
    pub(super) change: &'a Change<'a>,
    pub(super) principal: &'a Principal,
    pub(super) reason: &'a Description,
    pub(super) rules: Vec<TagRule>,
    /// Read where a rule demands attestations.
    jury: Option<Jury>,
}

impl<'a> Mover<'a> {
    /// Reads the rules of the project.
    pub(super) fn new(db: &mut Db, change: &'a Change<'a>, principal: &'a Principal, reason: &'a Description) -> Result<Self> {
        let rules = tag_rules::list(db, change.project.id, 0, MAX_RULES)?;
        Ok(Self { change, principal, reason, rules, jury: None })
    }

    /// Points a tag, which stands at `current`, at a target. Nothing is to be done where it points there already.
    pub(super) fn point(&mut self, db: &mut Db, tag: &TagName, current: Option<&PlacedTag>, target: &Target<'_>) -> Result<Moves> {
        let Target { package, version, content } = *target;
        if let Some(current) = current
            && (current.row.version_id, current.row.content_digest) == (version.id, content)
        {
            return Ok(Moves::default());
        }
        let change = match current {
            Some(current) => {
                tag::Change::Move { from: &current.version, to: &version.version, same_content: current.row.content_digest == content }
            }
            None => tag::Change::Create,
        };
        let attested = self.attested(db, package, tag, content)?;
        self.judge(package, tag, change, &attested)?;
        let row = TagRow {
            id: current.map_or(0, |current| current.row.id),
            project_id: self.change.project.id,
            package_id: version.package_id,
            tag: tag.clone(),
            version_id: version.id,
            content_digest: content,
            actor: self.principal.name.clone(),
            sequence: self.change.counters.sequence,
            created_at: current.map_or(self.change.now, |current| current.row.created_at),
            updated_at: self.change.now,
        };
        let history = vec![self.history(&row, Some(version))];
        let (new, moved) = if current.is_some() { (Vec::new(), vec![row]) } else { (vec![row], Vec::new()) };
        let kind = if current.is_some() { EventType::TagMoved } else { EventType::TagCreated };
        let news = vec![self.news(kind, package, tag, (Some(&version.version), Some(content)), current)];
        Ok(Moves { new, moved, history, news, ..Moves::default() })
    }

    /// Removes a tag.
    pub(super) fn remove(&self, current: &PlacedTag) -> Result<Moves> {
        self.judge(&current.package, &current.row.tag, tag::Change::Delete, &[])?;
        Ok(self.remove_unjudged(current))
    }

    /// Removes a tag, whatever the rules say.
    pub(super) fn remove_unjudged(&self, current: &PlacedTag) -> Moves {
        let news = vec![self.news(EventType::TagDeleted, &current.package, &current.row.tag, (None, None), Some(current))];
        Moves { removed: vec![current.row.id], history: vec![self.history(&current.row, None)], news, ..Moves::default() }
    }

    /// The verified predicate types of a content, of those that rules demand of what this tag points at.
    fn attested(&mut self, db: &mut Db, package: &PackageName, tag: &TagName, content: ContentDigest) -> Result<Vec<String>> {
        let types = demanded(self.rules.iter().map(|rule| &rule.rule).filter(|rule| rule.fits(package, tag)));
        if types.is_empty() {
            return Ok(Vec::new());
        }
        let (project, now) = (self.change.project.id, self.change.now);
        let jury = match &mut self.jury {
            Some(jury) => jury,
            none => none.insert(Jury::writing(db, project, now)?),
        };
        Ok(jury.attested_types(db, &[content], &types)?.remove(&content).unwrap_or_default())
    }

    fn judge(&self, package: &PackageName, tag: &TagName, change: tag::Change<'_>, attested: &[String]) -> Result<()> {
        let rules = self.rules.iter().filter(|rule| rule.rule.fits(package, tag));
        let objections = rules.filter_map(|rule| Some((rule.rule.objection(change, self.principal.role, attested)?, rule)));
        let Some((objection, rule)) = objections.min_by(|left, right| left.0.cmp(&right.0)) else {
            return Ok(());
        };
        let package = PackageRef { project: ProjectRef::Id(self.change.project.id), package: package.clone() };
        let name = TagRuleRef { project: package.project.clone(), id: rule.id };
        let rule = Box::new(RefusingRule { name, description: rule.description.clone() });
        let tag = TagRef { package, tag: tag.clone() };
        Err(match objection {
            Objection::Immutable => Error::TagImmutable { tag, rule },
            Objection::Protected => Error::TagProtected { tag, rule },
            Objection::NotMonotonic => Error::TagNotMonotonic { tag, rule },
            Objection::AttestationMissing(types) => Error::AttestationMissing { tag, rule, types },
        })
    }

    /// Says of a tag that is to be shown whether a rule keeps it where it is.
    pub(super) fn mark(&self, tag: &mut PlacedTag) {
        mark_by(&self.rules, tag);
    }

    fn news(
        &self,
        kind: EventType,
        package: &PackageName,
        tag: &TagName,
        (version, content_digest): (Option<&VersionName>, Option<ContentDigest>),
        previous: Option<&PlacedTag>,
    ) -> NewEvent {
        let package = PackageRef { project: ProjectRef::Id(self.change.project.id), package: package.clone() };
        let previous_version = previous.map(|previous| &previous.version);
        self.change.event(kind, &TagRef { package, tag: tag.clone() }, &Pointed { version, content_digest, previous_version })
    }

    fn history(&self, row: &TagRow, version: Option<&VersionRow>) -> TagMove {
        TagMove {
            id: 0,
            project_id: row.project_id,
            package_id: row.package_id,
            tag: row.tag.clone(),
            version: version.map(|version| version.version.clone()),
            content_digest: version.map(|_| row.content_digest),
            actor: self.principal.name.clone(),
            reason: self.reason.clone(),
            sequence: self.change.counters.sequence,
            moved_at: self.change.now,
        }
    }
}

/// What watchers are told of a tag at once.
#[derive(Serialize)]
struct Pointed<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a VersionName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_digest: Option<ContentDigest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_version: Option<&'a VersionName>,
}

/// The predicate types that rules demand.
pub(super) fn demanded<'a>(rules: impl Iterator<Item = &'a Rule>) -> Vec<PredicateType> {
    let types = rules.flat_map(|rule| match &rule.action {
        Action::Require(types) => types.as_slice(),
        _ => &[],
    });
    let types: BTreeSet<PredicateType> = types.filter_map(|wanted| wanted.parse().ok()).collect();
    types.into_iter().collect()
}

/// The tag of this name, or `TagNotFound`: also where its package is not there.
pub(super) fn find(db: &mut Db, project: i64, name: &TagRef) -> Result<PlacedTag> {
    let package = packages::find(db, project, &name.package.package)?;
    let tag = package.map(|package| tags::find(db, package.id, &name.tag)).transpose()?.flatten();
    tag.ok_or_else(|| Error::TagNotFound(name.clone()))
}

/// Says of tags that are to be shown whether a rule keeps them where they are.
pub(super) fn mark(db: &mut Db, project: i64, tags: &mut [PlacedTag]) -> Result<()> {
    let rules = tag_rules::list(db, project, 0, MAX_RULES)?;
    for tag in tags {
        mark_by(&rules, tag);
    }
    Ok(())
}

/// The same by rules that were read.
pub(super) fn mark_by(rules: &[TagRule], tag: &mut PlacedTag) {
    let fits = |rule: &&TagRule| rule.rule.fits(&tag.package, &tag.row.tag);
    tag.immutable = rules.iter().filter(fits).any(|rule| rule.rule.action == Action::Immutable);
}

/// Points tags at a version that is published.
pub(super) fn point(db: &mut Db, change: &Change<'_>, principal: &Principal, target: &Target<'_>, names: &[TagName]) -> Result<Moves> {
    if !target.version.state.is_taggable() {
        let project = ProjectRef::Id(change.project.id);
        let version =
            consign_types::resource::VersionRef { project, package: target.package.clone(), version: target.version.version.clone() };
        return Err(Error::VersionStateConflict { version, state: target.version.state });
    }
    let reason = "".parse().expect("a reason may be empty");
    let mut by = Mover::new(db, change, principal, &reason)?;
    let current = tags::list_named(db, target.version.package_id, &names.iter().collect::<Vec<_>>())?;
    let current: HashMap<&TagName, &PlacedTag> = current.iter().map(|tag| (&tag.row.tag, tag)).collect();
    let mut moves = Moves::default();
    let names: BTreeSet<&TagName> = names.iter().collect();
    for name in names {
        moves.append(by.point(db, name, current.get(name).copied(), target)?);
    }
    moves.numbered(db)
}

/// Adds moves to a batch.
pub(super) fn write(batch: &mut Batch<'_>, moves: Moves) {
    for tag in &moves.new {
        tags::insert(batch, tag);
    }
    for tag in &moves.moved {
        tags::update(batch, tag);
    }
    tags::remove(batch, &moves.removed);
    tag_moves::insert(batch, &moves.history);
}

/// What a version consists of: for ever where it is sealed, at this moment where it is open.
pub(super) fn content(db: &mut Db, version: &VersionRow) -> Result<ContentDigest> {
    if let Some(content) = version.content_digest {
        return Ok(content);
    }
    let files = files::list_served(db, version.id, None, i64::MAX)?;
    Ok(ContentDigest::of(files.iter().map(|file| (&file.path, &file.digest, file.size_bytes))))
}
