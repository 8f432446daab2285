//! Members: the roles of users in projects and namespaces.

use consign_types::access::{Membership, Place, Role};
use consign_types::text::DisplayName;
use consign_types::{NamespacePath, ProjectPath, Timestamp, Username};
use diesel::dsl::{Eq, InnerJoin, InnerJoinQuerySource, IntoBoxed, LeftJoin, LeftJoinQuerySource, Nullable, On, sql};
use diesel::prelude::*;
use diesel::sql_types::Bool;
use serde::{Deserialize, Serialize};

use crate::columns::Instant;
use crate::connection::{Db, MultiBackend, each};
use crate::cursor::Cursor;
use crate::error::Result;
use crate::page::{MAX_COUNTED, Slice};
use crate::schema::{members, namespaces, projects, users};
use crate::select::{Condition, Field, Order};

/// The role of a user in one place.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Serialize, Deserialize)]
pub struct Member {
    /// Its id, never reused.
    pub id: i64,
    /// The user.
    pub user_id: i64,
    /// The project, if it is one.
    pub project_id: Option<i64>,
    /// The namespace, if it is one.
    pub namespace_id: Option<i64>,
    /// The role.
    pub role: Role,
    /// Until when it counts.
    pub expires_at: Option<Timestamp>,
    /// Counts its changes.
    pub revision: i64,
    /// When it was given.
    pub created_at: Timestamp,
}

impl Member {
    /// A role of a user, in force until then, to be given somewhere.
    pub(crate) fn new(user_id: i64, (role, expires_at): (Role, Option<Timestamp>), created_at: Timestamp) -> Self {
        Self { id: 0, user_id, project_id: None, namespace_id: None, role, expires_at, revision: 1, created_at }
    }

    /// Differs after every change.
    pub fn etag(&self) -> String {
        format!("{:x}-{:x}", self.id, self.revision)
    }

    /// Where the role was given.
    pub(crate) fn home(&self) -> Option<Home> {
        self.project_id.map(Home::Project).or(self.namespace_id.map(Home::Namespace))
    }
}

/// A member with its user's names, and where the role was given.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Serialize, Deserialize)]
pub struct PlacedMember {
    /// The member.
    pub member: Member,
    /// The user's name.
    pub username: Username,
    /// The path of the namespace, if it is one.
    pub namespace: Option<NamespacePath>,
    /// What people call the user; empty in an answer that a release kept which did not tell it.
    #[serde(default = "unnamed")]
    pub display_name: DisplayName,
}

fn unnamed() -> DisplayName {
    "".parse().expect("a display name may be empty")
}

/// A place that has members, by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    /// A project.
    Project(i64),
    /// A namespace.
    Namespace(i64),
}

impl Home {
    fn columns(self) -> (Option<i64>, Option<i64>) {
        match self {
            Self::Project(id) => (Some(id), None),
            Self::Namespace(id) => (None, Some(id)),
        }
    }
}

/// The words of the roles that members have, rising: all but the last, which is that of administrators.
const ROLES: [&str; Role::ALL.len() - 1] = {
    let mut words = [""; Role::ALL.len() - 1];
    let mut rank = 0;
    while rank < words.len() {
        words[rank] = Role::ALL[rank].as_str();
        rank += 1;
    }
    words
};

/// What lists of members can be filtered by.
pub(crate) fn field(name: &str) -> Option<Field> {
    Some(match name {
        "user" => Field::Number("members.user_id"),
        "username" => Field::Text("users.username"),
        "role" => Field::Word("members.role", &ROLES),
        "expire_time" => Field::Time("members.expires_at"),
        _ => return None,
    })
}

/// Members, their users and their namespaces.
pub(crate) type Source = LeftJoinQuerySource<
    InnerJoinQuerySource<members::table, users::table>,
    namespaces::table,
    Eq<members::namespace_id, Nullable<namespaces::id>>,
>;

type Joined = LeftJoin<InnerJoin<members::table, users::table>, On<namespaces::table, Eq<members::namespace_id, Nullable<namespaces::id>>>>;

fn joined() -> Joined {
    members::table.inner_join(users::table).left_join(namespaces::table.on(members::namespace_id.eq(namespaces::id.nullable())))
}

type Columns = (<members::table as Table>::AllColumns, users::username, Nullable<namespaces::path>, users::display_name);

fn columns() -> Columns {
    (members::all_columns, users::username, namespaces::path.nullable(), users::display_name)
}

