//! Users: whoever signs in.

use std::collections::BTreeSet;

use consign_types::resource::UserRef;
use consign_types::text::{DisplayName, EmailAddress};
use consign_types::{NamespacePath, Timestamp, Username};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use serde::{Deserialize, Serialize};

use crate::columns::Instant;
use crate::connection::{Db, MultiBackend, each};
use crate::cursor::Cursor;
use crate::error::Result;
use crate::page::{MAX_COUNTED, Slice};
use crate::schema::users;
use crate::select::{BOOLEANS, Condition, Field, Order};

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, AsChangeset, Serialize, Deserialize)]
#[diesel(table_name = users, treat_none_as_null = true)]
pub struct User {
    /// Its id, never reused.
    pub id: i64,
    /// The name that it signs in by; it never changes.
    pub username: Username,
    /// What people call it.
    pub display_name: DisplayName,
    /// Its mail address.
    pub email: Option<EmailAddress>,
    /// Whether it has the role of an administrator everywhere.
    pub is_admin: bool,
    /// Whether its tokens are refused.
    pub is_disabled: bool,
    /// Counts its changes.
    pub revision: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl User {
    /// Differs after every change.
    pub fn etag(&self) -> String {
        format!("{:x}-{:x}", self.id, self.revision)
    }
}

/// A user to be added.
#[derive(Insertable)]
#[diesel(table_name = users)]
pub(crate) struct NewUser<'a> {
    pub(crate) username: &'a Username,
    pub(crate) display_name: &'a DisplayName,
    pub(crate) email: Option<&'a EmailAddress>,
    pub(crate) is_admin: bool,
    pub(crate) is_disabled: bool,
    pub(crate) revision: i64,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

/// Where a user has roles, by which others are known.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// The user; 0 for none.
    pub(crate) user: i64,
    /// The projects.
    pub(crate) projects: Vec<i64>,
    /// The namespaces.
    pub(crate) namespaces: Vec<NamespacePath>,
    /// These, and all namespaces above them and above the projects.
    pub(crate) above: BTreeSet<NamespacePath>,
    /// When it is asked.
    pub(crate) now: Timestamp,
}

/// Which users to list.
pub(crate) struct Selection<'a> {
    /// Those whom a user may know of; `None` for all.
    pub(crate) known_to: Option<&'a Known>,
    pub(crate) filter: Option<Condition<users::table>>,
}

/// What lists of users can be filtered by; by their mail addresses only for administrators.
pub(crate) fn field(name: &str, shows_email: bool) -> Option<Field> {
    Some(match name {
        "id" => Field::Number("users.id"),
        "username" => Field::Text("users.username"),
        "display_name" => Field::Text("users.display_name"),
        "email" if shows_email => Field::Text("users.email"),
        "admin" => Field::Word("(case when users.is_admin then 'true' else 'false' end)", BOOLEANS),
        "disabled" => Field::Word("(case when users.is_disabled then 'true' else 'false' end)", BOOLEANS),
        "create_time" => Field::Time("users.created_at"),
        _ => return None,
    })
}

/// Adds a user; `None` if its name or mail address is taken.
pub(crate) fn insert(db: &mut Db, new: &NewUser<'_>) -> Result<Option<User>> {
    Ok(each!(db, connection => diesel::insert_into(users::table)
        .values(new)
        .on_conflict_do_nothing()
        .returning(users::all_columns)
        .get_result(connection)
        .optional())?)
}

/// The user of this id or name, in whichever case.
pub(crate) fn find(db: &mut Db, name: &UserRef) -> Result<Option<User>> {
    let found = match name {
        UserRef::Id(id) => users::table.find(id).first(db),
        UserRef::Name(name) => users::table.filter(is_named("username", name.as_str())).first(db),
    };
    Ok(found.optional()?)
}

/// The same, which nobody else changes until the transaction ends.
pub(crate) fn find_locked(db: &mut Db, name: &UserRef) -> Result<Option<User>> {
    let Some(user) = find(db, name)? else { return Ok(None) };
    let query = users::table.find(user.id);
    Ok(match db {
        Db::Postgres(connection) => query.for_no_key_update().first(connection).optional()?,
        // There is one writer.
        Db::Sqlite(_) => Some(user),
    })
}

