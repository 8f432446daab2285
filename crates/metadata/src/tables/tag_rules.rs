//! Tag rules: what may happen to the tags that a pattern names.

use consign_types::Timestamp;
use consign_types::access::Role;
use consign_types::pattern::NamePattern;
use consign_types::tag::{Action, Protection, Rule};
use consign_types::text::Description;
use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use crate::connection::{Db, each};
use crate::error::Result;
use crate::prepared::rounded;
use crate::schema::tag_rules;

/// A tag rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagRule {
    /// Its id, never reused.
    pub id: i64,
    /// Its project.
    pub project_id: i64,
    /// The rule.
    pub rule: Rule,
    /// Why it is there.
    pub description: Description,
    /// Counts its changes.
    pub revision: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl TagRule {
    /// Differs after every change.
    pub fn etag(&self) -> String {
        format!("{:x}-{:x}", self.id, self.revision)
    }
}

/// The rule as columns.
#[derive(Clone, Debug, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = tag_rules, treat_none_as_null = true)]
struct Row {
    project_id: i64,
    pattern_kind: String,
    pattern: String,
    package_glob: String,
    action: String,
    create_role: Option<Role>,
    move_role: Option<Role>,
    delete_role: Option<Role>,
    predicate_types: String,
    description: Description,
    revision: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn to_row(new: &TagRule) -> Row {
    let pattern_kind = match &new.rule.tags {
        NamePattern::Glob(_) => "glob",
        NamePattern::Regex(_) => "regex",
    };
    let mut row = Row {
        project_id: new.project_id,
        pattern_kind: pattern_kind.to_owned(),
        pattern: new.rule.tags.text().to_owned(),
        package_glob: new.rule.packages.as_ref().map(|pattern| pattern.text().to_owned()).unwrap_or_default(),
        action: String::new(),
        create_role: None,
        move_role: None,
        delete_role: None,
        predicate_types: "[]".to_owned(),
        description: new.description.clone(),
        revision: new.revision,
        created_at: new.created_at,
        updated_at: new.updated_at,
    };
    match &new.rule.action {
        Action::Immutable => "immutable".clone_into(&mut row.action),
        Action::Protected(protection) => {
            "protected".clone_into(&mut row.action);
            (row.create_role, row.move_role, row.delete_role) = (protection.create, protection.moving, protection.delete);
        }
        Action::Monotonic => "monotonic".clone_into(&mut row.action),
        Action::Require(types) => {
            "require".clone_into(&mut row.action);
            row.predicate_types = serde_json::to_string(types).expect("a list of texts is JSON");
        }
    }
    row
}

type Read = (i64, Row);

/// What was written is read back; a row that is not a rule is a fault.
fn from_row((id, row): Read) -> Result<TagRule> {
    let fault = |_| crate::Error::Row("tag_rules");
    let action = match row.action.as_str() {
        "immutable" => Action::Immutable,
        "protected" => Action::Protected(Protection { create: row.create_role, moving: row.move_role, delete: row.delete_role }),
        "monotonic" => Action::Monotonic,
        _ => Action::Require(serde_json::from_str(&row.predicate_types).map_err(|_| crate::Error::Row("tag_rules"))?),
    };
    let tags = if row.pattern_kind == "glob" { NamePattern::glob(&row.pattern) } else { NamePattern::regex(&row.pattern) };
    let packages = if row.package_glob.is_empty() { None } else { Some(NamePattern::glob(&row.package_glob).map_err(fault)?) };
    Ok(TagRule {
        id,
        project_id: row.project_id,
        rule: Rule { tags: tags.map_err(fault)?, packages, action },
        description: row.description,
        revision: row.revision,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

type Columns = (
    tag_rules::id,
    (
        tag_rules::project_id,
        tag_rules::pattern_kind,
        tag_rules::pattern,
        tag_rules::package_glob,
        tag_rules::action,
        tag_rules::create_role,
        tag_rules::move_role,
        tag_rules::delete_role,
        tag_rules::predicate_types,
        tag_rules::description,
        tag_rules::revision,
        tag_rules::created_at,
        tag_rules::updated_at,
    ),
);

const COLUMNS: Columns = (
    tag_rules::id,
    (
        tag_rules::project_id,
        tag_rules::pattern_kind,
        tag_rules::pattern,
        tag_rules::package_glob,
        tag_rules::action,
        tag_rules::create_role,
        tag_rules::move_role,
        tag_rules::delete_role,
        tag_rules::predicate_types,
        tag_rules::description,
        tag_rules::revision,
        tag_rules::created_at,
        tag_rules::updated_at,
    ),
);

/// Adds a rule, whose id does not matter. Returns the one that it got.
pub(crate) fn insert(db: &mut Db, new: &TagRule) -> Result<i64> {
    let row = to_row(new);
    Ok(each!(db, connection => diesel::insert_into(tag_rules::table).values(row).returning(tag_rules::id).get_result(connection))?)
}

/// A rule of a project.
pub(crate) fn find(db: &mut Db, project: i64, id: i64) -> Result<Option<TagRule>> {
    let query = tag_rules::table.filter(tag_rules::project_id.eq(project)).filter(tag_rules::id.eq(id));
    query.select(COLUMNS).first::<Read>(db).optional()?.map(from_row).transpose()
}

/// Rules of a project behind an id.
pub(crate) fn list(db: &mut Db, project: i64, after: i64, limit: i64) -> Result<Vec<TagRule>> {
    let query = tag_rules::table.filter(tag_rules::project_id.eq(project)).filter(tag_rules::id.gt(after));
    query.select(COLUMNS).order(tag_rules::id).limit(limit).load::<Read>(db)?.into_iter().map(from_row).collect()
}

/// The rules of these projects, each of which has so many at most.
pub(crate) fn list_of(db: &mut Db, projects: &[i64], most: i64) -> Result<Vec<TagRule>> {
    let limit = most.saturating_mul(i64::try_from(projects.len()).unwrap_or(i64::MAX));
    let query = tag_rules::table.filter(tag_rules::project_id.eq_any(rounded(projects.to_vec())));
    query.select(COLUMNS).order(tag_rules::id).limit(limit).load::<Read>(db)?.into_iter().map(from_row).collect()
}

/// Writes a rule as it is now.
pub(crate) fn update(db: &mut Db, rule: &TagRule) -> Result<()> {
    diesel::update(tag_rules::table.find(rule.id)).set(to_row(rule)).execute(db)?;
    Ok(())
}

/// Removes a rule.
pub(crate) fn remove(db: &mut Db, id: i64) -> Result<()> {
    diesel::delete(tag_rules::table.find(id)).execute(db)?;
    Ok(())
}

/// Removes the rules of a project.
pub(crate) fn remove_of_project(db: &mut Db, project: i64) -> Result<()> {
    diesel::delete(tag_rules::table.filter(tag_rules::project_id.eq(project))).execute(db)?;
    Ok(())
}
