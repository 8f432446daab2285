//! Ids for rows to be added, drawn by the statement that reads what they depend on.

use diesel::dsl::sql;
use diesel::expression::{SqlLiteral, UncheckedBind};
use diesel::sql_types::{BigInt, Text};
use diesel::{RunQueryDsl as _, sql_query};

use crate::connection::Db;
use crate::error::{Error, Result};

/// A column that draws `count` ids for a table, once in a query, however many rows it has.
///
/// PostgreSQL takes them from the table's sequence, which gives none twice. It is named as PostgreSQL names it by itself: to ask for its
/// name takes longer than to draw. In SQLite, where nobody else writes meanwhile, they follow the highest id that the table ever had.
pub(crate) fn draw(db: &Db, table: &'static str, count: usize) -> Drawing {
    let (before, behind) = around(db, table);
    sql(&before).bind::<BigInt, _>(i64::try_from(count).unwrap_or(i64::MAX)).sql(behind)
}

/// The same as text, for as many ids as `count` says, which is SQL.
pub(crate) fn drawing(db: &Db, table: &'static str, count: &str) -> String {
    let (before, behind) = around(db, table);
    format!("{before}{count}{behind}")
}

fn around(db: &Db, table: &'static str) -> (String, &'static str) {
    match db {
        Db::Postgres(_) => {
            (format!("coalesce((select string_agg(nextval('{table}_id_seq')::text, ' ') from generate_series(1, "), ")), '')")
        }
        Db::Sqlite(_) => (format!("cast(coalesce((select seq from sqlite_sequence where name = '{table}'), 0) + 0 * "), " as text)"),
    }
}

/// See [`draw`].
pub(crate) type Drawing = SqlLiteral<Text, UncheckedBind<SqlLiteral<Text>, diesel::dsl::AsExprOf<i64, BigInt>>>;

/// The ids that were drawn, rising.
pub(crate) fn drawn(db: &Db, text: &str, count: usize) -> Result<Vec<i64>> {
    let numbers = text.split_ascii_whitespace().map(str::parse).collect::<Result<Vec<i64>, _>>().map_err(|_| Error::Row("ids"))?;
    match db {
        Db::Postgres(_) => Ok(numbers),
        Db::Sqlite(_) => Ok((1..).map(|step| numbers[0] + step).take(count).collect()),
    }
}

/// Draws ids that are given out without a row, so that nobody else draws them.
pub(crate) fn reserve(db: &mut Db, table: &'static str, count: usize) -> Result<Vec<i64>> {
    let ids = fresh(db, table, count)?;
    if let (Db::Sqlite(connection), Some(last)) = (db, ids.last()) {
        let note = "insert into sqlite_sequence (name, seq) select ?1, 0 where not exists (select 1 from sqlite_sequence where name = ?1)";
        sql_query(note).bind::<Text, _>(table).execute(connection)?;
        sql_query("update sqlite_sequence set seq = ?2 where name = ?1")
            .bind::<Text, _>(table)
            .bind::<BigInt, _>(last)
            .execute(connection)?;
    }
    Ok(ids)
}

/// Draws ids by themselves.
pub(crate) fn fresh(db: &mut Db, table: &'static str, count: usize) -> Result<Vec<i64>> {
    let query = diesel::select(draw(db, table, count));
    let text: String = query.get_result(db)?;
    drawn(db, &text, count)
}
