//! Finding the version that a selector means.

use consign_types::order::{VersionScheme, is_prerelease, semantic};
use consign_types::range::{Interval, VersionRange};
use consign_types::resource::{PackageRef, TagRef, VersionRef};
use consign_types::version::VersionState;
use consign_types::{ContentDigest, TagName, VersionName};

use super::project;
use crate::connection::Db;
use crate::tables::candidates::{self, Among, Candidates};
use crate::tables::file_row::File;
use crate::tables::files;
use crate::tables::version_row::Version;
use crate::{Error, Metadata, Result};

/// How many of its files are shown with a version.
const MAX_FILES: usize = 1000;

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
    /// Its files that are served, by path, up to 1000.
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
    let stable = |interval| vec![Among { offered: 2, interval }];
    let among = match &request.selector {
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
        Selector::Content(content) => Candidates::WithContent(*content),
    };
    let Some(found) = candidates::find(db, &request.package, &among, MAX_SKIPPED)? else {
        return Err(refusal(db, request)?);
    };
    let served = files::list_served(db, found.version.id, None, 1 + i64::try_from(MAX_FILES).unwrap_or(i64::MAX))?;
    let mut files: Vec<File> = served.into_iter().map(|(file, _)| file).collect();
    let more_files = files.len() > MAX_FILES;
    files.truncate(MAX_FILES);
    let skipped = found.higher.iter().map(|version| skipped(request, found.scheme, version)).collect();
    Ok(Resolved { version: found.version, files, more_files, skipped, sequence: found.sequence })
}

/// Why nothing was found.
fn refusal(db: &mut Db, request: &ResolveVersion) -> Result<Error> {
    let project = project(db, &request.package.project)?;
    if let Err(error) = super::package(db, project.id, &request.package) {
        return Ok(error);
    }
    let package = request.package.clone();
    Ok(match &request.selector {
        Selector::Exact(version) => {
            Error::VersionNotFound(VersionRef { project: package.project, package: package.package, version: version.clone() })
        }
        Selector::Tag(tag) => Error::TagNotFound(TagRef { package, tag: tag.clone() }),
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
