//! Files, as their rows have them.

use consign_types::text::MediaType;
use consign_types::{Digest, FilePath, PackageName, Slug, Timestamp, VersionName};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use crate::schema::files;

/// A file of a version.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable, AsChangeset, Serialize, Deserialize)]
#[diesel(table_name = files, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct File {
    /// Its id, never reused.
    pub id: i64,
    /// The project of its version.
    pub project_id: i64,
    /// Its version.
    pub version_id: i64,
    /// Where it is within the version.
    pub path: FilePath,
    /// 1 for the first row of this path, then counted up.
    pub revision: i32,
    /// The digest of its bytes.
    pub digest: Digest,
    /// How many bytes it has.
    pub size_bytes: i64,
    /// What the publisher said that it is.
    pub media_type: MediaType,
    /// How often its download was prepared.
    pub download_count: i64,
    /// When that was last.
    pub downloaded_at: Option<Timestamp>,
    /// The number of its last change.
    pub sequence: i64,
    /// Who published it.
    pub creator: Slug,
    /// When it was published.
    pub created_at: Timestamp,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
    /// When it is removed for good.
    pub purge_at: Option<Timestamp>,
}

impl File {
    /// Differs after every change.
    pub fn etag(&self) -> String {
        format!("{:x}-{:x}", self.id, self.sequence)
    }
}

/// A file, and what its version is called.
#[derive(Clone, Debug, Queryable)]
pub struct LocatedFile {
    /// The file.
    pub file: File,
    /// The package of its version.
    pub package: PackageName,
    /// The name of its version.
    pub version: VersionName,
}
