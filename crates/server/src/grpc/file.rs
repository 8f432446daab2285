//! `consign.metadata.v1.FileService`.

use consign_metadata::{DownloadPlan, FindFile, ListFiles, Metadata, PrepareDownloads, PrepareUploads, UploadFile, UploadPlan};
use consign_proto::metadata::file_service_server::FileService;
use consign_proto::metadata::upload_plan::Action;
use consign_proto::metadata::{
    self as wire, DownloadTicket, GetFileRequest, GetFileResponse, ListFilesRequest, ListFilesResponse, PrepareDownloadsRequest,
    PrepareDownloadsResponse, PrepareUploadsRequest, PrepareUploadsResponse, UploadTicket,
};
use consign_proto::status::status;
use consign_proto::timestamp;
use consign_types::note;
use consign_types::resource::{FileRef, VersionRef};
use tonic::{Request, Response, Status};

use super::blob::MAX_CHUNK_BYTES;
use super::page::Listing;
use super::{decode, encode, page};
use crate::auth::caller;
use crate::clock;
use crate::notes::Notes;

/// How long a download ticket can be used to start a transfer.
const DOWNLOAD_SECONDS: i64 = 5 * 60;

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
        let paths: Vec<String> = request.files.iter().map(|file| file.path.clone()).collect();
        let wanted = PrepareUploads {
            principal,
            parent: decode::name("parent", &request.parent)?,
            files: request.files.into_iter().map(upload_file).collect::<Result<_, _>>()?,
            request_id: decode::request_id(&request.request_id)?,
        };
        let plans = self.metadata.prepare_uploads(wanted).await.map_err(status)?;
        let plan = |(path, plan)| wire::UploadPlan { path, action: Some(self.upload_action(plan)) };
        Ok(Response::new(PrepareUploadsResponse { plans: paths.into_iter().zip(plans).map(plan).collect() }))
    }

    async fn prepare_downloads(&self, request: Request<PrepareDownloadsRequest>) -> Result<Response<PrepareDownloadsResponse>, Status> {
        let request = request.into_inner();
        decode::absent("sha256s", request.sha256s.is_empty())?;
        let parent: VersionRef = decode::name("parent", &request.parent)?;
        let (listing, size) = (Listing::of("PrepareDownloads", &[&request.parent]), page::size(request.page_size)?);
        let wanted = PrepareDownloads {
            parent: parent.clone(),
            paths: request.paths.iter().map(|path| decode::path("paths", path)).collect::<Result<_, _>>()?,
            after: listing.start(&request.page_token)?.map(|path| decode::path("page_token", &path)).transpose()?,
            limit: size + 1,
        };
        let whole_version = wanted.paths.is_empty();
        let found = self.metadata.prepare_downloads(wanted).await.map_err(status)?;
        let (files, next_page_token) =
            if whole_version { listing.cut(found.files, size, |plan| plan.file.path.to_string()) } else { (found.files, String::new()) };
        let plans = files.into_iter().map(|plan| self.download_plan(plan, found.project, &parent)).collect();
        Ok(Response::new(PrepareDownloadsResponse { plans, next_page_token }))
    }

    async fn get_file(&self, request: Request<GetFileRequest>) -> Result<Response<GetFileResponse>, Status> {
        let request = request.into_inner();
        decode::absent("revision", request.revision == 0)?;
        let name: FileRef = decode::name("name", &request.name)?;
        let file = self.metadata.find_file(FindFile { name: name.clone() }).await.map_err(status)?;
        Ok(Response::new(GetFileResponse { file: Some(encode::file(file, &name.version)) }))
    }

    async fn list_files(&self, request: Request<ListFilesRequest>) -> Result<Response<ListFilesResponse>, Status> {
        let request = request.into_inner();
        decode::absent("filter", request.filter.is_empty())?;
        decode::absent("order_by", request.order_by.is_empty())?;
        decode::absent("show_deleted", !request.show_deleted)?;
        let parent: VersionRef = decode::name("parent", &request.parent)?;
        let (listing, size) = (Listing::of("ListFiles", &[&request.parent]), page::size(request.page_size)?);
        let wanted = ListFiles { parent: parent.clone(), after: listing.start_id(&request.page_token)?, limit: size + 1 };
        let found = self.metadata.list_files(wanted).await.map_err(status)?;
        let (found, next_page_token) = listing.cut(found, size, |file| file.id.to_string());
        let files = found.into_iter().map(|file| encode::file(file, &parent)).collect();
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

    fn download_plan(&self, plan: DownloadPlan, project: i64, version: &VersionRef) -> wire::DownloadPlan {
        let DownloadPlan { file, generation } = plan;
        let expires = clock::now().plus_seconds(DOWNLOAD_SECONDS);
        let ticket = note::DownloadTicket { project, digest: file.digest, generation, size: file.size, expires };
        wire::DownloadPlan {
            file: Some(encode::file(file, version)),
            ticket: Some(DownloadTicket {
                endpoint: self.blob_endpoint.clone(),
                token: self.notes.sign(&ticket),
                expire_time: Some(timestamp(expires)),
            }),
        }
    }
}

fn upload_file(file: wire::UploadFile) -> Result<UploadFile, Status> {
    Ok(UploadFile {
        path: decode::path("files.path", &file.path)?,
        digest: decode::digest("files.sha256", &file.sha256)?,
        size: file.size_bytes,
        always_send: file.always_send,
    })
}
