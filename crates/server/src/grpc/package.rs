//! `consign.metadata.v1.PackageService`.

use consign_metadata::{ListVersions, Metadata, PublishFile, PublishVersion};
use consign_proto::metadata::package_service_server::PackageService;
use consign_proto::metadata::{
    self as wire, GetVersionRequest, GetVersionResponse, ListVersionsRequest, ListVersionsResponse, PublishVersionRequest,
    PublishVersionResponse,
};
use consign_proto::status::{invalid, refused, status};
use consign_types::Reason;
use consign_types::resource::{PackageRef, VersionRef};
use tonic::{Request, Response, Status};

use super::page::Listing;
use super::{decode, encode, page};
use crate::auth::caller;
use crate::notes::Notes;

const MAX_MEDIA_TYPE_BYTES: usize = 255;

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
        let PackageRef { project, package } = decode::name("parent", &request.parent)?;
        let package = package.ok_or_else(|| invalid("parent", Reason::NameInvalid, "must name a package"))?;
        let version = decode::name("version_id", &request.version_id)?;
        let name = VersionRef { project: project.clone(), package: package.clone(), version };
        let publish = PublishVersion {
            principal,
            project,
            package,
            version: name.version.clone(),
            files: request.files.into_iter().map(|file| self.file(file)).collect::<Result<_, _>>()?,
            keep_open: request.keep_open,
            hidden: request.hidden,
            expected_content: decode::content_digest("expected_content_digest", &request.expected_content_digest)?,
            request_id: decode::request_id(&request.request_id)?,
            validate_only: request.validate_only,
        };
        let published = self.metadata.publish_version(publish).await.map_err(status)?;
        Ok(Response::new(PublishVersionResponse {
            files: published.files.into_iter().map(|file| encode::file(file, &name)).collect(),
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
        let (listing, size) = (Listing::of("ListVersions", &[&request.parent, hidden]), page::size(request.page_size)?);
        let wanted = ListVersions {
            parent: decode::name("parent", &request.parent)?,
            show_hidden: request.show_hidden,
            after: listing.start_id(&request.page_token)?,
            limit: size + 1,
        };
        let found = self.metadata.list_versions(wanted).await.map_err(status)?;
        let (found, next_page_token) = listing.cut(found, size, |version| version.id.to_string());
        let versions = found.into_iter().map(encode::version).collect();
        Ok(Response::new(ListVersionsResponse { versions, next_page_token }))
    }
}

impl PackageApi {
    fn file(&self, file: wire::PublishFile) -> Result<PublishFile, Status> {
        let receipt = self.notes.receipt(&file.receipt)?;
        let claimed = file.blob.is_none_or(|blob| blob == encode::blob(&receipt.digest, receipt.size));
        if !claimed {
            return Err(refused(Reason::ReceiptInvalid, format!("receipt for `{}` is for other bytes", file.path)));
        }
        Ok(PublishFile {
            path: decode::path("files.path", &file.path)?,
            receipt,
            media_type: decode::text("files.media_type", file.media_type, MAX_MEDIA_TYPE_BYTES)?,
        })
    }
}
