//! Finding versions and files, and deleting them.

use consign_proto::metadata::resolve_version_request::Selector;
use consign_proto::metadata::{
    DeleteFileRequest, DeleteVersionRequest, File, GetVersionRequest, ListFilesRequest, ListFilesResponse, ListVersionsRequest,
    ListVersionsResponse, ResolveVersionRequest, SearchVersionsRequest, SearchVersionsResponse, Version,
};
use consign_types::FilePath;
use consign_types::promotion::StageName;
use consign_types::resource::{FileRef, PackageRef, VersionRef};
use uuid::Uuid;

use crate::retry::repeat;
use crate::{Client, Error, Result};

impl Client {
    /// A page of the versions of a project, of a namespace, or of all that the caller may read.
    pub async fn search_versions(&self, request: SearchVersionsRequest) -> Result<SearchVersionsResponse> {
        let call = || async { self.package_service().search_versions(self.request(request.clone())).await };
        Ok(repeat(call).await?)
    }

    /// A page of the versions of a package.
    pub async fn list_versions(&self, request: ListVersionsRequest) -> Result<ListVersionsResponse> {
        let call = || async { self.package_service().list_versions(self.request(request.clone())).await };
        Ok(repeat(call).await?)
    }

    /// The version of this name, or `VERSION_NOT_FOUND`.
    pub async fn find_version(&self, version: &VersionRef) -> Result<Version> {
        let request = GetVersionRequest { name: version.to_string() };
        let call = || async { self.package_service().get_version(self.request(request.clone())).await };
        repeat(call).await?.version.ok_or(Error::Protocol("no version"))
    }

    /// The version of a package that `latest` means, or `VERSION_NOT_FOUND`.
    pub async fn find_latest(&self, package: &PackageRef) -> Result<Version> {
        let request = ResolveVersionRequest {
            parent: package.to_string(),
            selector: Some(Selector::Latest(true)),
            ..ResolveVersionRequest::default()
        };
        let call = || async { self.package_service().resolve_version(self.request(request.clone())).await };
        repeat(call).await?.version.ok_or(Error::Protocol("no version"))
    }

    /// What is placed of a package on a stage: the version, and of its files those that were placed, up to 1000, or the one at this path.
    /// `STAGE_NOT_FOUND`, or `VERSION_NOT_FOUND` where nothing is.
    pub async fn find_placed(&self, package: &PackageRef, stage: &StageName, path: Option<&FilePath>) -> Result<(Version, Vec<File>)> {
        let request = ResolveVersionRequest {
            parent: package.to_string(),
            selector: Some(Selector::StageId(stage.to_string())),
            path: path.map(ToString::to_string).unwrap_or_default(),
            ..ResolveVersionRequest::default()
        };
        let call = || async { self.package_service().resolve_version(self.request(request.clone())).await };
        let found = repeat(call).await?;
        Ok((found.version.ok_or(Error::Protocol("no version"))?, found.files))
    }

    /// A page of the files of a version or of all versions that the caller may read, those that newer ones replaced included.
    pub async fn list_files(&self, request: ListFilesRequest) -> Result<ListFilesResponse> {
        let call = || async { self.file_service().list_files(self.request(request.clone())).await };
        Ok(repeat(call).await?)
    }

    /// Deletes a version, by its name and, where that is given, only as it was when it had this etag.
    pub async fn delete_version(&self, name: &str, etag: &str) -> Result<()> {
        self.end_version(DeleteVersionRequest { name: name.to_owned(), etag: etag.to_owned(), ..DeleteVersionRequest::default() }).await
    }

    /// Asks whether a version would be deleted, and changes nothing.
    pub async fn try_delete_version(&self, name: &str) -> Result<()> {
        self.end_version(DeleteVersionRequest { name: name.to_owned(), validate_only: true, ..DeleteVersionRequest::default() }).await
    }

    async fn end_version(&self, request: DeleteVersionRequest) -> Result<()> {
        let request = DeleteVersionRequest { request_id: Uuid::new_v4().to_string(), ..request };
        let call = || async { self.package_service().delete_version(self.request(request.clone())).await };
        repeat(call).await?;
        Ok(())
    }

    /// Deletes one revision of a file.
    pub async fn delete_file(&self, name: &FileRef, revision: i32) -> Result<()> {
        self.end_file(DeleteFileRequest { name: name.to_string(), revision, ..DeleteFileRequest::default() }).await
    }

    /// Asks whether one revision of a file would be deleted, and changes nothing.
    pub async fn try_delete_file(&self, name: &FileRef, revision: i32) -> Result<()> {
        self.end_file(DeleteFileRequest { name: name.to_string(), revision, validate_only: true, ..DeleteFileRequest::default() }).await
    }

    async fn end_file(&self, request: DeleteFileRequest) -> Result<()> {
        let request = DeleteFileRequest { request_id: Uuid::new_v4().to_string(), ..request };
        let call = || async { self.file_service().delete_file(self.request(request.clone())).await };
        repeat(call).await?;
        Ok(())
    }
}
