//! What a failure of the database means.

use diesel::result::{DatabaseErrorKind, Error as Query};

use super::Error;

impl Error {
    /// A concurrent transaction was faster: this one is run again.
    pub(crate) fn raced() -> Self {
        let words = Box::new("a concurrent change was faster".to_owned());
        Self::Query(Query::DatabaseError(DatabaseErrorKind::SerializationFailure, words))
    }

    /// A concurrent change was faster with a text that is unique.
    pub(crate) fn or_taken(self, text: Option<&impl std::fmt::Display>) -> Self {
        match (self, text) {
            (Self::Query(Query::DatabaseError(DatabaseErrorKind::UniqueViolation, _)), Some(text)) => Self::NameTaken(text.to_string()),
            (error, _) => error,
        }
    }

    /// Whether the same transaction may succeed when it is run again at once.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            // A foreign key breaks when the copy that a publish refers to is removed at the same time: seen anew, it is gone.
            Self::Query(Query::DatabaseError(DatabaseErrorKind::SerializationFailure | DatabaseErrorKind::ForeignKeyViolation, _)) => true,
            Self::Query(Query::DatabaseError(_, info)) => info.message().contains("deadlock detected"),
            _ => false,
        }
    }

    /// Whether it shows that a connection is lost.
    pub(crate) fn is_disconnection(&self) -> bool {
        let timed_out = |text: &str| TIMED_OUT.iter().any(|timeout| text.contains(timeout));
        matches!(self, Self::Unavailable(error) if !timed_out(&error.to_string()))
    }

    /// Whether it lies with how busy or how full the database is, not with what was asked of it.
    pub(crate) fn is_passing(&self) -> bool {
        self.is_transient() || matches!(self, Self::Overloaded | Self::Unavailable(_) | Self::StorageFull(_))
    }
}

/// Diesel gives no code for this, so the texts of SQLite and PostgreSQL are compared.
fn is_full(error: &Query) -> bool {
    const TEXTS: &[&str] = &["database or disk is full", "No space left on device"];
    matches!(error, Query::DatabaseError(_, info) if TEXTS.iter().any(|text| info.message().contains(text)))
}

/// What is told of a statement that was given up because it took too long: its connection is as good as before.
const TIMED_OUT: [&str; 2] = ["canceling statement due to", "database is locked"];

/// Diesel gives no code for these either.
fn is_unavailable(error: &Query) -> bool {
    const TEXTS: &[&str] = &[
        "server closed the connection",
        "terminating connection",
        "could not receive data from server",
        "no connection to the server",
        "the database system is",
    ];
    match error {
        Query::DatabaseError(DatabaseErrorKind::ClosedConnection, _) | Query::BrokenTransactionManager => true,
        Query::DatabaseError(_, info) => TEXTS.iter().chain(&TIMED_OUT).any(|text| info.message().contains(text)),
        _ => false,
    }
}

impl From<Query> for Error {
    fn from(error: Query) -> Self {
        if is_full(&error) {
            Self::StorageFull(error)
        } else if is_unavailable(&error) {
            Self::Unavailable(error.into())
        } else {
            Self::Query(error)
        }
    }
}

impl From<diesel::ConnectionError> for Error {
    fn from(error: diesel::ConnectionError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<r2d2::Error> for Error {
    fn from(error: r2d2::Error) -> Self {
        Self::Unavailable(error.into())
    }
}
