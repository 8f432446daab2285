//! What holds where no setting says otherwise.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use consign_types::duplicates::DuplicatePolicy;
use consign_types::retention::CLEANUP_SECONDS;
use consign_types::settings::{DedupScope, DuplicateSetting, InForce, VersionMode};
use consign_types::version::Visibility;

use crate::error::{Error, Result};

/// How many policies are kept compiled.
const MAX_POLICIES: usize = 1000;

/// The rules of the instance. Clones share the compiled policies.
#[derive(Clone, Debug)]
pub struct Rules {
    /// What is in force where nothing is set.
    pub defaults: InForce,
    /// How long what was deleted can be brought back, in seconds.
    pub restore_seconds: i64,
    /// Whether guests of a project read what reporters read: GitLab's newest releases let them.
    pub guests_read: bool,
    /// Whether the token of a job is told of a project that it is there, though it may not know more of it: GitLab tells so.
    pub tells_jobs: bool,
    /// How long after one cleanup of a project the next one is due, in seconds.
    pub cleanup_seconds: i64,
    policies: Policies,
}

type Policies = Arc<Mutex<HashMap<(bool, String, bool), DuplicatePolicy>>>;

impl Rules {
    /// These rules.
    pub fn new(defaults: InForce, restore_seconds: i64) -> Self {
        let policies = Policies::default();
        Self { defaults, restore_seconds, guests_read: false, tells_jobs: false, cleanup_seconds: CLEANUP_SECONDS, policies }
    }

    /// The same, where guests of a project read what reporters read, or don't.
    #[must_use]
    pub fn letting_guests_read(self, guests_read: bool) -> Self {
        Self { guests_read, ..self }
    }

    /// The same, where the tokens of jobs are told which projects are there, or are not.
    #[must_use]
    pub fn telling_jobs(self, tells_jobs: bool) -> Self {
        Self { tells_jobs, ..self }
    }

    /// The same, where projects are cleaned up more or less often.
    #[must_use]
    pub fn cleaning_up_every(self, cleanup_seconds: i64) -> Self {
        Self { cleanup_seconds, ..self }
    }

    /// What holds where nobody says otherwise: as GitLab has it.
    pub fn standard() -> Self {
        let duplicate_policy = DuplicateSetting { allowed: true, exception: String::new(), reject_identical: false };
        let defaults = InForce {
            duplicate_policy,
            max_file_bytes: 5 << 30,
            quota_bytes: None,
            default_version_mode: VersionMode::Open,
            visibility: Visibility::Private,
            dedup_scope: DedupScope::Readable,
            keep_revisions: None,
        };
        Self::new(defaults, 7 * 24 * 60 * 60)
    }

    /// A policy, compiled once.
    pub(crate) fn policy(&self, setting: &DuplicateSetting) -> Result<DuplicatePolicy> {
        let key = (setting.allowed, setting.exception.clone(), setting.reject_identical);
        let mut policies = self.policies.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(policy) = policies.get(&key) {
            return Ok(policy.clone());
        }
        // It was tried before it was set.
        let policy = setting.policy().map_err(|_| Error::Row("settings"))?;
        if policies.len() >= MAX_POLICIES {
            policies.clear();
        }
        policies.insert(key, policy.clone());
        Ok(policy)
    }
}
