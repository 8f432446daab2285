//! `consign.metadata.v1.PackageService`.

use consign_metadata::{ListVersions, Metadata, PublishFile, PublishVersion};
use consign_proto::metadata::package_service_server::PackageService;
use consign_proto::metadata::{
    self as wire, GetVersionRequest, GetVersionResponse, ListVersionsRequest, ListVersionsResponse, PublishVersionRequest,
    PublishVersionResponse,
};
use consign_proto::status::{refused, status};
use consign_types::Reason;
use consign_types::resource::{PackageRef, VersionRef};
use tonic::{Request, Response, Status};

use super::page::Listing;
use super::{decode, encode};
use crate::auth::caller;
use crate::notes::Notes;

/// The service, over the metadata plane.
#[derive(Clone, Debug)]
pub(crate) struct PackageApi {
    pub(crate) metadata: Metadata,
    pub(crate) notes: Notes,
}

#[tonic::async_trait]
impl PackageService for PackageApi {
    async fn publish_version(&self, request: Request<PublishVersionRequest>) -> Result<Response<PublishVersionResponse>, Status> {
        let principal = caller(&request)?;
        let request = request.into_inner();
        decode::absent("tag_ids", request.tag_ids.is_empty())?;
        decode::absent("labels", request.labels.is_empty())?;
        decode::answerable("files", request.files.iter().map(|file| file.path.as_str()))?;
        let PackageRef { project, package } = decode::name("parent", &request.parent)?;
        let version = VersionRef { project, package, version: decode::name("version_id", &request.version_id)? };
        let publish = PublishVersion {
            principal,
            version: version.clone(),
            files: request.files.iter().map(|file| self.file(file)).collect::<Result<_, _>>()?,
            keep_open: request.keep_open,
            hidden: request.hidden,
            expected_content: decode::digest("expected_content_digest", &request.expected_content_digest)?,
            request_id: decode::optional("request_id", &request.request_id, decode::text)?,
            validate_only: request.validate_only,
        };
        let published = self.metadata.publish_version(publish).await.map_err(status)?;
        Ok(Response::new(PublishVersionResponse {
            files: published.files.into_iter().map(|file| encode::file(file, &version)).collect(),
            version: Some(encode::version(published.version)),
            replayed: published.replayed,
            sequence: 0,
        }))
    }

    async fn get_version(&self, request: Request<GetVersionRequest>) -> Result<Response<GetVersionResponse>, Status> {
        let name = decode::name("name", &request.get_ref().name)?;
        let version = self.metadata.find_version(name).await.map_err(status)?;
        Ok(Response::new(GetVersionResponse { version: Some(encode::version(version)) }))
    }

    async fn list_versions(&self, request: Request<ListVersionsRequest>) -> Result<Response<ListVersionsResponse>, Status> {
        let request = request.into_inner();
        decode::absent("filter", request.filter.is_empty())?;
        decode::absent("order_by", request.order_by.is_empty())?;
        decode::absent("show_deleted", !request.show_deleted)?;
        let hidden = if request.show_hidden { "hidden" } else { "" };
        let listing = Listing::of("ListVersions", &[&request.parent, hidden]);
        let wanted = ListVersions {
            parent: decode::name("parent", &request.parent)?,
            show_hidden: request.show_hidden,
            page: listing.page(request.page_size, &request.page_token)?,
        };
        let found = self.metadata.list_versions(wanted).await.map_err(status)?;
        let next_page_token = listing.next(&found, |version| version.id.to_string());
        Ok(Response::new(ListVersionsResponse { versions: found.map(encode::version).items, next_page_token }))
    }
}

impl PackageApi {
    fn file(&self, file: &wire::PublishFile) -> Result<PublishFile, Status> {
        let receipt = self.notes.receipt(&file.receipt)?;
        if file.blob.as_ref().is_some_and(|blob| *blob != encode::blob(&receipt.digest, receipt.size)) {
            return Err(refused(Reason::ReceiptInvalid, format!("receipt for `{}` is for other bytes", file.path)));
        }
        let media_type = decode::text("files.media_type", &file.media_type)?;
        Ok(PublishFile { path: decode::path("files.path", &file.path)?, receipt, media_type })
    }
}
