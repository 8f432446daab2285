//! Which versions somebody may delete: for a page of them, by a fixed number of statements.

use std::collections::{HashMap, HashSet};

use consign_types::access::{Grant, Need, Site, Target};
use consign_types::protection::Protection;

use super::admit::site;
use super::create_protection_rule;
use super::deletion;
use crate::connection::Db;
use crate::tables::projects::Project;
use crate::tables::version_row::Version;
use crate::tables::{projects, protection_rules};
use crate::{Metadata, Principal, Result};

impl Metadata {
    /// The ids of those of these versions, a page of them at most, that the caller may delete as they stand: whose role and scopes suffice,
    /// that no rule keeps, that no tag holds and that no stage has. It is told, and decides nothing: a deletion is judged when it is made.
    pub async fn find_deletable(&self, principal: &Principal, need: Need, versions: &[Version]) -> Result<HashSet<i64>> {
        let grant = principal.grant.clone();
        let may = |version: &&Version| version.deleted_at.is_none();
        let versions: Vec<Version> = versions.iter().filter(may).cloned().collect();
        if versions.is_empty() || !need.scope.is_within(&grant.scopes) {
            return Ok(HashSet::new());
        }
        self.pool.read(move |db| deletable(db, &grant, need, versions)).await
    }
}

fn deletable(db: &mut Db, grant: &Grant, need: Need, mut versions: Vec<Version>) -> Result<HashSet<i64>> {
    let sites = sites(db, &projects_of(&versions))?;
    versions.retain(|version| {
        let site = sites.get(&version.project_id);
        site.is_some_and(|site| grant.judge(need, Target::Package(site, &version.package)).is_ok())
    });
    deletion::free(db, &versions)
}

fn projects_of(versions: &[Version]) -> Vec<i64> {
    let ids: HashSet<i64> = versions.iter().map(|version| version.project_id).collect();
    ids.into_iter().collect()
}

/// What is to be known of these projects.
fn sites(db: &mut Db, ids: &[i64]) -> Result<HashMap<i64, Site>> {
    let mut protections: HashMap<i64, Vec<Protection>> = HashMap::new();
    for rule in protection_rules::list_of(db, ids, create_protection_rule::MAX_RULES)? {
        protections.entry(rule.project_id).or_default().push(rule.protection);
    }
    let site = |project: &Project| (project.id, site(project, protections.remove(&project.id).unwrap_or_default().into()));
    Ok(projects::list_of(db, ids)?.iter().map(site).collect())
}