/// Which members to list.
pub(crate) struct Selection<'a> {
    /// Those whose roles were given in these places.
    pub(crate) homes: &'a [Home],
    /// Of each user the highest role alone of those that count at this time.
    pub(crate) highest_at: Option<Timestamp>,
    pub(crate) filter: Option<Condition<Source>>,
}

/// Members that fit, behind a cursor.
pub(crate) fn list(
    db: &mut Db,
    selection: Selection<'_>,
    order: &Order,
    after: Option<&Cursor>,
    slice: Slice,
) -> Result<Vec<PlacedMember>> {
    let mut query = chosen(selection).select(columns()).order(order.by()).limit(slice.limit).offset(slice.offset);
    if let Some(after) = after {
        query = query.filter(order.behind(after)?);
    }
    Ok(query.load(db)?)
}

/// How many members fit, as far as they are counted.
pub(crate) fn count(db: &mut Db, selection: Selection<'_>) -> Result<i64> {
    let ids: Vec<i64> = chosen(selection).select(members::id).limit(MAX_COUNTED + 1).load(db)?;
    Ok(i64::try_from(ids.len()).unwrap_or(i64::MAX))
}

fn chosen(selection: Selection<'_>) -> IntoBoxed<'static, Joined, MultiBackend> {
    let (projects, namespaces): (Vec<_>, Vec<_>) = selection.homes.iter().map(|home| home.columns()).unzip();
    let (projects, above): (Vec<i64>, Vec<i64>) = (projects.into_iter().flatten().collect(), namespaces.into_iter().flatten().collect());
    let highest = selection.highest_at.map(|now| is_highest(&projects, &above, now));
    let given = members::project_id.eq_any(projects).or(members::namespace_id.eq_any(above)).assume_not_null();
    let mut query = joined().into_boxed().filter(given);
    if let Some(condition) = highest {
        query = query.filter(condition);
    }
    if let Some(condition) = selection.filter {
        query = query.filter(condition);
    }
    query
}

/// The rank of the role in a row of this name, as an expression of SQL.
pub(crate) fn rank(row: &str) -> String {
    let ranks: Vec<String> = ROLES.iter().enumerate().map(|(rank, role)| format!("when '{role}' then {rank}")).collect();
    format!("(case {row}.role {} end)", ranks.join(" "))
}

/// The condition that a role counts, and that the user has no higher one in these places; of equal ones, none that was given before.
fn is_highest(projects: &[i64], namespaces: &[i64], now: Timestamp) -> Condition<Source> {
    let listed = |ids: &[i64]| ids.iter().map(ToString::to_string).chain(["-1".to_owned()]).collect::<Vec<_>>().join(", ");
    let (own, other) = (rank("members"), rank("o"));
    let text = format!(
        ") and not exists (select 1 from members o where o.user_id = members.user_id \
         and (o.project_id in ({}) or o.namespace_id in ({})) \
         and ({other} > {own} or ({other} = {own} and o.id < members.id)) and (o.expires_at is null or o.expires_at > ",
        listed(projects),
        listed(namespaces),
    );
    let counts = sql::<Bool>("((members.expires_at is null or members.expires_at > ").bind::<Instant, _>(now);
    Box::new(counts.sql(&text).bind::<Instant, _>(now).sql(")))"))
}

/// The role of a user that was given in a place.
pub(crate) fn find(db: &mut Db, home: Home, user: i64) -> Result<Option<Member>> {
    let query = members::table.filter(members::user_id.eq(user)).into_boxed();
    let query = match home {
        Home::Project(id) => query.filter(members::project_id.eq(id)),
        Home::Namespace(id) => query.filter(members::namespace_id.eq(id)),
    };
    Ok(query.first(db).optional()?)
}

/// A member with what goes with it.
pub(crate) fn placed(db: &mut Db, member: Member) -> Result<PlacedMember> {
    Ok(joined().filter(members::id.eq(member.id)).select(columns()).first(db)?)
}

/// How many roles a user has that count at a time.
pub(crate) fn count_of_user(db: &mut Db, user: i64, now: Timestamp) -> Result<i64> {
    let query = members::table.filter(members::user_id.eq(user));
    Ok(query.filter(members::expires_at.is_null().or(members::expires_at.gt(now).assume_not_null())).count().get_result(db)?)
}

/// Removes roles whose time was over by then, a bounded number of them.
pub(crate) fn remove_expired(db: &mut Db, until: Timestamp, limit: i64) -> Result<usize> {
    let over = members::table.filter(members::expires_at.le(until)).order(members::expires_at).limit(limit);
    let ids: Vec<i64> = over.select(members::id).load(db)?;
    Ok(diesel::delete(members::table.filter(members::id.eq_any(ids))).execute(db)?)
}

/// A role, and the id and path of its project, or those of its namespace.
type Given = (Role, Option<i64>, Option<ProjectPath>, Option<i64>, Option<NamespacePath>);

/// The roles of a user that count at a time.
pub(crate) fn list_of_user(db: &mut Db, user: i64, now: Timestamp) -> Result<Vec<Membership>> {
    let rows: Vec<Given> = members::table
        .left_join(namespaces::table.on(members::namespace_id.eq(namespaces::id.nullable())))
        .left_join(projects::table.on(members::project_id.eq(projects::id.nullable())))
        .filter(members::user_id.eq(user))
        .filter(members::expires_at.is_null().or(members::expires_at.gt(now).assume_not_null()))
        .order(members::id)
        .select((members::role, members::project_id, projects::path.nullable(), members::namespace_id, namespaces::path.nullable()))
        .load(db)?;
    let membership = |(role, project, path, namespace, namespace_path): Given| {
        let project = project.zip(path).map(|(id, path)| Place::Project { id, path });
        let namespace = namespace.zip(namespace_path).map(|(id, path)| Place::Namespace { id, path });
        Some(Membership { place: project.or(namespace)?, role })
    };
    Ok(rows.into_iter().filter_map(membership).collect())
}

/// Gives a user a role in a place, whatever the given id; `None` if the user has one there.
pub(crate) fn insert(db: &mut Db, home: Home, new: &Member) -> Result<Option<Member>> {
    let (project, namespace) = home.columns();
    let values = (
        members::user_id.eq(new.user_id),
        members::project_id.eq(project),
        members::namespace_id.eq(namespace),
        members::role.eq(new.role),
        members::expires_at.eq(new.expires_at),
        members::revision.eq(new.revision),
        members::created_at.eq(new.created_at),
    );
    Ok(each!(db, connection => diesel::insert_into(members::table)
        .values(values)
        .on_conflict_do_nothing()
        .returning(members::all_columns)
        .get_result(connection)
        .optional())?)
}

/// Writes a member as it is now, if it still has the revision before; whether it had.
pub(crate) fn update(db: &mut Db, member: &Member) -> Result<bool> {
    let old = members::table.find(member.id).filter(members::revision.eq(member.revision - 1));
    let values = (members::role.eq(member.role), members::expires_at.eq(member.expires_at), members::revision.eq(member.revision));
    Ok(diesel::update(old).set(values).execute(db)? == 1)
}

/// Takes a role away.
pub(crate) fn remove(db: &mut Db, id: i64) -> Result<()> {
    diesel::delete(members::table.find(id)).execute(db)?;
    Ok(())
}

/// Takes away all roles that were given in a place that goes.
pub(crate) fn remove_of(db: &mut Db, home: Home) -> Result<()> {
    match home {
        Home::Project(id) => diesel::delete(members::table.filter(members::project_id.eq(id))).execute(db)?,
        Home::Namespace(id) => diesel::delete(members::table.filter(members::namespace_id.eq(id))).execute(db)?,
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_ranked_as_they_stand_and_administrators_are_no_members() {
        assert_eq!((ROLES.first(), ROLES.last()), (Some(&"guest"), Some(&"owner")));
        let [.., last] = Role::ALL;
        assert_eq!(last, Role::Admin);
        assert!(rank("m").starts_with("(case m.role when 'guest' then 0 when 'planner' then 1 when 'reporter' then 2"));
    }

    #[test]
    fn an_answer_that_was_kept_without_a_display_name_is_read() {
        let placed = PlacedMember {
            member: Member {
                id: 1,
                user_id: 2,
                project_id: Some(3),
                namespace_id: None,
                role: Role::Owner,
                expires_at: None,
                revision: 1,
                created_at: "2030-01-31T12:00:00Z".parse().unwrap(),
            },
            username: "alice".parse().unwrap(),
            namespace: None,
            display_name: "Alice".parse().unwrap(),
        };
        let mut kept = serde_json::to_value(&placed).unwrap();
        kept.as_object_mut().unwrap().remove("display_name").unwrap();
        let read: PlacedMember = serde_json::from_value(kept).unwrap();
        assert_eq!(read, PlacedMember { display_name: unnamed(), ..placed });
    }
}
