//! Promotions: versions are placed on stages, one after the other, until they run in production.
//!
//! A project declares [stages](Policy): which ones a version passes before, what must hold, and when nothing moves. A promotion asks to
//! place versions on one; [`judge`] tells of each gate whether it holds, in words and with its evidence. It is a pure function of a
//! [`Case`]: the same for a promotion that is only tried, for one that waits, and within the transaction that applies one.

mod case;
mod cron;
mod freeze;
mod gate;
mod judge;
mod policy;
mod verdict;
mod zone;

pub use case::{Attested, Case, Item, Placed, PlacedBefore, Tagged, VerifiedBy};
pub use cron::{Cron, MAX_CRON_BYTES, ParseCronError};
pub use freeze::{FreezeWindow, Schedule};
pub use gate::{Condition, Gate, PredicateType, Signer};
pub use judge::judge;
pub use policy::{MAX_GATES, MAX_PREDECESSORS, MAX_WINDOWS, Policy, PolicyError, ring};
pub use verdict::{Decision, Judgement, Outcome, Report, Review, Verdict, Waiver};
pub use zone::TimeZone;

use crate::name::name_type;
use crate::word::word_enum;

name_type!(
    /// The name of a stage within a project, such as `production`.
    StageName,
    "stage",
    "1 to 63 lower-case letters, digits and `-`",
    is_short
);

name_type!(
    /// The name of a gate or a freeze window within a stage. [`GateName::freeze`] stands for all its windows.
    GateName,
    "gate",
    "1 to 63 lower-case letters, digits and `-`",
    is_short
);

pub(crate) fn is_short(text: &str) -> bool {
    (1..=63).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

impl GateName {
    /// The gate that the freeze windows of a stage are, which no other gate may be called.
    pub fn freeze() -> Self {
        Self("freeze".to_owned())
    }
}

word_enum! {
    /// Where a promotion stands.
    State {
        /// Gates are pending, or the stage is held.
        Pending = "pending",
        /// Its versions were placed.
        Succeeded = "succeeded",
        /// A review or a gate ended it.
        Rejected = "rejected",
        /// A caller ended it.
        Cancelled = "cancelled",
        /// A newer one took its place before it was applied.
        Superseded = "superseded",
        /// Its versions were placed, and that was undone.
        RolledBack = "rolled_back",
    }
}
