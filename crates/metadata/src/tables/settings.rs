//! Settings: a document for each scope where something is set.

use consign_types::Timestamp;
use consign_types::settings::Settings;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Nullable, Text};
use serde::{Deserialize, Serialize};

use crate::connection::{Db, each};
use crate::error::{Error, Result};
use crate::schema::settings;

/// A scope, as its row is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The instance.
    Instance,
    /// A namespace, by id.
    Namespace(i64),
    /// A project, by id.
    Project(i64),
}

impl Scope {
    fn key(self) -> String {
        match self {
            Self::Instance => "instance".to_owned(),
            Self::Namespace(id) => format!("namespaces/{id}"),
            Self::Project(id) => format!("projects/{id}"),
        }
    }
}

/// What is set at one scope.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeSettings {
    /// The values.
    pub values: Settings,
    /// Counts the changes; 0 where there never was one.
    pub revision: i64,
    /// When the last one was.
    pub updated_at: Option<Timestamp>,
}

impl ScopeSettings {
    /// Differs after every change.
    pub fn etag(&self) -> String {
        format!("{:x}", self.revision)
    }
}

/// What is set at a scope; an empty set where nothing was ever set.
pub(crate) fn get(db: &mut Db, scope: Scope) -> Result<ScopeSettings> {
    let columns = (settings::document, settings::revision, settings::updated_at);
    let row: Option<(String, i64, Timestamp)> = settings::table.find(scope.key()).select(columns).first(db).optional()?;
    match row {
        Some((document, revision, updated_at)) => {
            let values = serde_json::from_str(&document).map_err(|_| Error::Row("settings"))?;
            Ok(ScopeSettings { values, revision, updated_at: Some(updated_at) })
        }
        None => Ok(ScopeSettings::default()),
    }
}

/// Sets what is set at a scope, where that has the revision `before`; `false` if somebody else was faster.
pub(crate) fn put(db: &mut Db, scope: Scope, before: i64, new: &ScopeSettings, now: Timestamp) -> Result<bool> {
    let document = serde_json::to_string(&new.values).expect("settings are JSON");
    let values = (settings::document.eq(document), settings::revision.eq(new.revision), settings::updated_at.eq(now));
    let put = if before == 0 {
        each!(db, connection => diesel::insert_into(settings::table)
            .values((settings::scope.eq(scope.key()), values))
            .on_conflict_do_nothing()
            .execute(connection))?
    } else {
        diesel::update(settings::table.find(scope.key()).filter(settings::revision.eq(before))).set(values).execute(db)?
    };
    Ok(put == 1)
}

/// Forgets what is set at a scope that goes.
pub(crate) fn remove(db: &mut Db, scope: Scope) -> Result<()> {
    diesel::delete(settings::table.find(scope.key())).execute(db)?;
    Ok(())
}

/// What is set at one scope of a chain.
#[derive(Debug, QueryableByName)]
struct Link {
    #[diesel(sql_type = Text)]
    origin: String,
    #[diesel(sql_type = Text)]
    document: String,
}

/// The scopes above a namespace, from it to the instance, each with its name and what is set there. Names are those of the API.
pub(crate) fn list_above(db: &mut Db, namespace: Option<i64>) -> Result<Vec<(String, Settings)>> {
    let query = sql_query(
        "with recursive chain (id, parent_id, path, depth) as (\
           select id, parent_id, path, 1 from namespaces where id = $1 \
           union all select n.id, n.parent_id, n.path, chain.depth + 1 from namespaces n join chain on n.id = chain.parent_id\
         ) select origin, document from (\
           select 'namespaces/' || chain.path as origin, s.document as document, chain.depth as depth \
           from chain join settings s on s.scope = 'namespaces/' || chain.id \
           union all select 'instance', s.document, 1000000 from settings s where s.scope = 'instance'\
         ) levels order by depth",
    );
    let links: Vec<Link> = each!(db, connection => query.bind::<Nullable<BigInt>, _>(namespace).load(connection))?;
    links.into_iter().map(|link| Ok((link.origin, read(&link.document)?))).collect()
}

/// The settings of a project and of all above it, nearest first, one document a line: a column for queries that read a project.
pub(crate) const CHAIN: &str = "(\
    with recursive chain (id, parent_id, depth) as (\
      select n.id, n.parent_id, 1 from namespaces n where n.id = projects.namespace_id \
      union all select n.id, n.parent_id, chain.depth + 1 from namespaces n join chain on n.id = chain.parent_id\
    ) select string_agg(document, '\n' order by depth) from (\
      select s.document as document, 0 as depth from settings s where s.scope = 'projects/' || projects.id \
      union all select s.document, chain.depth from chain join settings s on s.scope = 'namespaces/' || chain.id \
      union all select s.document, 1000000 from settings s where s.scope = 'instance'\
    ) levels)";

/// Reads a [`CHAIN`]: the nearest value of each setting.
pub(crate) fn nearest(chain: Option<&str>) -> Result<Settings> {
    let lines = chain.into_iter().flat_map(str::lines);
    lines.map(read).try_fold(Settings::default(), |nearer, farther| Ok(nearer.or(farther?)))
}

fn read(document: &str) -> Result<Settings> {
    serde_json::from_str(document).map_err(|_| Error::Row("settings"))
}
