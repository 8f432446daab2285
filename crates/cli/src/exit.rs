//! By which number a command ends, for scripts. What the command line itself gets wrong ends with 2, which `clap` chooses.

use std::fmt;
use std::process::ExitCode;

use consign_client::Error;
use consign_types::Reason;
use consign_types::kind::ErrorKind;

/// How a command ends that does not end well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// For another reason than those below.
    Failure = 1,
    /// What is named is not there.
    NotFound = 3,
    /// The token is missing, does not count, or does not allow it.
    Forbidden = 4,
    /// Something else stands there, or has changed meanwhile.
    Conflict = 5,
    /// A gate or a rule does not allow it.
    Unmet = 6,
    /// What was verified is not as it was.
    Damaged = 7,
    /// The service does not answer.
    Unavailable = 9,
    /// It was asked for, and has to wait.
    Waiting = 10,
}

impl Exit {
    /// How a command ends that failed by this error.
    pub(crate) fn of(error: &anyhow::Error) -> Self {
        if let Some(ended) = error.downcast_ref::<Ended>() {
            return ended.exit;
        }
        match error.downcast_ref::<Error>() {
            Some(Error::Refused { reason, .. }) => Self::of_reason(*reason),
            Some(Error::Transport(_)) => Self::Unavailable,
            _ => Self::Failure,
        }
    }

    fn of_reason(reason: Reason) -> Self {
        match (reason, reason.kind()) {
            (Reason::GatesUnmet | Reason::StageHeld, _) => Self::Unmet,
            (_, ErrorKind::NotFound) => Self::NotFound,
            (_, ErrorKind::Unauthenticated | ErrorKind::PermissionDenied) => Self::Forbidden,
            (_, ErrorKind::AlreadyExists | ErrorKind::FailedPrecondition | ErrorKind::Aborted) => Self::Conflict,
            (_, ErrorKind::DataLoss) => Self::Damaged,
            (_, ErrorKind::Unavailable) => Self::Unavailable,
            _ => Self::Failure,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A command has ended in a way that has a number of its own.
#[derive(Debug)]
pub(crate) struct Ended {
    exit: Exit,
    message: String,
}

impl Ended {
    /// An end, and what people are told of it.
    pub(crate) fn error(exit: Exit, message: impl Into<String>) -> anyhow::Error {
        Self { exit, message: message.into() }.into()
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Ended {}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn refusals_end_by_what_their_reason_means() {
        for (reason, number) in [
            (Reason::ArgumentInvalid, 1),
            (Reason::StageNotFound, 3),
            (Reason::RoleInsufficient, 4),
            (Reason::TokenInvalid, 4),
            (Reason::NameTaken, 5),
            (Reason::StageChanged, 5),
            (Reason::GatesUnmet, 6),
            (Reason::StageHeld, 6),
            (Reason::MetadataUnavailable, 9),
        ] {
            let error = Error::Refused { reason, message: String::new(), details: HashMap::new() };
            assert_eq!(Exit::of(&error.into()) as u8, number, "{reason:?}");
        }
        assert_eq!(Exit::of(&Ended::error(Exit::Damaged, "x")) as u8, 7);
        assert_eq!(Exit::of(&anyhow::anyhow!("x")) as u8, 1);
    }
}
