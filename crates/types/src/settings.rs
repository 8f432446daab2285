//! Settings: set for the instance, a namespace or a project, and inherited by what is below. The nearest set value wins.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::duplicates::{DuplicatePolicy, PatternError};
use crate::retention::KeptRevisions;
use crate::version::Visibility;
use crate::word::word_enum;

word_enum! {
    /// The state in which the first publish of a version leaves it, where the caller does not say.
    VersionMode {
        /// Open: files may still be added.
        Open = "open",
        /// Sealed.
        Sealed = "sealed",
    }
}

word_enum! {
    /// Among which files an upload may be found already stored, so that it need not be sent.
    DedupScope {
        /// Those of the same project.
        Readable = "readable",
        /// All of the instance.
        Instance = "instance",
    }
}

/// What becomes of a path that is published again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DuplicateSetting {
    /// Whether other bytes are taken.
    pub allowed: bool,
    /// The pattern of names and versions for which `allowed` is turned round; may be empty.
    pub exception: String,
    /// Whether the same bytes are rejected too, where duplicates are, as GitLab does.
    pub reject_identical: bool,
}

impl DuplicateSetting {
    /// The policy that this sets, or why its pattern can't be used.
    pub fn policy(&self) -> Result<DuplicatePolicy, PatternError> {
        let policy = DuplicatePolicy::new(self.allowed, &self.exception)?;
        Ok(if self.reject_identical { policy.reject_identical() } else { policy })
    }
}

/// The largest limit for the bytes of one file that can be set: 256 TiB. Sizes of all files of a request can be added up.
pub const MAX_FILE_BYTES: i64 = 1 << 48;

/// The largest quota that can be set, and the one that holds where none is: 4 EiB.
pub const MAX_QUOTA_BYTES: i64 = 1 << 62;

/// What is set at one place; `None` is inherited.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// What becomes of a path that is published again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicate_policy: Option<DuplicateSetting>,
    /// The largest file, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_file_bytes: Option<i64>,
    /// The most logical bytes that one project may hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota_bytes: Option<i64>,
    /// The mode of a first publish that names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_version_mode: Option<VersionMode>,
    /// The visibility of new projects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
    /// Where uploads may be found already stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dedup_scope: Option<DedupScope>,
    /// How many files of one path an open version keeps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_revisions: Option<KeptRevisions>,
}

/// A change of settings: `None` leaves a value as it is, `Some(None)` removes it so that it is inherited.
#[derive(Clone, Default)]
pub struct SettingsChange {
    /// See [`Settings::duplicate_policy`].
    pub duplicate_policy: Option<Option<DuplicateSetting>>,
    /// See [`Settings::max_file_bytes`].
    pub max_file_bytes: Option<Option<i64>>,
    /// See [`Settings::quota_bytes`].
    pub quota_bytes: Option<Option<i64>>,
    /// See [`Settings::default_version_mode`].
    pub default_version_mode: Option<Option<VersionMode>>,
    /// See [`Settings::visibility`].
    pub visibility: Option<Option<Visibility>>,
    /// See [`Settings::dedup_scope`].
    pub dedup_scope: Option<Option<DedupScope>>,
    /// See [`Settings::keep_revisions`].
    pub keep_revisions: Option<Option<KeptRevisions>>,
}

/// Two requests are the same where they show themselves the same, also to processes of another release: what has come later is shown only
/// where it is changed.
impl fmt::Debug for SettingsChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { duplicate_policy, max_file_bytes, quota_bytes, default_version_mode, visibility, dedup_scope, keep_revisions } = self;
        let mut shown = f.debug_struct("SettingsChange");
        shown.field("duplicate_policy", duplicate_policy).field("max_file_bytes", max_file_bytes).field("quota_bytes", quota_bytes);
        shown.field("default_version_mode", default_version_mode).field("visibility", visibility).field("dedup_scope", dedup_scope);
        if keep_revisions.is_some() {
            shown.field("keep_revisions", keep_revisions);
        }
        shown.finish()
    }
}

impl Settings {
    /// These settings after a change.
    #[must_use]
    pub fn changed(self, change: SettingsChange) -> Self {
        Self {
            duplicate_policy: change.duplicate_policy.unwrap_or(self.duplicate_policy),
            max_file_bytes: change.max_file_bytes.unwrap_or(self.max_file_bytes),
            quota_bytes: change.quota_bytes.unwrap_or(self.quota_bytes),
            default_version_mode: change.default_version_mode.unwrap_or(self.default_version_mode),
            visibility: change.visibility.unwrap_or(self.visibility),
            dedup_scope: change.dedup_scope.unwrap_or(self.dedup_scope),
            keep_revisions: change.keep_revisions.unwrap_or(self.keep_revisions),
        }
    }

    /// The values set at either place, where both are set those of `self`, which is the nearer one.
    #[must_use]
    pub fn or(self, farther: Self) -> Self {
        Self {
            duplicate_policy: self.duplicate_policy.or(farther.duplicate_policy),
            max_file_bytes: self.max_file_bytes.or(farther.max_file_bytes),
            quota_bytes: self.quota_bytes.or(farther.quota_bytes),
            default_version_mode: self.default_version_mode.or(farther.default_version_mode),
            visibility: self.visibility.or(farther.visibility),
            dedup_scope: self.dedup_scope.or(farther.dedup_scope),
            keep_revisions: self.keep_revisions.or(farther.keep_revisions),
        }
    }

