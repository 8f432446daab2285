//! What is known of a promotion when it is judged.

use std::cmp::Ordering;

use super::{Policy, PredicateType, Report, Review, StageName, Waiver};
use crate::{ContentDigest, PackageName, Slug, TagName, Timestamp, VersionName};

/// A promotion, and all that its gates ask about. What no gate asks about may be left out.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    /// When it is judged.
    pub now: Timestamp,
    /// The stage that it goes to.
    pub stage: &'a StageName,
    /// What that stage asks.
    pub policy: &'a Policy,
    /// Who asked for it.
    pub creator: &'a Slug,
    /// What it places.
    pub items: &'a [Item],
    /// What people said, oldest first.
    pub reviews: &'a [Review],
    /// What checkers reported, oldest first.
    pub reports: &'a [Report],
    /// The gates that were put aside.
    pub waivers: &'a [Waiver],
}

/// A version that is to be placed.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its package.
    pub package: PackageName,
    /// The version.
    pub version: VersionName,
    /// What it consists of.
    pub content: ContentDigest,
    /// When it was published.
    pub published_at: Timestamp,
    /// What stands in its place on the stage.
    pub current: Option<Placed>,
    /// Where this content of this package was placed, on any stage that a gate asks about, in the order of time.
    pub placements: Vec<PlacedBefore>,
    /// The tags of its package that point at this content.
    pub tags: Vec<Tagged>,
    /// The attestations of this content.
    pub attestations: Vec<Attested>,
}

/// What is placed on a stage.
#[derive(Clone, Debug)]
pub struct Placed {
    /// The version.
    pub version: VersionName,
    /// Its content.
    pub content: ContentDigest,
    /// How the item compares with it, by the version scheme of the package.
    pub order: Ordering,
}

/// That something was placed on a stage for a time.
#[derive(Clone, Debug)]
pub struct PlacedBefore {
    /// The stage.
    pub stage: StageName,
    /// The promotion that placed it, by its name.
    pub promotion: String,
    /// Since when.
    pub start: Timestamp,
    /// Until when; `None`: it is placed.
    pub end: Option<Timestamp>,
    /// Whether a rollback ended it.
    pub undone: bool,
}

/// A tag of a version.
#[derive(Clone, Debug)]
pub struct Tagged {
    /// The tag.
    pub tag: TagName,
    /// Whether a rule keeps it from moving.
    pub immutable: bool,
}

/// An attestation that was verified, or was not.
#[derive(Clone, Debug)]
pub struct Attested {
    /// Its name.
    pub attestation: String,
    /// What it says.
    pub predicate_type: PredicateType,
    /// When it was added.
    pub time: Timestamp,
    /// The trusted key by which it was verified, and the key id or identity that signed; `Err` says why it does not count.
    pub verified: Result<VerifiedBy, String>,
}

/// By whom an attestation was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedBy {
    /// The name of the trusted key in the project.
    pub trusted_key: String,
    /// The key id or identity that signed.
    pub signer: String,
}
