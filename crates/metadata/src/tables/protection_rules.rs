//! Protection rules: who may change the packages that a pattern names.

use consign_types::Timestamp;
use consign_types::access::Role;
use consign_types::pattern::NamePattern;
use consign_types::protection::Protection;
use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use crate::connection::{Db, each};
use crate::error::{Error, Result};
use crate::prepared::rounded;
use crate::schema::protection_rules as rules;

/// A protection rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtectionRule {
    /// Its id, never reused.
    pub id: i64,
    /// Its project.
    pub project_id: i64,
    /// What it asks.
    pub protection: Protection,
    /// Counts its changes.
    pub revision: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl ProtectionRule {
    /// Differs after every change.
    pub fn etag(&self) -> String {
        format!("{:x}-{:x}", self.id, self.revision)
    }
}

/// The rule as columns.
#[derive(Clone, Debug, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = rules, treat_none_as_null = true)]
struct Row {
    project_id: i64,
    package_glob: String,
    publish_role: Option<Role>,
    delete_role: Option<Role>,
    revision: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

type Read = (i64, Row);

type Columns = (
    rules::id,
    (
        rules::project_id,
        rules::package_glob,
        rules::publish_role,
        rules::delete_role,
        rules::revision,
        rules::created_at,
        rules::updated_at,
    ),
);

const COLUMNS: Columns = (
    rules::id,
    (
        rules::project_id,
        rules::package_glob,
        rules::publish_role,
        rules::delete_role,
        rules::revision,
        rules::created_at,
        rules::updated_at,
    ),
);

fn to_row(rule: &ProtectionRule) -> Row {
    Row {
        project_id: rule.project_id,
        package_glob: rule.protection.packages.text().to_owned(),
        publish_role: rule.protection.publish,
        delete_role: rule.protection.delete,
        revision: rule.revision,
        created_at: rule.created_at,
        updated_at: rule.updated_at,
    }
}

/// What was written is read back; a row that is not a rule is a fault.
fn from_row((id, row): Read) -> Result<ProtectionRule> {
    let packages = NamePattern::glob(&row.package_glob).map_err(|_| Error::Row("protection_rules"))?;
    Ok(ProtectionRule {
        id,
        project_id: row.project_id,
        protection: Protection { packages, publish: row.publish_role, delete: row.delete_role },
        revision: row.revision,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

/// Adds a rule, whose id does not matter. Returns the one that it got; `None` if its pattern has a rule.
pub(crate) fn insert(db: &mut Db, new: &ProtectionRule) -> Result<Option<i64>> {
    let row = to_row(new);
    Ok(each!(db, connection => diesel::insert_into(rules::table)
        .values(row)
        .on_conflict_do_nothing()
        .returning(rules::id)
        .get_result(connection)
        .optional())?)
}

/// A rule of a project.
pub(crate) fn find(db: &mut Db, project: i64, id: i64) -> Result<Option<ProtectionRule>> {
    let query = rules::table.filter(rules::project_id.eq(project)).filter(rules::id.eq(id));
    query.select(COLUMNS).first::<Read>(db).optional()?.map(from_row).transpose()
}

/// Rules of a project behind an id.
pub(crate) fn list(db: &mut Db, project: i64, after: i64, limit: i64) -> Result<Vec<ProtectionRule>> {
    let query = rules::table.filter(rules::project_id.eq(project)).filter(rules::id.gt(after));
    query.select(COLUMNS).order(rules::id).limit(limit).load::<Read>(db)?.into_iter().map(from_row).collect()
}

/// The rules of these projects, each of which has so many at most.
pub(crate) fn list_of(db: &mut Db, projects: &[i64], most: i64) -> Result<Vec<ProtectionRule>> {
    let limit = most.saturating_mul(i64::try_from(projects.len()).unwrap_or(i64::MAX));
    let query = rules::table.filter(rules::project_id.eq_any(rounded(projects.to_vec())));
    query.select(COLUMNS).order(rules::id).limit(limit).load::<Read>(db)?.into_iter().map(from_row).collect()
}

/// Whether another rule of the project has this pattern.
pub(crate) fn has_pattern(db: &mut Db, rule: &ProtectionRule) -> Result<bool> {
    let same = rules::table.filter(rules::project_id.eq(rule.project_id)).filter(rules::package_glob.eq(rule.protection.packages.text()));
    Ok(same.filter(rules::id.ne(rule.id)).select(rules::id).first::<i64>(db).optional()?.is_some())
}

/// Writes a rule as it is now.
pub(crate) fn update(db: &mut Db, rule: &ProtectionRule) -> Result<()> {
    diesel::update(rules::table.find(rule.id)).set(to_row(rule)).execute(db)?;
    Ok(())
}

/// Removes a rule.
pub(crate) fn remove(db: &mut Db, id: i64) -> Result<()> {
    diesel::delete(rules::table.find(id)).execute(db)?;
    Ok(())
}

/// Removes the rules of a project that goes.
pub(crate) fn remove_of_project(db: &mut Db, project: i64) -> Result<()> {
    diesel::delete(rules::table.filter(rules::project_id.eq(project))).execute(db)?;
    Ok(())
}
