//! Telling how two stages differ, package by package.

use std::cmp::Ordering;
use std::collections::HashMap;

use consign_types::PackageName;
use consign_types::order::SortKey;
use consign_types::resource::StageRef;

use super::find_stage::stage;
use super::project;
use crate::connection::Db;
use crate::tables::placements::{self, AsOf, Placement};
use crate::tables::versions;
use crate::{Error, Listed, Metadata, Page, Result};

/// How many placements of each stage are compared at once.
const AT_ONCE: i64 = 1000;

/// Two stages to be compared.
#[derive(Clone, Debug)]
pub struct CompareStages {
    /// The one that is compared.
    pub base: StageRef,
    /// The one that it is compared to.
    pub target: StageRef,
    /// Whether to tell also of packages that are the same on both.
    pub include_same: bool,
    /// Which page, by package.
    pub page: Page<PackageName>,
}

/// How one package stands on two stages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageDifference {
    /// The package.
    pub package: PackageName,
    /// The kind.
    pub kind: StageDifferenceKind,
    /// What stands on the base.
    pub base: Option<Placement>,
    /// What stands on the target.
    pub target: Option<Placement>,
}

/// The kinds of difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageDifferenceKind {
    /// The same content.
    Same,
    /// The base has a higher version.
    Ahead,
    /// The base has a lower version.
    Behind,
    /// Other content, and neither is known to be higher.
    Different,
    /// Only the target has it.
    MissingInBase,
    /// Only the base has it.
    MissingInTarget,
}

impl Metadata {
    /// How two stages of a project differ, by package. `StageNotFound`; `ArgumentInvalid` for stages of two projects.
    pub async fn compare_stages(&self, request: CompareStages) -> Result<Listed<StageDifference>> {
        self.pool.read(move |db| compare(db, &request)).await
    }
}

fn compare(db: &mut Db, request: &CompareStages) -> Result<Listed<StageDifference>> {
    let home = project(db, &request.base.project)?;
    if !home.is_named(&request.target.project) {
        return Err(Error::ArgumentInvalid { field: "target", rule: "both stages are of one project".to_owned() });
    }
    let (base, target) = (stage(db, home.id, &request.base)?.id, stage(db, home.id, &request.target)?.id);
    let mut after = request.page.after.clone();
    let mut found = Vec::new();
    loop {
        let one = placements::list_of_stage(db, base, AsOf::Now, after.as_ref(), AT_ONCE)?;
        let other = placements::list_of_stage(db, target, AsOf::Now, after.as_ref(), AT_ONCE)?;
        let is_last = [&one, &other].iter().all(|rows| i64::try_from(rows.len()).is_ok_and(|count| count < AT_ONCE));
        // Beyond the end of a list that goes on, the other one can't be judged yet.
        let ends = [&one, &other].into_iter().filter(|rows| i64::try_from(rows.len()) == Ok(AT_ONCE)).filter_map(|rows| rows.last());
        let until = ends.map(|placed| placed.package.clone()).min();
        let pairs = paired(one, other, until.as_ref());
        after = until;
        found.extend(judged(db, pairs)?.into_iter().filter(|one| request.include_same || one.kind != StageDifferenceKind::Same));
        if is_last || found.len() > request.page.size {
            return Ok(request.page.of(found));
        }
    }
}

type Pair = (Option<Placement>, Option<Placement>);

/// What stands on both, by package, as far as both are known.
fn paired(one: Vec<Placement>, other: Vec<Placement>, until: Option<&PackageName>) -> Vec<(PackageName, Pair)> {
    let mut pairs: std::collections::BTreeMap<PackageName, Pair> = std::collections::BTreeMap::new();
    let is_known = |placed: &Placement| until.is_none_or(|until| placed.package <= *until);
    for placed in one.into_iter().filter(is_known) {
        let package = placed.package.clone();
        pairs.entry(package).or_default().0 = Some(placed);
    }
    for placed in other.into_iter().filter(is_known) {
        let package = placed.package.clone();
        pairs.entry(package).or_default().1 = Some(placed);
    }
    pairs.into_iter().collect()
}

fn judged(db: &mut Db, pairs: Vec<(PackageName, Pair)>) -> Result<Vec<StageDifference>> {
    let both = pairs.iter().filter_map(|(_, (base, target))| Some((base.as_ref()?, target.as_ref()?)));
    let ids: Vec<i64> = both.flat_map(|(base, target)| [base.version_id, target.version_id]).collect();
    let keys: HashMap<i64, SortKey> = versions::list_sort_keys(db, &ids)?.into_iter().collect();
    let difference = |(package, (base, target)): (PackageName, Pair)| {
        let kind = match (&base, &target) {
            (Some(base), Some(target)) => kind(base, target, &keys),
            (None, _) => StageDifferenceKind::MissingInBase,
            (_, None) => StageDifferenceKind::MissingInTarget,
        };
        StageDifference { package, kind, base, target }
    };
    Ok(pairs.into_iter().map(difference).collect())
}

fn kind(base: &Placement, target: &Placement, keys: &HashMap<i64, SortKey>) -> StageDifferenceKind {
    if (base.version_id, base.content_digest) == (target.version_id, target.content_digest) {
        return StageDifferenceKind::Same;
    }
    let compared = keys.get(&base.version_id).zip(keys.get(&target.version_id)).map(|(base, target)| base.cmp(target));
    match compared {
        Some(Ordering::Greater) => StageDifferenceKind::Ahead,
        Some(Ordering::Less) => StageDifferenceKind::Behind,
        Some(Ordering::Equal) | None => StageDifferenceKind::Different,
    }
}