fn is_named(column: &str, text: &str) -> Condition<users::table> {
    Box::new(sql::<Bool>(&format!("lower(users.{column}) = ")).bind::<Text, _>(text.to_ascii_lowercase()))
}

/// Whether somebody else than this user has this mail address.
pub(crate) fn has_email(db: &mut Db, email: &EmailAddress, other_than: i64) -> Result<bool> {
    let others = users::table.filter(is_named("email", email.as_str())).filter(users::id.ne(other_than));
    Ok(others.select(users::id).first::<i64>(db).optional()?.is_some())
}

/// Administrators who can sign in, which nobody else changes until the transaction ends.
pub(crate) fn list_admins_locked(db: &mut Db) -> Result<Vec<i64>> {
    let query = users::table.filter(users::is_admin.eq(true)).filter(users::is_disabled.eq(false)).order(users::id).select(users::id);
    Ok(match db {
        Db::Postgres(connection) => query.for_no_key_update().load(connection)?,
        Db::Sqlite(connection) => query.load(connection)?,
    })
}

/// Users that fit, behind a cursor.
pub(crate) fn list(db: &mut Db, selection: Selection<'_>, order: &Order, after: Option<&Cursor>, slice: Slice) -> Result<Vec<User>> {
    let mut query = chosen(selection).order(order.by()).limit(slice.limit).offset(slice.offset);
    if let Some(after) = after {
        query = query.filter(order.behind(after)?);
    }
    Ok(query.load(db)?)
}

/// How many users fit, as far as they are counted.
pub(crate) fn count(db: &mut Db, selection: Selection<'_>) -> Result<i64> {
    let ids: Vec<i64> = chosen(selection).select(users::id).limit(MAX_COUNTED + 1).load(db)?;
    Ok(i64::try_from(ids.len()).unwrap_or(i64::MAX))
}

fn chosen(selection: Selection<'_>) -> users::BoxedQuery<'static, MultiBackend> {
    let mut query = users::table.into_boxed();
    for condition in selection.known_to.map(known_to).into_iter().chain(selection.filter) {
        query = query.filter(condition);
    }
    query
}

/// Whether one user may know of another.
pub(crate) fn is_known(db: &mut Db, user: i64, to: &Known) -> Result<bool> {
    let found = users::table.find(user).filter(known_to(to)).select(users::id).first::<i64>(db).optional()?;
    Ok(found.is_some())
}

/// The user, and those who have roles that count now in a place of the user's, above it or below it.
///
/// Paths stand in the text as they are: they have no character that means anything in SQL.
fn known_to(known: &Known) -> Condition<users::table> {
    let below =
        |column: &str| known.namespaces.iter().map(|path| format!("({column} > '{path}/' and {column} < '{path}0')")).collect::<Vec<_>>();
    let listed = |numbers: &[i64]| numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let above: Vec<String> = known.above.iter().map(|path| format!("'{path}'")).collect();
    let mut namespaces = below("n.path");
    if !above.is_empty() {
        namespaces.push(format!("n.path in ({})", above.join(", ")));
    }
    let mut projects = below("p.path");
    if !known.projects.is_empty() {
        projects.push(format!("p.id in ({})", listed(&known.projects)));
    }
    let text = format!(
        "(users.id = {} or users.id in (select m.user_id from members m where \
         (m.namespace_id in (select n.id from namespaces n where {}) \
         or m.project_id in (select p.id from projects p where p.deleted_at is null and {})) \
         and (m.expires_at is null or m.expires_at > ",
        known.user,
        any_of(&namespaces),
        any_of(&projects),
    );
    Box::new(sql::<Bool>(&text).bind::<Instant, _>(known.now).sql(")))"))
}

/// Conditions with `or` between them, by halves: SQLite goes down into an expression no more than a thousand steps.
fn any_of(conditions: &[String]) -> String {
    match conditions {
        [] => "1 = 0".to_owned(),
        [one] => one.clone(),
        all => {
            let (left, right) = all.split_at(all.len() / 2);
            format!("({} or {})", any_of(left), any_of(right))
        }
    }
}

/// Writes a user as it is now.
pub(crate) fn update(db: &mut Db, user: &User) -> Result<()> {
    diesel::update(users::table.find(user.id)).set(user).execute(db)?;
    Ok(())
}
