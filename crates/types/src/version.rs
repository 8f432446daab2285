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
        /// Sealed, and not chosen for new uses.
        Yanked = "yanked",
        /// Sealed, and not readable.
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

    /// Whether the file set never changes again.
    pub fn is_sealed(self) -> bool {
        !self.takes_files()
    }

    /// Whether its files can be read by those who may read the project and know its name. Hiding does not matter for that.
    pub fn is_readable(self) -> bool {
        matches!(self, Self::Open | Self::Published | Self::Yanked)
    }

    /// The states that lists show.
    pub const LISTED: [Self; 4] = [Self::Open, Self::Published, Self::Yanked, Self::Quarantined];
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

    #[test]
    fn what_a_state_allows() {
        for (state, takes_files, readable, listed) in [
            (VersionState::Draft, true, false, false),
            (VersionState::Open, true, true, true),
            (VersionState::Published, false, true, true),
            (VersionState::Yanked, false, true, true),
            (VersionState::Quarantined, false, false, true),
            (VersionState::Deleted, false, false, false),
        ] {
            assert_eq!((state.takes_files(), state.is_sealed()), (takes_files, !takes_files), "{state}");
            assert_eq!((state.is_readable(), VersionState::LISTED.contains(&state)), (readable, listed), "{state}");
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        assert!("other".parse::<VersionState>().is_err());
    }
}
