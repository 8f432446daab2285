//! Statements that stay prepared.
//!
//! Diesel keeps a statement prepared where its type tells its text, which that of an update, a literal or a list does not. To compile such
//! a statement costs SQLite more than to run it, so those that run all the time are kept by their text.

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::Integer;
use diesel::sqlite::Sqlite;
use diesel::{QueryResult, RunQueryDsl, SqliteConnection};

/// A query that stays prepared. Its text must be one of few: lists in it are [`rounded`].
///
/// It is loaded, never executed: diesel asks a statement that is executed behind a reference, which says that it is not to be kept.
pub(crate) struct Kept<Q>(pub(crate) Q);

impl<DB: Backend, Q: QueryFragment<DB>> QueryFragment<DB> for Kept<Q> {
    fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(pass)
    }

    fn is_safe_to_cache_prepared(&self, _backend: &DB) -> QueryResult<bool> {
        Ok(true)
    }
}

impl<Q: Query> Query for Kept<Q> {
    type SqlType = Q::SqlType;
}

impl<Q> QueryId for Kept<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q, Connection> RunQueryDsl<Connection> for Kept<Q> {}

/// A statement that answers nothing, as a query of no rows.
struct Silent<Q>(Q);

impl<Q: QueryFragment<Sqlite>> QueryFragment<Sqlite> for Silent<Q> {
    fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.0.walk_ast(pass)
    }
}

impl<Q> Query for Silent<Q> {
    type SqlType = Integer;
}

/// Runs a statement that answers nothing and stays prepared, on the terms of [`Kept`].
pub(crate) fn run<Q: QueryFragment<Sqlite>>(statement: Q, connection: &mut SqliteConnection) -> QueryResult<()> {
    let rows: Vec<i32> = Kept(Silent(statement)).load(connection)?;
    debug_assert!(rows.is_empty());
    Ok(())
}

/// The same values, the last one repeated until there are a power of two of them: what is asked for any of them has one of few texts.
pub(crate) fn rounded<T: Clone>(mut values: Vec<T>) -> Vec<T> {
    if let Some(last) = values.last().cloned() {
        values.resize(values.len().next_power_of_two(), last);
    }
    values
}
