//! Files of packages.

use async_graphql::SimpleObject;
use consign_proto::metadata::{File, Version};
use consign_types::Digest;

use super::super::entity::download_path;
use super::scalar::{FileId, Time};

/// A file of a package. Its size is a text, as in GitLab: an `Int` ends at 2 GiB.
#[derive(Clone, Debug, SimpleObject)]
pub(super) struct PackageFile {
    id: FileId,
    file_name: String,
    size: String,
    file_sha256: Option<String>,
    file_md5: Option<String>,
    file_sha1: Option<String>,
    created_at: Time,
    updated_at: Time,
    download_path: String,
}

impl PackageFile {
    /// A file of a version.
    pub(super) fn of(file: &File, version: &Version) -> Self {
        let blob = file.blob.clone().unwrap_or_default();
        let created = Time::of(file.create_time);
        Self {
            id: FileId::from(file),
            file_name: file.path.clone(),
            size: blob.size_bytes.to_string(),
            file_sha256: Digest::try_from(blob.sha256.as_ref()).map(|digest| digest.to_string()).ok(),
            file_md5: None,
            file_sha1: None,
            created_at: created.clone(),
            updated_at: created,
            download_path: download_path(version, &file.path),
        }
    }
}
