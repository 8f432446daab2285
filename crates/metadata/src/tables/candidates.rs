//! The versions that a selector may mean, found with those above them in one trip.
//!
//! Whatever a package has, this looks at the index a fixed number of times: once for each kind of candidate, and once for those above.

use std::fmt::Write as _;

use consign_types::order::VersionScheme;
use consign_types::promotion::StageName;
use consign_types::range::Interval;
use consign_types::resource::{PackageRef, ProjectRef};
use consign_types::{ContentDigest, PackageName, TagName, VersionName};
use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::BoxedSqlQuery;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Binary, Bool, HasSqlType, Nullable, Text};

use super::version_row::{Version, VersionRow};
use crate::batch::Together;
use crate::connection::Db;
use crate::error::Result;

/// Which versions.
pub(crate) enum Candidates {
    /// The highest among these.
    Highest(Vec<Among>),
    /// The one of this name.
    Named(VersionName),
    /// The one of this name, and those above it.
    WithHigher(VersionName),
    /// The one that this tag points at.
    Tagged(TagName),
    /// The one that is placed on this stage.
    Placed(StageName),
    /// The first published of those with this content.
    WithContent(ContentDigest),
}

/// Versions that are offered in one way, within an interval of their order.
pub(crate) struct Among {
    pub(crate) offered: i16,
    pub(crate) interval: Option<Interval>,
}

/// What was found.
pub(crate) struct Found {
    pub(crate) version: Version,
    /// How its package is ordered.
    pub(crate) scheme: VersionScheme,
    /// Visible versions above it, the highest first.
    pub(crate) higher: Vec<Version>,
    /// The number of the project's last change.
    pub(crate) sequence: i64,
}

/// A row of the answer.
#[derive(Debug, QueryableByName)]
struct Row {
    #[diesel(embed)]
    version: VersionRow,
    #[diesel(sql_type = Text)]
    package_name: PackageName,
    #[diesel(sql_type = Nullable<Text>)]
    tags: Option<String>,
    #[diesel(sql_type = Text)]
    version_scheme: VersionScheme,
    #[diesel(sql_type = BigInt)]
    last_sequence: i64,
    #[diesel(sql_type = Bool)]
    chosen: bool,
}

