//! Releases: what a project says of a tag of its source code.

use consign_proto::metadata::release_service_client::ReleaseServiceClient;
use consign_proto::metadata::{
    CreateReleaseLinkRequest, CreateReleaseRequest, DeleteReleaseLinkRequest, DeleteReleaseRequest, GetReleaseRequest, ListReleasesRequest,
    ListReleasesResponse, Release, ReleaseLink, UpdateReleaseRequest,
};
use consign_types::resource::ProjectRef;
use prost_types::FieldMask;
use uuid::Uuid;

use crate::retry::repeat;
use crate::transport::Transport;
use crate::{Client, Error, MAX_METADATA_BYTES, Result};

impl Client {
    fn release_service(&self) -> ReleaseServiceClient<Transport> {
        ReleaseServiceClient::new(self.metadata.clone()).max_decoding_message_size(8 * MAX_METADATA_BYTES)
    }

    /// Makes a release. Another one of the same tag: `NAME_TAKEN`.
    pub async fn create_release(&self, project: &ProjectRef, release: Release) -> Result<Release> {
        let request_id = Uuid::new_v4().to_string();
        let request = CreateReleaseRequest { parent: project.to_string(), release: Some(release), request_id };
        let call = || async { self.release_service().create_release(self.request(request.clone())).await };
        repeat(call).await?.release.ok_or(Error::Protocol("no release"))
    }

    /// The release of a tag, or `RELEASE_NOT_FOUND`.
    pub async fn find_release(&self, project: &ProjectRef, tag: &str) -> Result<Release> {
        let request = GetReleaseRequest { parent: project.to_string(), tag: tag.to_owned() };
        let call = || async { self.release_service().get_release(self.request(request.clone())).await };
        repeat(call).await?.release.ok_or(Error::Protocol("no release"))
    }

    /// A page of the releases of a project, the last released first.
    pub async fn list_releases(&self, request: ListReleasesRequest) -> Result<ListReleasesResponse> {
        let call = || async { self.release_service().list_releases(self.request(request.clone())).await };
        Ok(repeat(call).await?)
    }

    /// Changes the named fields of a release, which is found by its tag.
    pub async fn update_release(&self, project: &ProjectRef, release: Release, fields: &[&str]) -> Result<Release> {
        let update_mask = Some(FieldMask { paths: fields.iter().map(|field| (*field).to_owned()).collect() });
        let (parent, request_id) = (project.to_string(), Uuid::new_v4().to_string());
        let request = UpdateReleaseRequest { parent, release: Some(release), update_mask, request_id };
        let call = || async { self.release_service().update_release(self.request(request.clone())).await };
        repeat(call).await?.release.ok_or(Error::Protocol("no release"))
    }

    /// Removes a release for good.
    pub async fn delete_release(&self, project: &ProjectRef, tag: &str) -> Result<Release> {
        let request_id = Uuid::new_v4().to_string();
        let request = DeleteReleaseRequest { parent: project.to_string(), tag: tag.to_owned(), request_id };
        let call = || async { self.release_service().delete_release(self.request(request.clone())).await };
        repeat(call).await?.release.ok_or(Error::Protocol("no release"))
    }

    /// Adds a link to a release.
    pub async fn create_release_link(&self, project: &ProjectRef, tag: &str, link: ReleaseLink) -> Result<ReleaseLink> {
        let (parent, tag, request_id) = (project.to_string(), tag.to_owned(), Uuid::new_v4().to_string());
        let request = CreateReleaseLinkRequest { parent, tag, link: Some(link), request_id };
        let call = || async { self.release_service().create_release_link(self.request(request.clone())).await };
        repeat(call).await?.link.ok_or(Error::Protocol("no link"))
    }

    /// Removes a link of a release.
    pub async fn delete_release_link(&self, project: &ProjectRef, tag: &str, link_id: i64) -> Result<ReleaseLink> {
        let (parent, tag, request_id) = (project.to_string(), tag.to_owned(), Uuid::new_v4().to_string());
        let request = DeleteReleaseLinkRequest { parent, tag, link_id, request_id };
        let call = || async { self.release_service().delete_release_link(self.request(request.clone())).await };
        repeat(call).await?.link.ok_or(Error::Protocol("no link"))
    }
}