    /// What is in force where these settings come from all places above: what none of them sets has its default. `defaults` come
    /// from the command line.
    pub fn in_force(self, defaults: &InForce) -> InForce {
        InForce {
            duplicate_policy: self.duplicate_policy.unwrap_or_else(|| defaults.duplicate_policy.clone()),
            max_file_bytes: self.max_file_bytes.unwrap_or(defaults.max_file_bytes),
            quota_bytes: self.quota_bytes.or(defaults.quota_bytes),
            default_version_mode: self.default_version_mode.unwrap_or(defaults.default_version_mode),
            visibility: self.visibility.unwrap_or(defaults.visibility),
            dedup_scope: self.dedup_scope.unwrap_or(defaults.dedup_scope),
            keep_revisions: self.keep_revisions.or(defaults.keep_revisions),
        }
    }

    /// The names of the values that are set here.
    pub fn names(&self) -> Vec<&'static str> {
        let set = [
            ("duplicate_policy", self.duplicate_policy.is_some()),
            ("max_file_bytes", self.max_file_bytes.is_some()),
            ("quota_bytes", self.quota_bytes.is_some()),
            ("default_version_mode", self.default_version_mode.is_some()),
            ("visibility", self.visibility.is_some()),
            ("dedup_scope", self.dedup_scope.is_some()),
            ("keep_revisions", self.keep_revisions.is_some()),
        ];
        set.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| name).collect()
    }
}

/// The settings that hold at one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InForce {
    /// What becomes of a path that is published again.
    pub duplicate_policy: DuplicateSetting,
    /// The largest file, in bytes.
    pub max_file_bytes: i64,
    /// The most logical bytes that one project may hold; `None` for no limit.
    pub quota_bytes: Option<i64>,
    /// The mode of a first publish that names none.
    pub default_version_mode: VersionMode,
    /// The visibility of new projects.
    pub visibility: Visibility,
    /// Where uploads may be found already stored.
    pub dedup_scope: DedupScope,
    /// How many files of one path an open version keeps; `None` for all.
    #[serde(default)]
    pub keep_revisions: Option<KeptRevisions>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn defaults() -> InForce {
        InForce {
            duplicate_policy: DuplicateSetting { allowed: true, exception: String::new(), reject_identical: false },
            max_file_bytes: 100,
            quota_bytes: None,
            default_version_mode: VersionMode::Open,
            visibility: Visibility::Private,
            dedup_scope: DedupScope::Readable,
            keep_revisions: None,
        }
    }

    #[test]
    fn the_nearest_set_value_wins_and_what_nobody_sets_has_its_default() {
        let project = Settings { max_file_bytes: Some(1), ..Settings::default() };
        let namespace = Settings { max_file_bytes: Some(2), quota_bytes: Some(7), ..Settings::default() };
        let instance = Settings { visibility: Some(Visibility::Public), quota_bytes: Some(8), ..Settings::default() };
        let in_force = project.or(namespace).or(instance).in_force(&defaults());
        let expected = InForce { max_file_bytes: 1, quota_bytes: Some(7), visibility: Visibility::Public, ..defaults() };
        assert_eq!(in_force, expected);
    }

    #[test]
    fn a_change_sets_removes_and_leaves_values() {
        let settings = Settings { max_file_bytes: Some(1), quota_bytes: Some(2), ..Settings::default() };
        let change =
            SettingsChange { max_file_bytes: Some(None), dedup_scope: Some(Some(DedupScope::Instance)), ..SettingsChange::default() };
        let changed = settings.changed(change);
        assert_eq!(changed.names(), ["quota_bytes", "dedup_scope"]);
    }

    #[test]
    fn settings_read_back_as_they_are_written() {
        let settings = Settings { max_file_bytes: Some(1), default_version_mode: Some(VersionMode::Sealed), ..Settings::default() };
        let text = serde_json::to_string(&settings).unwrap();
        assert_eq!(text, r#"{"max_file_bytes":1,"default_version_mode":"sealed"}"#);
        assert_eq!(serde_json::from_str::<Settings>(&text).unwrap(), settings);
        assert_eq!(serde_json::from_str::<Settings>("{}").unwrap(), Settings::default());
    }

    fn settings() -> impl Strategy<Value = Settings> {
        let policy = (any::<bool>(), "\\PC{0,9}", any::<bool>()).prop_map(|(allowed, exception, reject_identical)| DuplicateSetting {
            allowed,
            exception,
            reject_identical,
        });
        let (modes, scopes) = (vec![VersionMode::Open, VersionMode::Sealed], vec![DedupScope::Readable, DedupScope::Instance]);
        let visibilities = vec![Visibility::Private, Visibility::Internal, Visibility::Public];
        let words = (prop::sample::select(modes), prop::sample::select(visibilities), prop::sample::select(scopes));
        let kept = prop::option::of((1..=1000_i32).prop_map(|kept| kept.try_into().unwrap()));
        (prop::option::of(policy), any::<Option<i64>>(), any::<Option<i64>>(), prop::option::of(words), kept).prop_map(
            |(duplicate_policy, max_file_bytes, quota_bytes, words, keep_revisions)| Settings {
                duplicate_policy,
                max_file_bytes,
                quota_bytes,
                default_version_mode: words.map(|words| words.0),
                visibility: words.map(|words| words.1),
                dedup_scope: words.map(|words| words.2),
                keep_revisions,
            },
        )
    }

    proptest! {
        #[test]
        fn any_settings_read_back_as_they_are_written(settings in settings()) {
            let text = serde_json::to_string(&settings).unwrap();
            prop_assert_eq!(serde_json::from_str::<Settings>(&text).unwrap(), settings);
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "\\{(\"(quota_bytes|visibility|duplicate_policy)\":(-?[0-9]{1,20}|\"public\"|null|\\{\\}),?){0,3}\\}|.{0,40}") {
            if let Ok(settings) = serde_json::from_str::<Settings>(&text) {
                prop_assert_eq!(settings.clone().or(settings.clone()), settings);
            }
        }
    }
}
