//! Statements that stay prepared.
//!
//! Diesel keeps a statement prepared where its type tells its text, which that of an update, a literal or a list does not. To compile such
//! a statement costs SQLite more than to run it, so those that run all the time are kept: by the place in the code that makes them where
//! that tells their text, else by the text. And to make a text costs as much as to run it where it finds a row by a key, so what runs for
//! each request is [`fixed!`], and runs on the concrete connection: through [`Db`](crate::connection::Db) the text is made all the same.

use std::any::TypeId;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::{Mutex, PoisonError};

use diesel::backend::Backend;
use diesel::expression::{ValidGrouping, is_aggregate};
use diesel::query_builder::{AstPass, Query, QueryBuilder as _, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{Bool, HasSqlType, Integer};
use diesel::sqlite::Sqlite;
use diesel::{AppearsOnTable, Expression, QueryResult, RunQueryDsl, SelectableExpression, SqliteConnection};

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

/// A query that stays prepared, and whose text is the same each time it runs. See [`fixed!`].
pub(crate) struct Fixed<Q, Place> {
    query: Q,
    place: PhantomData<Place>,
}

/// Makes a [`Fixed`] query, which is known by the place where this stands. Nothing in it may change its text: no list of values, no
/// condition that is there or not. Tests find out where that is not so.
macro_rules! fixed {
    ($query:expr) => {{
        struct Place;
        $crate::prepared::Fixed::<_, Place>::new($query)
    }};
}
pub(crate) use fixed;

/// Makes a [`Kept`] query.
macro_rules! kept {
    ($query:expr) => {
        $crate::prepared::Kept($query)
    };
}
pub(crate) use kept;

impl<Q, Place> Fixed<Q, Place> {
    pub(crate) fn new(query: Q) -> Self {
        Self { query, place: PhantomData }
    }
}

/// The texts that places have made.
static TEXTS: Mutex<Option<HashMap<(TypeId, TypeId), String>>> = Mutex::new(None);

impl<Q, Place: 'static> Fixed<Q, Place> {
    /// Whether the text is the one that this place made first.
    fn is_as_before<DB>(&self, backend: &DB) -> QueryResult<bool>
    where
        DB: Backend + 'static,
        DB::QueryBuilder: Default,
        Q: QueryFragment<DB>,
    {
        let mut builder = DB::QueryBuilder::default();
        self.query.to_sql(&mut builder, backend)?;
        let text = builder.finish();
        let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
        let first = texts.get_or_insert_default().entry((TypeId::of::<Place>(), TypeId::of::<DB>())).or_insert_with(|| text.clone());
        Ok(*first == text)
    }
}

impl<DB, Q, Place> QueryFragment<DB> for Fixed<Q, Place>
where
    DB: Backend + 'static,
    DB::QueryBuilder: Default,
    Q: QueryFragment<DB>,
    Place: 'static,
{
    fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.query.walk_ast(pass)
    }

    fn is_safe_to_cache_prepared(&self, backend: &DB) -> QueryResult<bool> {
        debug_assert!(self.is_as_before(backend)?, "a text that is not fixed");
        Ok(true)
    }
}

impl<Q: Query, Place> Query for Fixed<Q, Place> {
    type SqlType = Q::SqlType;
}

impl<Q, Place: 'static> QueryId for Fixed<Q, Place> {
    type QueryId = Place;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<Q, Place, Connection> RunQueryDsl<Connection> for Fixed<Q, Place> {}

/// A statement that answers nothing, as a query of no rows.
pub(crate) struct Silent<Q>(pub(crate) Q);

impl<Q: QueryFragment<Sqlite>> QueryFragment<Sqlite> for Silent<Q> {
    fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.0.walk_ast(pass)
    }
}

impl<Q> Query for Silent<Q> {
    type SqlType = Integer;
}

/// Runs a [`Silent`] statement that stays prepared.
pub(crate) fn run<Q>(statement: Q, connection: &mut SqliteConnection) -> QueryResult<()>
where
    Q: QueryFragment<Sqlite> + Query<SqlType = Integer> + QueryId + RunQueryDsl<SqliteConnection>,
{
    let rows: Vec<i32> = statement.load(connection)?;
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

/// Whether a column has one of a few values. Each stands by itself: PostgreSQL finds a value by an index of several columns, while for a
/// list, of whatever length, it may go through all rows that the columns before it leave.
#[derive(Clone)]
pub(crate) struct Among<T, ST> {
    column: &'static str,
    values: Vec<T>,
    kind: PhantomData<ST>,
}

impl<T: Clone, ST> Among<T, ST> {
    pub(crate) fn new(column: &'static str, values: Vec<T>) -> Self {
        Self { column, values: rounded(values), kind: PhantomData }
    }
}

impl<T, ST, DB> QueryFragment<DB> for Among<T, ST>
where
    DB: Backend + HasSqlType<ST>,
    T: ToSql<ST, DB>,
{
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        if self.values.is_empty() {
            pass.push_sql("false");
            return Ok(());
        }
        pass.push_sql(self.column);
        for (index, value) in self.values.iter().enumerate() {
            pass.push_sql(if index == 0 { " in (" } else { ", " });
            pass.push_bind_param::<ST, T>(value)?;
        }
        pass.push_sql(")");
        Ok(())
    }
}

impl<T, ST> QueryId for Among<T, ST> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<T, ST> Expression for Among<T, ST> {
    type SqlType = Bool;
}

impl<T, ST, GB> ValidGrouping<GB> for Among<T, ST> {
    type IsAggregate = is_aggregate::Never;
}

impl<T, ST, QS> AppearsOnTable<QS> for Among<T, ST> {}

impl<T, ST, QS> SelectableExpression<QS> for Among<T, ST> {}
