//! Finding the version that a selector means.

use consign_types::order::{VersionScheme, is_prerelease, semantic};
use consign_types::promotion::StageName;
use consign_types::range::{Interval, VersionRange};
use consign_types::resource::{PackageRef, StageRef, TagRef, VersionRef};
use consign_types::version::VersionState;
use consign_types::{ContentDigest, FilePath, TagName, VersionName};

use super::find_stage::stage;
use super::{package, project};
use crate::connection::Db;
use crate::tables::candidates::{self, Among, Candidates, Found};
use crate::tables::file_row::File;
use crate::tables::version_row::Version;
use crate::tables::versions;
use crate::tables::{files, placements};
use crate::{Error, Metadata, Result};

/// How many of its files are shown with a version.
const MAX_FILES: usize = 1000;

/// How many versions are gone through at once.
const CHUNK: i64 = 1000;

/// How many versions that were passed over are shown.
const MAX_SKIPPED: i64 = 100;

/// A version that is looked for.
#[derive(Clone, Debug)]
pub struct ResolveVersion {
    /// Its package.
    pub package: PackageRef,
    /// Which of its versions.
    pub selector: Selector,
    /// Whether ranges and `latest` take prereleases.
    pub include_prerelease: bool,
    /// The one of its files that is wanted; `None` for all.
    pub path: Option<FilePath>,
}

/// Which version of a package.
#[derive(Clone, Debug)]
pub enum Selector {
    /// The one of this name, also a hidden or yanked one.
    Exact(VersionName),
    /// The highest within a semantic range.
    Range(VersionRange),
    /// The one that a tag points at.
    Tag(TagName),
    /// The one that is placed on a stage, with what was placed of it.
    Stage(StageName),
    /// The one with this content; of several, the first published.
    Content(ContentDigest),
    /// The highest.
    Latest,
}

/// A version that was found.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The version.
    pub version: Version,
    /// Those of its files that are wanted and served, by path, up to 1000.
    pub files: Vec<File>,
    /// Whether it has more.
    pub more_files: bool,
    /// Higher versions that were not taken, the highest first, up to 100.
    pub skipped: Vec<Skipped>,
    /// The number of the last change that this answer knows of.
    pub sequence: i64,
}

/// A version that is higher than the one found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Its name.
    pub version: VersionName,
    /// Why it was not taken.
    pub reason: SkipReason,
    /// What was said when it was yanked or quarantined.
    pub said: String,
}

/// Why a version is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// It is hidden.
    Hidden,
    /// It is yanked.
    Yanked,
    /// It is quarantined.
    Quarantined,
    /// It is a prerelease, and those are not wanted.
    Prerelease,
    /// It lies outside of the range.
    OutOfRange,
    /// It is not a semantic version, which a range needs.
    NotSemantic,
}

impl Metadata {
    /// Finds the version that a selector means. `ProjectNotFound`, `PackageNotFound`, `TagNotFound`; `NothingFits` if no version does.
    pub async fn resolve_version(&self, request: ResolveVersion) -> Result<Resolved> {
        self.pool.read(move |db| resolve(db, &request)).await
    }
}

fn resolve(db: &mut Db, request: &ResolveVersion) -> Result<Resolved> {
    let mut found = candidates::find(db, &request.package, &meant(request), MAX_SKIPPED)?;
    if let Selector::Range(range) = &request.selector
        && let Some(package) = ordered_otherwise(db, request, found.as_ref())?
    {
        // The keys of such a package say nothing of a semantic range: its versions are gone through.
        let highest = highest_within(db, package, range, request.include_prerelease)?.map(Candidates::WithHigher);
        found = highest.map(|highest| candidates::find(db, &request.package, &highest, MAX_SKIPPED)).transpose()?.flatten();
    }
    let Some(found) = found else {
        return Err(refusal(db, request)?);
    };
    let mut files = files_of(db, request, found.version.id)?;
    let more_files = files.len() > MAX_FILES;
    files.truncate(MAX_FILES);
    let skipped = found.higher.iter().map(|version| skipped(request, found.scheme, version)).collect();
    Ok(Resolved { version: found.version, files, more_files, skipped, sequence: found.sequence })
}

/// The files that are wanted of a version, and one more than are shown where it has more.
fn files_of(db: &mut Db, request: &ResolveVersion, version: i64) -> Result<Vec<File>> {
    let most = 1 + i64::try_from(MAX_FILES).unwrap_or(i64::MAX);
    let as_of = match &request.selector {
        // What was placed of an open version stays placed, whatever was added to it since.
        Selector::Stage(stage) => placements::find_content_sequence(db, version, stage)?,
        _ => None,
    };
    match (&request.path, as_of) {
        (Some(path), Some(as_of)) => Ok(files::find_served_as_of(db, version, path, as_of)?.into_iter().collect()),
        (Some(path), None) => files::list_served_at(db, version, &[path]),
        (None, Some(as_of)) => files::list_served_as_of(db, version, as_of, most),
        (None, None) => files::list_served(db, version, None, most),
    }
}

