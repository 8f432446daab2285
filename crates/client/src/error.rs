//! Why a call did not succeed, as the caller sees it.

use std::collections::HashMap;

use consign_proto::status::{Told, told};
use consign_types::{ErrorKind, Reason};
use tonic::Status;

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A plane refused.
    #[error("{message}")]
    Refused {
        /// Why.
        reason: Reason,
        /// In words.
        message: String,
        /// Facts for programs.
        details: HashMap<String, String>,
    },
    /// A plane could not be reached, or broke off.
    #[error("{}", .0.message())]
    Transport(#[source] Box<Status>),
    /// The body that was to be published broke off.
    #[error("the body broke off")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The planes did not answer as agreed.
    #[error("unexpected answer: {0}")]
    Protocol(&'static str),
}

impl Error {
    /// Whether it is known that nothing was done: a plane refused, and was neither out of reach nor at fault.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Refused { reason, .. } => !matches!(reason.kind(), ErrorKind::Unavailable | ErrorKind::Internal),
            Self::Transport(_) | Self::Body(_) | Self::Protocol(_) => false,
        }
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        match told(&status) {
            Told { reason: Some(reason), details } => Self::Refused { reason, message: status.message().to_owned(), details },
            Told { reason: None, .. } => Self::Transport(Box::new(status)),
        }
    }
}
