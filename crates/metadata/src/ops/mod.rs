//! The operations: one a file, each one transaction.

pub(crate) mod authenticate;
pub(crate) mod create_namespace;
pub(crate) mod create_project;
pub(crate) mod ensure_admin_token;
pub(crate) mod expire;
pub(crate) mod find_file;
pub(crate) mod find_namespace;
pub(crate) mod find_project;
pub(crate) mod find_version;
pub(crate) mod list_files;
pub(crate) mod list_namespaces;
pub(crate) mod list_projects;
pub(crate) mod list_versions;
pub(crate) mod prepare_downloads;
pub(crate) mod prepare_uploads;
pub(crate) mod publish_version;
mod request_id;

use consign_types::resource::VersionRef;

use crate::connection::Db;
use crate::error::{Error, Result};
use crate::tables::projects;
use crate::tables::versions::{self, VersionRow};

/// How many files one request may name.
const MAX_FILES: usize = 10_000;

/// The version of this name, if its files may be read.
fn find_readable(db: &mut Db, name: &VersionRef) -> Result<VersionRow> {
    let project = projects::find(db, &name.project)?;
    let version = versions::find(db, project.id, &name.package, &name.version)?;
    version.filter(|version| version.state.is_readable()).ok_or_else(|| Error::VersionNotFound(name.clone()))
}

/// Whether a list of files is neither too long nor names a path twice.
fn check_paths<'a>(paths: impl Iterator<Item = &'a consign_types::FilePath>) -> Result<()> {
    let mut seen = std::collections::HashSet::new();
    for path in paths {
        if seen.len() == MAX_FILES {
            return Err(Error::ArgumentInvalid { field: "files", rule: format!("at most {MAX_FILES} files in one request") });
        }
        if !seen.insert(path) {
            return Err(Error::ArgumentInvalid { field: "files", rule: format!("path `{path}` is named twice") });
        }
    }
    Ok(())
}
