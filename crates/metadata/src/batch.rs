//! Statements that do not depend on each other's results, sent together.
//!
//! Each trip to PostgreSQL costs a network's delay while rows are locked, so what a publish writes goes as one statement:
//! `with` one part for each write, and a query behind them. In which order the parts are done is not defined, and none sees what
//! another one did. SQLite is in the process and has no such statement: there they run one after another, in the order in which they
//! were added, and the query sees them all. So what must come first is sent first, and a query asks for nothing that is written.

use diesel::dsl::sql;
use diesel::pg::{Pg, PgQueryBuilder};
use diesel::query_builder::{AstPass, Query, QueryBuilder as _, QueryFragment, QueryId};
use diesel::sql_types::Integer;
use diesel::{PgConnection, QueryResult, RunQueryDsl, SqliteConnection};

use crate::connection::Db;
use crate::error::Result;

/// A write of SQLite.
type Step<'a> = Box<dyn FnOnce(&mut SqliteConnection) -> QueryResult<()> + 'a>;

/// A write of PostgreSQL, as a part of a statement.
pub(crate) struct Part<'a> {
    write: Box<dyn QueryFragment<Pg> + 'a>,
    /// For how many rows its text has places.
    rows: usize,
}

impl<'a> Part<'a> {
    pub(crate) fn new(rows: usize, write: impl QueryFragment<Pg> + 'a) -> Self {
        Self { write: Box::new(write), rows }
    }
}

/// Writes that wait to be sent. None of them sees what another one does, and no two touch the same row.
pub(crate) enum Batch<'a> {
    /// Parts of one statement.
    Postgres(Vec<Part<'a>>),
    /// Statements.
    Sqlite(Vec<Step<'a>>),
}

/// Adds a statement to a [`Batch`]: the expression is compiled for both databases. With `fixed`, its text is the same each time, in the
/// sense of [`fixed!`](crate::prepared::fixed); else it is one of few.
macro_rules! push {
    ($batch:expr, fixed $statement:expr) => {
        $crate::batch::push_as!($batch, fixed, $statement)
    };
    ($batch:expr, $statement:expr) => {
        $crate::batch::push_as!($batch, kept, $statement)
    };
}
pub(crate) use push;

macro_rules! push_as {
    ($batch:expr, $prepared:ident, $statement:expr) => {
        match $batch {
            $crate::batch::Batch::Postgres(parts) => parts.push($crate::batch::Part::new(1, $statement)),
            $crate::batch::Batch::Sqlite(statements) => statements.push($crate::batch::step!($prepared, $statement)),
        }
    };
}
pub(crate) use push_as;

/// A write of SQLite.
macro_rules! step {
    ($prepared:ident, $statement:expr) => {
        Box::new(move |connection| $crate::prepared::run($crate::prepared::$prepared!($crate::prepared::Silent($statement)), connection))
    };
}
pub(crate) use step;

/// Adds the statement that inserts rows, given these as `values`. SQLite, which is in the process, gets one for each row, so that they
/// are all the same.
macro_rules! push_rows {
    ($batch:expr, fixed $rows:expr, |$values:ident| $statement:expr) => {
        $crate::batch::push_rows_as!($batch, fixed, $rows, |$values| $statement)
    };
    ($batch:expr, $rows:expr, |$values:ident| $statement:expr) => {
        $crate::batch::push_rows_as!($batch, kept, $rows, |$values| $statement)
    };
}
pub(crate) use push_rows;

macro_rules! push_rows_as {
    ($batch:expr, $prepared:ident, $rows:expr, |$values:ident| $statement:expr) => {
        match $batch {
            $crate::batch::Batch::Postgres(parts) => {
                let $values = $rows;
                let rows = $values.len();
                if rows > 0 {
                    parts.push($crate::batch::Part::new(rows, $statement));
                }
            }
            $crate::batch::Batch::Sqlite(statements) => {
                for $values in $rows {
                    statements.push($crate::batch::step!($prepared, $statement));
                }
            }
        }
    };
}
pub(crate) use push_rows_as;

/// How many values one statement of PostgreSQL may carry, less a margin for a query behind the writes.
const MAX_BINDS: usize = 50_000;

/// So many rows never carry as many values, so that these need not be counted.
const FEW_ROWS: usize = 100;

impl Batch<'_> {
    /// An empty batch for this connection.
    pub(crate) fn new(db: &Db) -> Self {
        match db {
            Db::Postgres(_) => Self::Postgres(Vec::new()),
            Db::Sqlite(_) => Self::Sqlite(Vec::new()),
        }
    }

    /// Sends the writes that wait.
    pub(crate) fn send(self, db: &mut Db) -> Result<()> {
        match (self, db) {
            (Self::Postgres(parts), Db::Postgres(connection)) => {
                for parts in groups(parts)? {
                    Together { parts, query: diesel::select(sql::<Integer>("1")) }.execute(connection)?;
                }
                Ok(())
            }
            (Self::Sqlite(statements), Db::Sqlite(connection)) => {
                for statement in statements {
                    statement(connection)?;
                }
                Ok(())
            }
            _ => unreachable!("a batch is sent on the connection that it was made for"),
        }
    }

    /// Sends writes that are too many for one statement, but for the last ones.
    pub(crate) fn send_most(self, db: &mut Db) -> Result<Self> {
        match (self, db) {
            (Self::Postgres(parts), Db::Postgres(connection)) => {
                let mut groups = groups(parts)?;
                let last = groups.pop().unwrap_or_default();
                for parts in groups {
                    Together { parts, query: diesel::select(sql::<Integer>("1")) }.execute(connection)?;
                }
                Ok(Self::Postgres(last))
            }
            (batch, _) => Ok(batch),
        }
    }
}

