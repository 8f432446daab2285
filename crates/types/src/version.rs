//! The life of a version, and who may see it.

use crate::word::word_enum;

word_enum! {
    /// Where a version is in its life.
    VersionState {
        /// Not visible; files may be added.
        Draft = "draft",
        /// Visible; files may be added.
        Open = "open",
        /// Sealed: its file set never changes again.
        Published = "published",
        /// Not chosen for new uses; as open or sealed as it was.
        Yanked = "yanked",
        /// Not readable; as open or sealed as it was.
        Quarantined = "quarantined",
        /// Removed; restorable for a while.
        Deleted = "deleted",
    }
}

impl VersionState {
    /// Whether files may be added.
    pub fn takes_files(self) -> bool {
        matches!(self, Self::Draft | Self::Open)
    }

    /// Whether its files can be read by those who may read the project and know its name. Hiding does not matter for that.
    pub fn is_readable(self) -> bool {
        Self::READABLE.contains(&self)
    }

    /// The states in which files can be read.
    pub const READABLE: [Self; 3] = [Self::Open, Self::Published, Self::Yanked];

    /// Whether tags may point at it.
    pub fn is_taggable(self) -> bool {
        self.is_readable()
    }

    /// What a verb does to a version in this state.
    pub fn judge(self, verb: Verb) -> Judgement {
        match (verb, self) {
            (Verb::Yank, Self::Open | Self::Published)
            | (Verb::Unyank, Self::Yanked)
            | (Verb::Quarantine, Self::Open | Self::Published | Self::Yanked)
            | (Verb::Release, Self::Quarantined) => Judgement::Do,
            (Verb::Yank, Self::Yanked)
            | (Verb::Unyank, Self::Open | Self::Published)
            | (Verb::Release, Self::Open | Self::Published | Self::Yanked)
            | (Verb::Quarantine, Self::Quarantined) => Judgement::Done,
            (Verb::Yank | Verb::Unyank, Self::Quarantined) | (_, Self::Draft | Self::Deleted) => Judgement::Conflict,
        }
    }
}

/// What moves a version from state to state, beside publishing and deleting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Not to be chosen for new uses.
    Yank,
    /// The yank is taken back.
    Unyank,
    /// Not readable.
    Quarantine,
    /// The quarantine is over.
    Release,
}

/// What becomes of a verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It is done.
    Do,
    /// It was done before, so nothing changes.
    Done,
    /// The state does not allow it.
    Conflict,
}

/// What is known of a version's life; its state follows from that. So a version that is released, unyanked or undeleted comes back
/// into the state that it had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "they are facts that hold or not, each by itself")]
pub struct Standing {
    /// It became visible.
    pub published: bool,
    /// Its file set is fixed.
    pub sealed: bool,
    /// It was yanked.
    pub yanked: bool,
    /// It was quarantined.
    pub quarantined: bool,
    /// It was deleted.
    pub deleted: bool,
}

impl Standing {
    /// The state of such a version.
    pub fn state(self) -> VersionState {
        match self {
            Self { deleted: true, .. } => VersionState::Deleted,
            Self { quarantined: true, .. } => VersionState::Quarantined,
            Self { yanked: true, .. } => VersionState::Yanked,
            Self { sealed: true, .. } => VersionState::Published,
            Self { published: true, .. } => VersionState::Open,
            Self { .. } => VersionState::Draft,
        }
    }
}

/// What `latest` and ranges may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Offered {
    /// Not this version.
    Nowhere,
    /// This version, where prereleases are wanted.
    AsPrerelease,
    /// This version.
    AsStable,
}

impl Offered {
    /// How a version is offered.
    pub fn of(state: VersionState, hidden: bool, prerelease: bool) -> Self {
        match state {
            VersionState::Open | VersionState::Published if !hidden && prerelease => Self::AsPrerelease,
            VersionState::Open | VersionState::Published if !hidden => Self::AsStable,
            _ => Self::Nowhere,
        }
    }

    /// The number of it in the database.
    pub fn number(self) -> i16 {
        match self {
            Self::Nowhere => 0,
            Self::AsPrerelease => 1,
            Self::AsStable => 2,
        }
    }
}

word_enum! {
    /// Who may know of a project.
    Visibility {
        /// Its members.
        Private = "private",
        /// Everybody who is logged in.
        Internal = "internal",
        /// Everybody.
        Public = "public",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [VersionState; 6] = [
        VersionState::Draft,
        VersionState::Open,
        VersionState::Published,
        VersionState::Yanked,
        VersionState::Quarantined,
        VersionState::Deleted,
    ];

    #[test]
    fn each_verb_is_done_from_the_states_that_it_is_for() {
        use Judgement::{Conflict, Do, Done};
        for (verb, expected) in [
            (Verb::Yank, [Conflict, Do, Do, Done, Conflict, Conflict]),
            (Verb::Unyank, [Conflict, Done, Done, Do, Conflict, Conflict]),
            (Verb::Quarantine, [Conflict, Do, Do, Do, Done, Conflict]),
            (Verb::Release, [Conflict, Done, Done, Done, Do, Conflict]),
        ] {
            assert_eq!(ALL.map(|state| state.judge(verb)), expected, "{verb:?}");
        }
    }

    #[test]
    fn a_version_comes_back_into_the_state_that_it_had() {
        let open = Standing { published: true, ..Standing::default() };
        let yanked = Standing { yanked: true, ..open };
        let quarantined = Standing { quarantined: true, ..yanked };
        let deleted = Standing { deleted: true, ..quarantined };
        let states = [Standing::default(), open, Standing { sealed: true, ..open }, yanked, quarantined, deleted].map(Standing::state);
        assert_eq!(states, ALL);
    }

    #[test]
    fn only_visible_versions_are_offered() {
        for (state, hidden, prerelease, expected) in [
            (VersionState::Open, false, false, Offered::AsStable),
            (VersionState::Published, false, true, Offered::AsPrerelease),
            (VersionState::Published, true, false, Offered::Nowhere),
            (VersionState::Yanked, false, false, Offered::Nowhere),
            (VersionState::Draft, false, false, Offered::Nowhere),
        ] {
            assert_eq!(Offered::of(state, hidden, prerelease), expected, "{state} {hidden} {prerelease}");
        }
    }

    #[test]
    fn what_a_state_allows() {
        for (state, takes_files, readable) in [
            (VersionState::Draft, true, false),
            (VersionState::Open, true, true),
            (VersionState::Published, false, true),
            (VersionState::Yanked, false, true),
            (VersionState::Quarantined, false, false),
            (VersionState::Deleted, false, false),
        ] {
            assert_eq!(state.takes_files(), takes_files, "{state}");
            assert_eq!(state.is_readable(), readable, "{state}");
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        assert!("other".parse::<VersionState>().is_err());
    }
}
