//! Lists of tokens.

use consign_types::Timestamp;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::token_row::{COLUMNS, Owner, Token, from_row};
use crate::columns::Instant;
use crate::connection::{Db, MultiBackend};
use crate::cursor::Cursor;
use crate::error::Result;
use crate::page::{MAX_COUNTED, Slice};
use crate::schema::tokens;
use crate::select::{BOOLEANS, Condition, Field, Order};

/// Whose tokens to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owners {
    /// Those of one.
    One(Owner),
    /// Those of all users.
    Users,
    /// All there are.
    All,
}

/// Which of them, by whether they count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Those that do.
    Active,
    /// Those that do not any more.
    Inactive,
    /// Both.
    All,
}

const KINDS: &[&str] = &["personal", "project", "deploy", "namespace", "job"];

/// What lists of tokens can be filtered by.
pub(crate) fn field(name: &str) -> Option<Field> {
    Some(match name {
        "id" => Field::Number("tokens.id"),
        "kind" => Field::Word("tokens.kind", KINDS),
        "display_name" => Field::Text("tokens.display_name"),
        "revoked" => Field::Word("(case when tokens.revoked_at is null then 'false' else 'true' end)", BOOLEANS),
        "create_time" => Field::Time("tokens.created_at"),
        "expire_time" => Field::Time("tokens.expires_at"),
        "last_use_time" => Field::Time("tokens.last_used_at"),
        _ => return None,
    })
}

/// Which tokens to list.
pub(crate) struct Selection {
    pub(crate) owners: Owners,
    pub(crate) shown: Shown,
    /// When it is asked.
    pub(crate) now: Timestamp,
    pub(crate) filter: Option<Condition<tokens::table>>,
}

/// Tokens that fit, behind a cursor.
pub(crate) fn list(db: &mut Db, selection: Selection, order: &Order, after: Option<&Cursor>, slice: Slice) -> Result<Vec<Token>> {
    let mut query = chosen(selection).order(order.by()).limit(slice.limit).offset(slice.offset);
    if let Some(after) = after {
        query = query.filter(order.behind(after)?);
    }
    query.select(COLUMNS).load(db)?.into_iter().map(from_row).collect()
}

/// How many tokens fit, as far as they are counted.
pub(crate) fn count(db: &mut Db, selection: Selection) -> Result<i64> {
    let ids: Vec<i64> = chosen(selection).select(tokens::id).limit(MAX_COUNTED + 1).load(db)?;
    Ok(i64::try_from(ids.len()).unwrap_or(i64::MAX))
}

fn chosen(selection: Selection) -> tokens::BoxedQuery<'static, MultiBackend> {
    let mut query = tokens::table.into_boxed();
    query = match selection.owners {
        Owners::One(Owner::Project(id)) => query.filter(tokens::project_id.eq(id).assume_not_null()),
        Owners::One(Owner::Namespace(id)) => query.filter(tokens::namespace_id.eq(id).assume_not_null()),
        Owners::One(Owner::User(id)) => query.filter(tokens::user_id.eq(id).assume_not_null()),
        Owners::Users => query.filter(tokens::kind.eq("personal")),
        Owners::All => query,
    };
    for condition in counting(selection.shown, selection.now).into_iter().chain(selection.filter) {
        query = query.filter(condition);
    }
    query
}

/// The condition that a token counts at a time, or does not.
fn counting(shown: Shown, now: Timestamp) -> Option<Condition<tokens::table>> {
    let (before, behind) = match shown {
        Shown::Active => ("(tokens.revoked_at is null and (tokens.expires_at is null or tokens.expires_at > ", "))"),
        Shown::Inactive => ("(tokens.revoked_at is not null or coalesce(tokens.expires_at <= ", ", 1 = 0))"),
        Shown::All => return None,
    };
    Some(Box::new(sql::<Bool>(before).bind::<Instant, _>(now).sql(behind)))
}