/// Parts as they fit into statements, in their order.
fn groups(parts: Vec<Part<'_>>) -> Result<Vec<Vec<Part<'_>>>> {
    if rows(&parts) <= FEW_ROWS {
        return Ok(if parts.is_empty() { Vec::new() } else { vec![parts] });
    }
    let mut groups: Vec<Vec<_>> = Vec::new();
    let mut binds = 0;
    for part in parts {
        let mut builder = PgQueryBuilder::default();
        part.write.to_sql(&mut builder, &Pg)?;
        // A `$` stands for a value: no statement names one otherwise.
        let count = builder.finish().matches('$').count();
        binds += count;
        match groups.last_mut() {
            Some(group) if binds <= MAX_BINDS => group.push(part),
            _ => {
                binds = count;
                groups.push(vec![part]);
            }
        }
    }
    Ok(groups)
}

fn rows(parts: &[Part<'_>]) -> usize {
    parts.iter().map(|part| part.rows).sum()
}

/// Sends the writes that wait and then a query, which on PostgreSQL sees the rows as they were before. A macro, since the query is
/// compiled for both databases. It is one of [`crate::prepared`].
macro_rules! send_with {
    ($batch:expr, $db:expr, $query:expr) => {
        match ($batch.send_most($db)?, &mut *$db) {
            ($crate::batch::Batch::Postgres(parts), $crate::connection::Db::Postgres(connection)) => {
                if parts.is_empty() {
                    diesel::RunQueryDsl::load($query, connection)?
                } else {
                    diesel::RunQueryDsl::load($crate::batch::Together { parts, query: $query }, connection)?
                }
            }
            ($crate::batch::Batch::Sqlite(statements), $crate::connection::Db::Sqlite(connection)) => {
                for statement in statements {
                    statement(connection)?;
                }
                diesel::RunQueryDsl::load($query, connection)?
            }
            _ => unreachable!("a batch is sent on the connection that it was made for"),
        }
    };
}
pub(crate) use send_with;

/// Statements of up to so many rows are kept prepared. Those of more hardly come again.
const PREPARED_ROWS: usize = 16;

/// Writes and a query as one statement of PostgreSQL.
pub(crate) struct Together<'a, Q> {
    pub(crate) parts: Vec<Part<'a>>,
    pub(crate) query: Q,
}

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for Together<'_, Q> {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        for (index, part) in self.parts.iter().enumerate() {
            pass.push_sql(if index == 0 { "with " } else { ", " });
            pass.push_sql(&format!("write{index} as ("));
            part.write.walk_ast(pass.reborrow())?;
            pass.push_sql(")");
        }
        pass.push_sql(" ");
        self.query.walk_ast(pass)
    }

    /// A statement that is not kept is prepared each time it runs, which is one more trip. Diesel keeps none with a list of rows.
    fn is_safe_to_cache_prepared(&self, _: &Pg) -> QueryResult<bool> {
        Ok(rows(&self.parts) <= PREPARED_ROWS)
    }
}

impl<Q: Query> Query for Together<'_, Q> {
    type SqlType = Q::SqlType;
}

impl<Q> QueryId for Together<'_, Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q> RunQueryDsl<PgConnection> for Together<'_, Q> {}
