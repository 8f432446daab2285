//! What may happen to tags: the rules of a project, and how they judge.

use serde::{Deserialize, Serialize};

use crate::access::Role;
use crate::order::semantic;
use crate::pattern::NamePattern;
use crate::{PackageName, TagName, VersionName};

/// What a rule does to the tags that it fits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// The tag may be created, but neither moved to other content nor deleted.
    Immutable,
    /// Only those of these roles and above may touch the tag.
    Protected(Protection),
    /// The tag moves to higher semantic versions only.
    Monotonic,
    /// The version must have attestations of all these predicate types.
    Require(Vec<String>),
}

/// The least roles that may touch a tag; `None` for nobody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protection {
    /// Who may create it.
    pub create: Option<Role>,
    /// Who may move it.
    pub moving: Option<Role>,
    /// Who may delete it.
    pub delete: Option<Role>,
}

/// A rule: which tags, and what it does to them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// The tags.
    pub tags: NamePattern,
    /// Their packages; `None` for all.
    pub packages: Option<NamePattern>,
    /// What the rule does.
    pub action: Action,
}

/// What is to happen to a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// It is created.
    Create,
    /// It points from one version to another.
    Move {
        /// The version that it leaves.
        from: &'a VersionName,
        /// The version that it goes to.
        to: &'a VersionName,
        /// Whether the content stays the same.
        same_content: bool,
    },
    /// It is removed.
    Delete,
}

/// Why a rule does not let something happen to a tag, from the most restrictive to the least.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Objection {
    /// The tag stays where it is.
    Immutable,
    /// The caller's role is too low.
    Protected,
    /// The version is not higher than the one before, or one of them is not semantic.
    NotMonotonic,
    /// These attestations are missing.
    AttestationMissing(Vec<String>),
}

/// The kinds of [`Action`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionKind {
    /// [`Action::Immutable`]
    Immutable,
    /// [`Action::Protected`]
    Protected,
    /// [`Action::Monotonic`]
    Monotonic,
    /// [`Action::Require`]
    Require,
}

/// What is changed of an action; `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActionChange {
    /// Its kind.
    pub kind: Option<ActionKind>,
    /// The roles, of one that protects.
    pub protection: Option<Protection>,
    /// The predicate types, of one that requires.
    pub predicate_types: Option<Vec<String>>,
}

/// What goes with one kind of action is missing, or comes with another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`protection` goes with PROTECTED, and `predicate_types` with REQUIRE: each with its own alone")]
pub struct ActionError;

impl Action {
    /// Its kind.
    pub fn kind(&self) -> ActionKind {
        match self {
            Self::Immutable => ActionKind::Immutable,
            Self::Protected(_) => ActionKind::Protected,
            Self::Monotonic => ActionKind::Monotonic,
            Self::Require(_) => ActionKind::Require,
        }
    }

    /// The action after a change: what goes with its kind stays where the kind does.
    pub fn changed(self, change: ActionChange) -> Result<Self, ActionError> {
        let kind = change.kind.unwrap_or(self.kind());
        match (kind, change.protection, change.predicate_types, self) {
            (ActionKind::Immutable, None, None, _) => Ok(Self::Immutable),
            (ActionKind::Monotonic, None, None, _) => Ok(Self::Monotonic),
            (ActionKind::Protected, Some(protection), None, _) | (ActionKind::Protected, None, None, Self::Protected(protection)) => {
                Ok(Self::Protected(protection))
            }
            (ActionKind::Require, None, Some(types), _) | (ActionKind::Require, None, None, Self::Require(types)) => {
                Ok(Self::Require(types))
            }
            _ => Err(ActionError),
        }
    }
}

impl Rule {
    /// Whether the rule is about this tag.
    pub fn fits(&self, package: &PackageName, tag: &TagName) -> bool {
        self.packages.as_ref().is_none_or(|pattern| pattern.matches(package.as_str())) && self.tags.matches(tag.as_str())
    }

    /// Whether the tags that it fits hold their versions: these are not deleted under them.
    pub fn holds(&self) -> bool {
        matches!(self.action, Action::Immutable | Action::Protected(_))
    }

    /// What it has against a change of a tag that it fits, by somebody of this role. `attested` are the predicate types that the
    /// version has.
    pub fn objection(&self, change: Change<'_>, role: Role, attested: &[String]) -> Option<Objection> {
        match (&self.action, change) {
            (Action::Immutable, Change::Create | Change::Move { same_content: true, .. }) => None,
            (Action::Immutable, _) => Some(Objection::Immutable),
            (Action::Protected(protection), change) => {
                let least = match change {
                    Change::Create => protection.create,
                    Change::Move { .. } => protection.moving,
                    Change::Delete => protection.delete,
                };
                least.is_none_or(|least| role < least).then_some(Objection::Protected)
            }
            (Action::Monotonic, Change::Move { from, to, .. }) => (!rises(from, to)).then_some(Objection::NotMonotonic),
            (Action::Require(types), Change::Create | Change::Move { .. }) => {
                let missing: Vec<String> = types.iter().filter(|wanted| !attested.contains(wanted)).cloned().collect();
                (!missing.is_empty()).then_some(Objection::AttestationMissing(missing))
            }
            (Action::Monotonic | Action::Require(_), _) => None,
        }
    }
}

