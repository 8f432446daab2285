//! The operations: one a file, each one transaction.
//!
//! An operation reads, asks a rule of `consign_types`, and writes. What it needs to know is a struct of its own name, or the bare
//! value where it is only one.

pub(crate) mod admit;
pub(crate) mod attesting;
pub(crate) mod audit;
pub(crate) mod authenticate;
pub(crate) mod cancel_promotion;
pub(crate) mod cancel_uploads;
mod change;
pub(crate) mod change_release;
pub(crate) mod change_state;
mod clean_up;
pub(crate) mod compare_stages;
pub(crate) mod compare_versions;
mod condemn;
mod copies;
pub(crate) mod create_attestation;
pub(crate) mod create_member;
pub(crate) mod create_namespace;
pub(crate) mod create_project;
pub(crate) mod create_promotion;
pub(crate) mod create_protection_rule;
pub(crate) mod create_release;
pub(crate) mod create_stage;
pub(crate) mod create_tag_rule;
pub(crate) mod create_token;
pub(crate) mod create_trust_rule;
pub(crate) mod create_trusted_key;
pub(crate) mod create_user;
pub(crate) mod create_version;
pub(crate) mod delete_file;
pub(crate) mod delete_member;
pub(crate) mod delete_namespace;
pub(crate) mod delete_package;
pub(crate) mod delete_project;
pub(crate) mod delete_protection_rule;
pub(crate) mod delete_stage;
pub(crate) mod delete_tag;
pub(crate) mod delete_tag_rule;
pub(crate) mod delete_trust_rule;
pub(crate) mod delete_trusted_key;
pub(crate) mod delete_version;
pub(crate) mod deletion;
pub(crate) mod directories;
pub(crate) mod end_reused_token;
pub(crate) mod ensure_admin_token;
mod ensure_signing_keys;
pub(crate) mod exchange_token;
pub(crate) mod expire;
mod file_change;
pub(crate) mod find_attestation;
pub(crate) mod find_by_digest;
mod find_deletable;
mod find_file;
mod find_namespace;
pub(crate) mod find_package;
mod find_project;
pub(crate) mod find_promotion;
pub(crate) mod find_settings;
pub(crate) mod find_stage;
mod find_tag;
mod find_trusted_key;
pub(crate) mod find_usage;
mod find_user;
mod find_version;
pub(crate) mod follow_events;
mod ground;
mod ground_row;
mod idempotency;
pub(crate) mod list_events;
pub(crate) mod list_files;
pub(crate) mod list_members;
pub(crate) mod list_namespaces;
pub(crate) mod list_packages;
pub(crate) mod list_placements;
pub(crate) mod list_projects;
mod list_protection_rules;
pub(crate) mod list_releases;
pub(crate) mod list_tag_history;
mod list_tag_rules;
pub(crate) mod list_tags;
pub(crate) mod list_tokens;
mod list_trust_rules;
pub(crate) mod list_users;
pub(crate) mod list_versions;
mod pending;
pub(crate) mod prepare_downloads;
pub(crate) mod prepare_uploads;
mod promoting;
mod promotion_news;
pub(crate) mod publish_version;
mod publishing;
mod purge;
pub(crate) mod record_deployment;
pub(crate) mod recount;
pub(crate) mod report_gate;
pub(crate) mod resolve_version;
pub(crate) mod restore_tag;
pub(crate) mod review_promotion;
pub(crate) mod revoke_token;
pub(crate) mod rollback_stage;
pub(crate) mod rotate_token;
mod scene;
pub(crate) mod search_files;
pub(crate) mod search_versions;
pub(crate) mod shared_looks;
pub(crate) mod stage_state;
mod tagging;
pub(crate) mod test_tag_rule;
pub(crate) mod undelete_file;
pub(crate) mod undelete_package;
pub(crate) mod undelete_project;
pub(crate) mod undelete_version;
pub(crate) mod update_member;
pub(crate) mod update_package;
pub(crate) mod update_project;
pub(crate) mod update_protection_rule;
pub(crate) mod update_settings;
pub(crate) mod update_stage;
pub(crate) mod update_tag_rule;
pub(crate) mod update_tags;
pub(crate) mod update_trust_rule;
pub(crate) mod update_trusted_key;
pub(crate) mod update_user;
pub(crate) mod update_version;
pub(crate) mod verify_attestations;
mod version_change;
pub(crate) mod within;

use std::collections::HashSet;
use std::fmt::Display;

use consign_types::FilePath;
use consign_types::resource::{NamespaceRef, PackageRef, ProjectRef, RuleRef, TagRuleRef, UserRef, VersionRef};
use consign_types::text::{DisplayName, Etag};
use consign_types::version::VersionState;

