//! `consign.metadata.v1.FileService`.

use consign_metadata::{DownloadPlan, ListFiles, Metadata, PrepareDownloads, PrepareUploads, UploadFile, UploadPlan, Wanted};
use consign_proto::metadata::file_service_server::FileService;
use consign_proto::metadata::upload_plan::Action;
use consign_proto::metadata::{
    self as wire, DownloadTicket, GetFileRequest, GetFileResponse, ListFilesRequest, ListFilesResponse, PrepareDownloadsRequest,
    PrepareDownloadsResponse, PrepareUploadsRequest, PrepareUploadsResponse, UploadTicket,
};
use consign_proto::status::status;
use consign_proto::timestamp;
use consign_types::resource::{FileRef, VersionRef};
use consign_types::text::MediaType;
use tonic::{Request, Response, Status};

use super::blob::MAX_CHUNK_BYTES;
use super::page::Listing;
use super::{decode, encode};
use crate::auth::caller;
use crate::notes::Notes;

/// The service, over the metadata plane.
#[derive(Clone, Debug)]
pub(crate) struct FileApi {
    pub(crate) metadata: Metadata,
    pub(crate) notes: Notes,
    /// Where tickets are to be taken; empty for the address of this service.
    pub(crate) blob_endpoint: String,
}

#[tonic::async_trait]
impl FileService for FileApi {
    async fn prepare_uploads(&self, request: Request<PrepareUploadsRequest>) -> Result<Response<PrepareUploadsResponse>, Status> {
        let principal = caller(&request)?;
        let request = request.into_inner();
        decode::answerable("files", request.files.iter().map(|file| file.path.as_str()))?;
        let wanted = PrepareUploads {
            principal,
            version: decode::name("parent", &request.parent)?,
            files: request.files.iter().map(upload_file).collect::<Result<_, _>>()?,
            request_id: decode::optional("request_id", &request.request_id, decode::text)?,
        };
        let plans = self.metadata.prepare_uploads(wanted).await.map_err(status)?;
        let plan = |(file, plan): (wire::UploadFile, _)| wire::UploadPlan { path: file.path, action: Some(self.upload_action(plan)) };
        Ok(Response::new(PrepareUploadsResponse { plans: request.files.into_iter().zip(plans).map(plan).collect() }))
    }

    async fn prepare_downloads(&self, request: Request<PrepareDownloadsRequest>) -> Result<Response<PrepareDownloadsResponse>, Status> {
        let request = request.into_inner();
        decode::absent("sha256s", request.sha256s.is_empty())?;
        let version: VersionRef = decode::name("parent", &request.parent)?;
        let listing = Listing::of("PrepareDownloads", &[&request.parent]);
        let files = if request.paths.is_empty() {
            Wanted::All(listing.page(request.page_size, &request.page_token)?)
        } else {
            decode::absent("page_token", request.page_token.is_empty())?;
            decode::answerable("paths", request.paths.iter().map(String::as_str))?;
            Wanted::Paths(request.paths.iter().map(|path| decode::path("paths", path)).collect::<Result<_, _>>()?)
        };
        let wanted = PrepareDownloads { version: version.clone(), files };
        let found = self.metadata.prepare_downloads(wanted).await.map_err(status)?;
        let next_page_token = listing.next(&found, |plan| plan.file.path.to_string());
        let plans = found.map(|plan| self.download_plan(plan, &version)).items;
        Ok(Response::new(PrepareDownloadsResponse { plans, next_page_token }))
    }

    async fn get_file(&self, request: Request<GetFileRequest>) -> Result<Response<GetFileResponse>, Status> {
        let request = request.into_inner();
        decode::absent("revision", request.revision == 0)?;
        let name: FileRef = decode::name("name", &request.name)?;
        let version = name.version.clone();
        let file = self.metadata.find_file(name).await.map_err(status)?;
        Ok(Response::new(GetFileResponse { file: Some(encode::file(file, &version)) }))
    }

    async fn list_files(&self, request: Request<ListFilesRequest>) -> Result<Response<ListFilesResponse>, Status> {
        let request = request.into_inner();
        decode::absent("filter", request.filter.is_empty())?;
        decode::absent("order_by", request.order_by.is_empty())?;
        decode::absent("show_deleted", !request.show_deleted)?;
        let version: VersionRef = decode::name("parent", &request.parent)?;
        let listing = Listing::of("ListFiles", &[&request.parent]);
        let page = listing.page_by(request.page_size, &request.page_token, |key| {
            let (revision, path) = key.split_once(' ')?;
            Some((path.parse().ok()?, revision.parse().ok()?))
        })?;
        let found = self.metadata.list_files(ListFiles { version: version.clone(), page }).await.map_err(status)?;
        let next_page_token = listing.next(&found, |file| format!("{} {}", file.revision, file.path));
        let files = found.map(|file| encode::file(file, &version)).items;
        Ok(Response::new(ListFilesResponse { files, next_page_token }))
    }
}

impl FileApi {
    fn upload_action(&self, plan: UploadPlan) -> Action {
        match plan {
            UploadPlan::Present(receipt) => Action::Receipt(self.notes.sign(&receipt)),
            UploadPlan::Send(ticket) => Action::Ticket(UploadTicket {
                endpoint: self.blob_endpoint.clone(),
                token: self.notes.sign(&ticket),
                upload_id: ticket.upload.to_string(),
                committed_size: 0,
                max_bytes: ticket.max_bytes,
                max_chunk_bytes: MAX_CHUNK_BYTES,
                expire_time: Some(timestamp(ticket.expires)),
            }),
        }
    }

    fn download_plan(&self, DownloadPlan { file, ticket }: DownloadPlan, version: &VersionRef) -> wire::DownloadPlan {
        wire::DownloadPlan {
            file: Some(encode::file(file, version)),
            ticket: Some(DownloadTicket {
                endpoint: self.blob_endpoint.clone(),
                token: self.notes.sign(&ticket),
                expire_time: Some(timestamp(ticket.expires)),
            }),
        }
    }
}

fn upload_file(file: &wire::UploadFile) -> Result<UploadFile, Status> {
    let _: MediaType = decode::text("files.media_type", &file.media_type)?;
    Ok(UploadFile {
        path: decode::path("files.path", &file.path)?,
        digest: decode::digest("files.sha256", &file.sha256)?,
        size: file.size_bytes,
        always_send: file.always_send,
    })
}