/// Whether the second version is the first or a semantically higher one.
fn rises(from: &VersionName, to: &VersionName) -> bool {
    match (semantic(from), semantic(to)) {
        (Some(lower), Some(higher)) => from == to || higher.cmp_precedence(&lower).is_gt(),
        _ => from == to,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(action: Action) -> Rule {
        Rule { tags: NamePattern::glob("rel-*").unwrap(), packages: Some(NamePattern::glob("tool*").unwrap()), action }
    }

    #[test]
    fn a_rule_fits_by_tag_and_package() {
        for (package, tag, expected) in
            [("tool", "rel-1", true), ("toolbox", "rel-", true), ("other", "rel-1", false), ("tool", "rel", false)]
        {
            let fits = rule(Action::Immutable).fits(&package.parse().unwrap(), &tag.parse().unwrap());
            assert_eq!(fits, expected, "{package} {tag}");
        }
    }

    #[test]
    fn each_action_objects_to_what_it_forbids() {
        let (one, two, word): (VersionName, VersionName, VersionName) =
            ("1.0.0".parse().unwrap(), "2.0.0".parse().unwrap(), "nightly".parse().unwrap());
        let create = Change::Create;
        let moved = |from, to| Change::Move { from, to, same_content: false };
        let same = Change::Move { from: &one, to: &two, same_content: true };
        let by = |least| Action::Protected(Protection { create: least, moving: least, delete: least });
        let require = || Action::Require(vec!["a".to_owned(), "b".to_owned()]);
        let missing = |types: &[&str]| Some(Objection::AttestationMissing(types.iter().map(|&text| text.to_owned()).collect()));
        let cases: Vec<(Action, Change<'_>, &[&str], Option<Objection>)> = vec![
            (Action::Immutable, create, &[], None),
            (Action::Immutable, moved(&one, &two), &[], Some(Objection::Immutable)),
            (Action::Immutable, same, &[], None),
            (Action::Immutable, Change::Delete, &[], Some(Objection::Immutable)),
            (by(Some(Role::Developer)), create, &[], None),
            (by(Some(Role::Maintainer)), create, &[], Some(Objection::Protected)),
            (by(Some(Role::Maintainer)), same, &[], Some(Objection::Protected)),
            (by(None), Change::Delete, &[], Some(Objection::Protected)),
            (Action::Monotonic, moved(&one, &two), &[], None),
            (Action::Monotonic, moved(&one, &one), &[], None),
            (Action::Monotonic, moved(&two, &one), &[], Some(Objection::NotMonotonic)),
            (Action::Monotonic, moved(&one, &word), &[], Some(Objection::NotMonotonic)),
            (Action::Monotonic, create, &[], None),
            (Action::Monotonic, Change::Delete, &[], None),
            (require(), create, &["b", "a"], None),
            (require(), create, &["b"], missing(&["a"])),
            (require(), moved(&two, &one), &[], missing(&["a", "b"])),
            (require(), Change::Delete, &[], None),
        ];
        for (action, change, attested, expected) in cases {
            let attested: Vec<String> = attested.iter().map(|&text| text.to_owned()).collect();
            assert_eq!(rule(action.clone()).objection(change, Role::Developer, &attested), expected, "{action:?} {change:?}");
        }
    }

    #[test]
    fn an_action_is_changed_in_whole_or_in_what_goes_with_it() {
        let protection = Protection { create: Some(Role::Owner), ..Protection::default() };
        let kind = |kind| ActionChange { kind: Some(kind), ..ActionChange::default() };
        let roles = ActionChange { protection: Some(protection), ..ActionChange::default() };
        let protect = ActionChange { kind: Some(ActionKind::Protected), ..roles.clone() };
        let types = ActionChange { predicate_types: Some(vec!["a".to_owned()]), ..ActionChange::default() };
        let protected = || Action::Protected(Protection::default());
        for (action, change, expected) in [
            (protected(), ActionChange::default(), Ok(protected())),
            (protected(), roles.clone(), Ok(Action::Protected(protection))),
            (protected(), kind(ActionKind::Immutable), Ok(Action::Immutable)),
            (Action::Monotonic, protect, Ok(Action::Protected(protection))),
            (Action::Monotonic, kind(ActionKind::Protected), Err(ActionError)),
            (Action::Immutable, roles, Err(ActionError)),
            (Action::Require(Vec::new()), types.clone(), Ok(Action::Require(vec!["a".to_owned()]))),
            (protected(), types, Err(ActionError)),
        ] {
            assert_eq!(action.clone().changed(change.clone()), expected, "{action:?} {change:?}");
        }
    }

    #[test]
    fn the_most_restrictive_objection_comes_first() {
        let missing = Objection::AttestationMissing(Vec::new());
        assert!([Objection::Immutable, Objection::Protected, Objection::NotMonotonic, missing].is_sorted());
    }
}