/// Which versions a selector may mean.
fn meant(request: &ResolveVersion) -> Candidates {
    let stable = |interval| vec![Among { offered: 2, interval }];
    match &request.selector {
        Selector::Latest => {
            let mut among = stable(None);
            among.extend(request.include_prerelease.then_some(Among { offered: 1, interval: None }));
            Candidates::Highest(among)
        }
        Selector::Range(range) => {
            let mut among = stable(Some(range.interval()));
            let prereleases = range.prerelease_intervals(request.include_prerelease);
            among.extend(prereleases.into_iter().map(|interval: Interval| Among { offered: 1, interval: Some(interval) }));
            Candidates::Highest(among)
        }
        Selector::Exact(version) => Candidates::Named(version.clone()),
        Selector::Tag(tag) => Candidates::Tagged(tag.clone()),
        Selector::Stage(stage) => Candidates::Placed(stage.clone()),
        Selector::Content(content) => Candidates::WithContent(*content),
    }
}

/// The id of the package, if its versions are not ordered semantically.
fn ordered_otherwise(db: &mut Db, request: &ResolveVersion, found: Option<&Found>) -> Result<Option<i64>> {
    let (package, scheme) = if let Some(found) = found {
        (found.version.package_id, found.scheme)
    } else {
        let project = project(db, &request.package.project)?;
        let package = package(db, project.id, &request.package)?;
        (package.id, package.version_scheme)
    };
    Ok((scheme != VersionScheme::Semver).then_some(package))
}

/// The highest version of a package that a range takes, by semantic precedence.
fn highest_within(db: &mut Db, package: i64, range: &VersionRange, include_prerelease: bool) -> Result<Option<VersionName>> {
    let mut highest: Option<(semver::Version, VersionName)> = None;
    let mut after = 0;
    loop {
        let names = versions::list_offered(db, package, after, CHUNK)?;
        let Some((last, _)) = names.last() else {
            return Ok(highest.map(|(_, name)| name));
        };
        after = *last;
        for (_, name) in names {
            let version = semantic(&name).filter(|version| range.takes(version, include_prerelease));
            let is_higher = |version: &semver::Version| highest.as_ref().is_none_or(|(high, _)| version.cmp_precedence(high).is_gt());
            if let Some(version) = version.filter(is_higher) {
                highest = Some((version, name));
            }
        }
    }
}

/// Why nothing was found.
fn refusal(db: &mut Db, request: &ResolveVersion) -> Result<Error> {
    let project = project(db, &request.package.project)?;
    if let Err(error) = package(db, project.id, &request.package) {
        return Ok(error);
    }
    let package = request.package.clone();
    Ok(match &request.selector {
        Selector::Exact(version) => {
            Error::VersionNotFound(VersionRef { project: package.project, package: package.package, version: version.clone() })
        }
        Selector::Tag(tag) => Error::TagNotFound(TagRef { package, tag: tag.clone() }),
        Selector::Stage(name) => {
            stage(db, project.id, &StageRef { project: package.project.clone(), stage: name.clone() })?;
            Error::NothingFits(package)
        }
        Selector::Range(_) | Selector::Content(_) | Selector::Latest => Error::NothingFits(package),
    })
}

fn skipped(request: &ResolveVersion, scheme: VersionScheme, version: &Version) -> Skipped {
    let said = match version.state {
        VersionState::Yanked => version.yank_reason.as_ref(),
        VersionState::Quarantined => version.quarantine_reason.as_ref(),
        _ => None,
    };
    let is_prerelease = match &request.selector {
        Selector::Range(_) => semantic(&version.version).is_some_and(|version| !version.pre.is_empty()),
        _ => is_prerelease(scheme, &version.version),
    };
    let reason = match version.state {
        _ if version.hidden => SkipReason::Hidden,
        VersionState::Yanked => SkipReason::Yanked,
        VersionState::Quarantined => SkipReason::Quarantined,
        _ if matches!(request.selector, Selector::Range(_)) && semantic(&version.version).is_none() => SkipReason::NotSemantic,
        _ if is_prerelease && !request.include_prerelease => SkipReason::Prerelease,
        _ => SkipReason::OutOfRange,
    };
    Skipped { version: version.version.clone(), reason, said: said.map(ToString::to_string).unwrap_or_default() }
}
