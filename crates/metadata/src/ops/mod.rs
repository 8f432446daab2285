//! The operations: one a file, each one transaction.
//!
//! An operation reads, asks a rule of `consign_types`, and writes. What it needs to know is a struct of its own name, or the bare
//! value where it is only one.

pub(crate) mod authenticate;
mod copies;
pub(crate) mod create_namespace;
pub(crate) mod create_project;
pub(crate) mod ensure_admin_token;
pub(crate) mod expire;
pub(crate) mod find_file;
pub(crate) mod find_namespace;
pub(crate) mod find_project;
pub(crate) mod find_version;
mod idempotency;
pub(crate) mod list_files;
pub(crate) mod list_namespaces;
pub(crate) mod list_projects;
pub(crate) mod list_versions;
pub(crate) mod prepare_downloads;
pub(crate) mod prepare_uploads;
pub(crate) mod publish_version;

use std::collections::HashSet;

use consign_types::FilePath;
use consign_types::resource::{NamespaceRef, ProjectRef, VersionRef};
use consign_types::text::DisplayName;

use crate::connection::Db;
use crate::error::{Error, Result};
use crate::tables::namespaces::{self, Namespace};
use crate::tables::projects::{self, Project};
use crate::tables::versions::{self, Version};

/// How many files one request may name.
const MAX_FILES: usize = 10_000;

fn namespace(db: &mut Db, name: &NamespaceRef) -> Result<Namespace> {
    namespaces::find(db, name)?.ok_or_else(|| Error::NamespaceNotFound(name.clone()))
}

fn project(db: &mut Db, name: &ProjectRef) -> Result<Project> {
    projects::find(db, name)?.ok_or_else(|| Error::ProjectNotFound(name.clone()))
}

/// The version of this name, if its files may be read.
fn readable_version(db: &mut Db, name: &VersionRef) -> Result<Version> {
    let project = project(db, &name.project)?;
    let version = versions::find(db, project.id, &name.package, &name.version)?;
    version.filter(|version| version.state.is_readable()).ok_or_else(|| Error::VersionNotFound(name.clone()))
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
