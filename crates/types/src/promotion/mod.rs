//! Promotions: versions are placed on stages, one after the other, until they run in production.
//!
//! A project declares [stages](Policy): which ones a version passes before, what must hold, and when nothing moves. A promotion asks to
//! place versions on one; [`judge`] tells of each gate whether it holds, in words and with its evidence. It is a pure function of a
//! [`Case`]: the same for a promotion that is only tried, for one that waits, and within the transaction that applies one.
//!
//! # What a verdict says
//!
//! There is one verdict for each gate, in the order of the policy, and one for the freeze windows at the end where there are some; behind
//! them, one for a rejection that ends it where no gate asks for approvals. It is over all versions that are placed together: failed if the gate fails for one of them, else pending if it is pending for one, else passed. Its
//! reason names the version that decides it: the first one that fails, or the one that waits longest.
//!
//! `retry_at` is later than the moment of judging. Of a verdict that is pending it is when the gate will hold if nothing else happens; there
//! is none where somebody must do something first. Of one that passed it is when that lapses, as an approval does that counts for a day. Of
//! one that was waived it is when the waiver ends.
//!
//! # When a gate holds
//!
//! - **Predecessor**: this content was placed on each of the stages, or on any of them, and that was not undone. Else it fails.
//! - **Soak**: this content stayed on each of the stages for the duration without a break, now or before. Where one promotion took the place
//!   of another with the same content, at that very moment, there is no break. What was undone does not count, not even the time before.
//! - **Approval**: of each person the newest word for a gate counts, whatever was said before. A review that names no gates is for all of
//!   them. It counts if it was said with the role, by one of the approvers where they are named. One such rejection fails the gate, also by
//!   whoever asked for the promotion. An approval does not count when it is by whoever asked, unless that is allowed, nor from the moment on
//!   at which it is as old as it may be.
//! - **Distinct approvals**: one person does not count for two gates of which one is distinct. Whose word would count for gates that are not
//!   distinct counts for all of those, and for no distinct one; who is left counts for the first distinct one in the order of the policy.
//!   A review that names its gates decides it otherwise.
//! - **Attestation**: one of the type was verified, by a signer who counts, and is younger than the maximum age. Else it is pending.
//! - **Status**: the newest report for the gate decides, of the reporter who is expected where one is named. None: pending.
//! - **Tag**: a tag of the package that points at this content fits, and a rule keeps it from moving where that is asked. Else it fails.
//! - **Order**: the version is not lower than the one that is placed. That one itself passes where it is allowed; if its content has changed
//!   since, it is another one, and passes. So does a version of the same rank.
//! - **Age**: the version was published so long ago. Pending until then.
//! - **Freeze windows**: none is open. Pending while one is, until the last one of those that are open now closes.
//!
//! Where no gate asks for approvals, who sets the rules may still say no: the newest word of a maintainer that is a rejection fails it.
//!
//! A waiver that has not ended puts a gate aside that does not hold. The verdict then says who waived it, why, and what does not hold.

mod case;
mod cron;
mod freeze;
mod gate;
mod judge;
mod policy;
pub mod statement;
#[cfg(test)]
mod tests;
mod verdict;
mod zone;

pub use case::{Attested, Case, Item, Placed, PlacedBefore, Tagged, VerifiedBy};
pub use cron::{Cron, MAX_CRON_BYTES, ParseCronError};
pub use freeze::{FreezeWindow, Schedule};
pub use gate::{Condition, Gate, GateKind, PredicateType, Signer};
pub use judge::{MAX_EVIDENCE, MAX_EVIDENCE_BYTES, judge};
pub use policy::{MAX_GATES, MAX_PEOPLE, MAX_PREDECESSORS, MAX_SIGNERS, MAX_WINDOWS, Policy, PolicyError, ring};
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

/// The longest name of a runtime that reports what it runs.
pub const MAX_RUNTIME_BYTES: usize = 255;

pub(crate) fn is_short(text: &str) -> bool {
    (1..=63).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

impl GateName {
    /// The gate that the freeze windows of a stage are, which no other gate may be called.
    pub fn freeze() -> Self {
        Self("freeze".to_owned())
    }

    /// What stands for the versions themselves where they can't be placed any more, and which no gate may be called.
    pub fn version() -> Self {
        Self("version".to_owned())
    }

    /// What stands for a rejection where no gate asks for approvals, and which no gate may be called.
    pub fn rejection() -> Self {
        Self("rejection".to_owned())
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
