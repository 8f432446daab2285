//! Trust rules: which ID tokens of CI systems are changed into which tokens.

use std::collections::{BTreeMap, BTreeSet};

use consign_types::Timestamp;
use consign_types::access::{Role, Scope};
use consign_types::pattern::NamePattern;
use consign_types::text::Description;
use consign_types::trust::{Issuer, TrustRule as Trust};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use super::token_row::{globs, read_globs, read_scopes, scopes};
use crate::connection::{Db, each};
use crate::error::{Error, Result};
use crate::schema::trust_rules as rules;

/// A trust rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustRule {
    /// Its id, never reused.
    pub id: i64,
    /// Its project.
    pub project_id: i64,
    /// Whom it trusts.
    pub trust: Trust,
    /// What it grants.
    pub terms: Terms,
    /// Why it is there.
    pub description: Description,
    /// Counts its changes.
    pub revision: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What a trust rule grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The role that tokens act with.
    pub role: Role,
    /// What they may be used for.
    pub scopes: BTreeSet<Scope>,
    /// The packages that they may touch; none stands for all.
    pub packages: Vec<NamePattern>,
    /// The stages that they may promote to and approve for; none stands for all.
    pub stages: Vec<NamePattern>,
    /// For how many seconds they count at most.
    pub maximum_ttl_seconds: i64,
}

impl TrustRule {
    /// Differs after every change.
    pub fn etag(&self) -> String {
        format!("{:x}-{:x}", self.id, self.revision)
    }
}

/// The rule as columns.
#[derive(Clone, Debug, Queryable, Insertable, AsChangeset, Serialize, Deserialize)]
#[diesel(table_name = rules, treat_none_as_null = true)]
struct Row {
    project_id: i64,
    issuer: Issuer,
    audiences: String,
    claims: String,
    role: Role,
    scopes: String,
    package_globs: String,
    stage_globs: String,
    maximum_ttl_seconds: i64,
    description: Description,
    revision: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

type Read = (i64, Row);

type Columns = (
    rules::id,
    (
        rules::project_id,
        rules::issuer,
        rules::audiences,
        rules::claims,
        rules::role,
        rules::scopes,
        rules::package_globs,
        rules::stage_globs,
        rules::maximum_ttl_seconds,
        rules::description,
        rules::revision,
        rules::created_at,
        rules::updated_at,
    ),
);

const COLUMNS: Columns = (
    rules::id,
    (
        rules::project_id,
        rules::issuer,
        rules::audiences,
        rules::claims,
        rules::role,
        rules::scopes,
        rules::package_globs,
        rules::stage_globs,
        rules::maximum_ttl_seconds,
        rules::description,
        rules::revision,
        rules::created_at,
        rules::updated_at,
    ),
);

fn to_row(rule: &TrustRule) -> Row {
    let json = "texts and maps of texts are JSON";
    Row {
        project_id: rule.project_id,
        issuer: rule.trust.issuer().clone(),
        audiences: serde_json::to_string(rule.trust.audiences()).expect(json),
        claims: serde_json::to_string(rule.trust.claims()).expect(json),
        role: rule.terms.role,
        scopes: scopes(&rule.terms.scopes),
        package_globs: globs(&rule.terms.packages),
        stage_globs: globs(&rule.terms.stages),
        maximum_ttl_seconds: rule.terms.maximum_ttl_seconds,
        description: rule.description.clone(),
        revision: rule.revision,
        created_at: rule.created_at,
        updated_at: rule.updated_at,
    }
}

/// What was written is read back; a row that is not a rule is a fault.
fn from_row((id, row): Read) -> Result<TrustRule> {
    let fault = || Error::Row("trust_rules");
    let audiences = serde_json::from_str(&row.audiences).map_err(|_| fault())?;
    let claims: BTreeMap<_, _> = serde_json::from_str(&row.claims).map_err(|_| fault())?;
    Ok(TrustRule {
        id,
        project_id: row.project_id,
        trust: Trust::new(row.issuer, audiences, claims).map_err(|_| fault())?,
        terms: Terms {
            role: row.role,
            scopes: read_scopes(&row.scopes).ok_or_else(fault)?,
            packages: read_globs(&row.package_globs).ok_or_else(fault)?,
            stages: read_globs(&row.stage_globs).ok_or_else(fault)?,
            maximum_ttl_seconds: row.maximum_ttl_seconds,
        },
        description: row.description,
        revision: row.revision,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

impl Serialize for TrustRule {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.id, to_row(self)).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for TrustRule {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_row(Read::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Adds a rule, whose id does not matter. Returns the one that it got.
pub(crate) fn insert(db: &mut Db, new: &TrustRule) -> Result<i64> {
    let row = to_row(new);
    Ok(each!(db, connection => diesel::insert_into(rules::table).values(row).returning(rules::id).get_result(connection))?)
}

/// A rule of a project.
pub(crate) fn find(db: &mut Db, project: i64, id: i64) -> Result<Option<TrustRule>> {
    let query = rules::table.filter(rules::project_id.eq(project)).filter(rules::id.eq(id));
    query.select(COLUMNS).first::<Read>(db).optional()?.map(from_row).transpose()
}

/// Rules of a project behind an id.
pub(crate) fn list(db: &mut Db, project: i64, after: i64, limit: i64) -> Result<Vec<TrustRule>> {
    let query = rules::table.filter(rules::project_id.eq(project)).filter(rules::id.gt(after));
    query.select(COLUMNS).order(rules::id).limit(limit).load::<Read>(db)?.into_iter().map(from_row).collect()
}

/// Writes a rule as it is now.
pub(crate) fn update(db: &mut Db, rule: &TrustRule) -> Result<()> {
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