pub(crate) use change::lock;

use crate::connection::Db;
use crate::error::{Error, Result};
use crate::tables::namespaces::{self, Namespace};
use crate::tables::packages::{self as package_rows, Package};
use crate::tables::projects::{self as project_rows, Project};
use crate::tables::tag_rules::{self, TagRule};
use crate::tables::users::{self as user_rows, User};
use crate::tables::version_row::Version;
use crate::tables::versions;

/// How many files one request may name.
const MAX_FILES: usize = 10_000;

fn namespace(db: &mut Db, name: &NamespaceRef) -> Result<Namespace> {
    namespaces::find(db, name)?.ok_or_else(|| Error::NamespaceNotFound(name.clone()))
}

fn user(db: &mut Db, name: &UserRef) -> Result<User> {
    user_rows::find(db, name)?.ok_or_else(|| Error::UserNotFound(name.clone()))
}

fn project(db: &mut Db, name: &ProjectRef) -> Result<Project> {
    project_rows::find(db, name)?.ok_or_else(|| Error::ProjectNotFound(name.clone()))
}

fn package(db: &mut Db, project: i64, name: &PackageRef) -> Result<Package> {
    package_rows::find(db, project, &name.package)?.ok_or_else(|| Error::PackageNotFound(name.clone()))
}

fn version(db: &mut Db, project: i64, name: &VersionRef) -> Result<Version> {
    versions::find(db, project, &name.package, &name.version)?.ok_or_else(|| Error::VersionNotFound(name.clone()))
}

/// A version of a package that is known already.
fn version_in(db: &mut Db, package: &Package, name: &VersionRef) -> Result<Version> {
    versions::find(db, package.project_id, &package.name, &name.version)?.ok_or_else(|| Error::VersionNotFound(name.clone()))
}

fn tag_rule(db: &mut Db, project: i64, name: &TagRuleRef) -> Result<TagRule> {
    tag_rules::find(db, project, name.id)?.ok_or_else(|| Error::RuleNotFound(RuleRef::Tag(name.clone())))
}

/// The version of this name, if its files may be read.
fn readable_version(db: &mut Db, name: &VersionRef) -> Result<Version> {
    let project = project(db, &name.project)?;
    let version = version(db, project.id, name)?;
    match version.state {
        state if state.is_readable() => Ok(version),
        VersionState::Quarantined => Err(Error::VersionQuarantined(name.clone())),
        _ => Err(Error::VersionNotFound(name.clone())),
    }
}

/// The version of this name, if its files may be listed: those of a draft and of a quarantined version may, though not read.
fn listable_version(db: &mut Db, name: &VersionRef) -> Result<Version> {
    let project = project(db, &name.project)?;
    version(db, project.id, name)
}

/// Refuses a path that a namespace or a project has: they share their paths, so that each means one thing.
fn check_free(db: &mut Db, path: &str) -> Result<()> {
    let project = path.parse().ok().map(ProjectRef::Path);
    let namespace = path.parse().ok().map(NamespaceRef::Path);
    let project = project.map(|name| project_rows::find_any(db, &name)).transpose()?.flatten();
    let namespace = namespace.map(|name| namespaces::find_any(db, &name)).transpose()?.flatten();
    if project.is_some() || namespace.is_some() { Err(Error::NameTaken(path.to_owned())) } else { Ok(()) }
}

/// Refuses a change to a thing that is not as the caller read it last.
fn etag_of(given: Option<&Etag>, actual: &str, name: &impl Display) -> Result<()> {
    match given {
        Some(given) if given.as_str() != actual => Err(Error::EtagMismatch(name.to_string())),
        _ => Ok(()),
    }
}

/// The display name that was chosen, or else this one.
fn or_else(chosen: &DisplayName, name: &str) -> DisplayName {
    if chosen.as_str().is_empty() { name.parse().expect("a slug is a display name") } else { chosen.clone() }
}

/// Refuses a list of files that is too long or names a path twice. `field` is what the request calls it.
fn check_paths<'a>(field: &'static str, paths: impl IntoIterator<Item = &'a FilePath>) -> Result<()> {
    let mut seen = HashSet::new();
    for path in paths {
        if seen.len() == MAX_FILES {
            return Err(Error::ArgumentInvalid { field, rule: format!("at most {MAX_FILES} files in one request") });
        }
        if !seen.insert(path) {
            return Err(Error::ArgumentInvalid { field, rule: format!("path `{path}` is named twice") });
        }
    }
    Ok(())
}
