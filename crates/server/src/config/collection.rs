//! When what nobody needs is removed.

use std::time::Duration;

use clap::Args;
use consign_types::retention::CLEANUP_SECONDS;

/// When what nobody needs is removed.
#[derive(Clone, Copy, Debug, Args)]
pub struct CollectionSettings {
    /// Seconds between two rounds of garbage collection; 0: never.
    #[arg(long, help_heading = "Garbage collection", env = "CONSIGN_GC_INTERVAL_SECONDS", default_value_t = 600)]
    pub gc_interval_seconds: u64,

    /// Seconds for which bytes are kept that no file has, counted from when they came or lost their last file. Less than a day and two hours is for
    /// tests: somebody may be about to publish them.
    #[arg(long, help_heading = "Garbage collection", env = "CONSIGN_GC_GRACE_SECONDS", default_value_t = 26 * 60 * 60, value_parser = clap::value_parser!(i64).range(0..))]
    pub gc_grace_seconds: i64,

    /// Seconds for which collected bytes stay in the trash.
    #[arg(long, help_heading = "Garbage collection", env = "CONSIGN_TRASH_SECONDS", default_value_t = 24 * 60 * 60, value_parser = clap::value_parser!(i64).range(0..))]
    pub trash_seconds: i64,

    /// Seconds between two cleanups of a project that keeps only some of the files that newer ones replaced.
    #[arg(long, help_heading = "Metadata plane", env = "CONSIGN_CLEANUP_INTERVAL_SECONDS", default_value_t = CLEANUP_SECONDS, value_parser = clap::value_parser!(i64).range(1..=365 * 24 * 60 * 60))]
    pub cleanup_interval_seconds: i64,
}

impl CollectionSettings {
    /// The pause between two looks at which project is due to be cleaned up.
    pub(crate) fn cleanup_pause(self) -> Duration {
        Duration::from_secs(self.cleanup_interval_seconds.unsigned_abs()).min(Duration::from_mins(1))
    }

    /// The pause between two rounds; `None` where there are none.
    pub(crate) fn interval(self) -> Option<Duration> {
        (self.gc_interval_seconds > 0).then(|| Duration::from_secs(self.gc_interval_seconds))
    }
}