/// A value of the statement.
enum Bind {
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// Finds the version that is meant, and up to `limit` visible versions above it.
pub(crate) fn find(db: &mut Db, package: &PackageRef, candidates: &Candidates, limit: i64) -> Result<Option<Found>> {
    let (text, binds) = statement(package, candidates, limit);
    let rows: Vec<Row> = match db {
        Db::Postgres(connection) => Together { parts: Vec::new(), query: bound(text, binds) }.load(connection)?,
        Db::Sqlite(connection) => bound(text, binds).load(connection)?,
    };
    let mut found = None;
    let mut higher = Vec::new();
    for row in rows {
        let (chosen, scheme, sequence) = (row.chosen, row.version_scheme, row.last_sequence);
        let version = Version::from((row.version, row.package_name, row.tags));
        if chosen {
            found = Some((version, scheme, sequence));
        } else {
            higher.push(version);
        }
    }
    Ok(found.map(|(version, scheme, sequence)| Found { version, scheme, higher, sequence }))
}

fn bound<DB>(text: String, binds: Vec<Bind>) -> BoxedSqlQuery<'static, DB, diesel::query_builder::SqlQuery>
where
    DB: Backend + HasSqlType<BigInt> + HasSqlType<Text> + HasSqlType<Binary>,
    i64: diesel::serialize::ToSql<BigInt, DB>,
    String: diesel::serialize::ToSql<Text, DB>,
    Vec<u8>: diesel::serialize::ToSql<Binary, DB>,
{
    binds.into_iter().fold(sql_query(text).into_boxed(), |query, bind| match bind {
        Bind::Number(number) => query.bind::<BigInt, _>(number),
        Bind::Text(text) => query.bind::<Text, _>(text),
        Bind::Bytes(bytes) => query.bind::<Binary, _>(bytes),
    })
}

/// The statement, and the values of its `$1`, `$2` and so on, which it names in this order.
fn statement(package: &PackageRef, candidates: &Candidates, limit: i64) -> (String, Vec<Bind>) {
    let (by, project) = match &package.project {
        ProjectRef::Id(id) => ("q.id = $1", Bind::Number(*id)),
        ProjectRef::Path(path) => ("q.path = $1", Bind::Text(path.to_string())),
    };
    let mut binds = vec![project, Bind::Text(package.package.to_string())];
    let chosen = match candidates {
        Candidates::Highest(among) => highest(among, &mut binds),
        Candidates::Named(version) | Candidates::WithHigher(version) => one(&mut binds, Bind::Text(version.to_string()), "v.version ="),
        Candidates::Tagged(tag) => {
            let tagged = "v.id = (select t.version_id from tags t where t.package_id = v.package_id and t.tag =";
            format!("{})", one(&mut binds, Bind::Text(tag.to_string()), tagged))
        }
        Candidates::Placed(stage) => {
            let placed = "v.id = (select t.version_id from placements t join stages s on s.id = t.stage_id \
                          where t.package_id = v.package_id and t.ended_at is null and s.stage =";
            format!("{})", one(&mut binds, Bind::Text(stage.to_string()), placed))
        }
        Candidates::WithContent(content) => {
            let with = one(&mut binds, Bind::Bytes(content.as_bytes().to_vec()), "v.content_digest =");
            format!("{with} order by v.published_at, v.id limit 1")
        }
    };
    let shows_higher = matches!(candidates, Candidates::Highest(_) | Candidates::WithHigher(_));
    let limit = if shows_higher { limit } else { 0 };
    let text = format!(
        "with package as (\
           select p.id, p.name, p.version_scheme, c.sequence from packages p join projects q on q.id = p.project_id \
           join counters c on c.project_id = q.id where {by} and p.name = $2 and p.retired = 0 and q.deleted_at is null\
         ), chosen as ({chosen}), higher as (\
           select v.id from versions v where v.package_id = (select id from package) and v.sort_key > (select sort_key from chosen) \
           and v.retired = 0 and v.published_at is not null order by v.sort_key desc limit {limit}\
         ) select versions.*, package.name as package_name, package.version_scheme, package.sequence as last_sequence, \
           versions.id = (select id from chosen) as chosen, \
           (select string_agg(t.tag, ' ' order by t.tag) from tags t where t.version_id = versions.id) as tags \
         from versions, package where versions.id in (select id from chosen union all select id from higher) and versions.retired = 0 \
         order by versions.sort_key desc"
    );
    (text, binds)
}

fn one(binds: &mut Vec<Bind>, value: Bind, condition: &str) -> String {
    binds.push(value);
    format!(
        "select v.id, v.sort_key from versions v where v.package_id = (select id from package) and v.retired = 0 and {condition} ${}",
        binds.len()
    )
}

/// The highest of the highest of each kind.
fn highest(among: &[Among], binds: &mut Vec<Bind>) -> String {
    let mut parts = Vec::with_capacity(among.len());
    for (index, Among { offered, interval }) in among.iter().enumerate() {
        let mut part = format!(
            "select * from (select v.id, v.sort_key from versions v \
             where v.package_id = (select id from package) and v.offered = {offered}"
        );
        let bounds = interval.iter().flat_map(|interval| [Some((">=", &interval.from)), interval.to.as_ref().map(|to| ("<", to))]);
        for (symbol, bound) in bounds.flatten() {
            binds.push(Bind::Bytes(bound.clone()));
            let _ = write!(part, " and v.sort_key {symbol} ${}", binds.len());
        }
        let _ = write!(part, " order by v.sort_key desc limit 1) among{index}");
        parts.push(part);
    }
    format!("select id, sort_key from ({}) of_all order by sort_key desc limit 1", parts.join(" union all "))
}
