//! `consign.metadata.v1.FileService`.

use consign_metadata::{
    CancelUploads, Cursor, DeleteFile, DownloadPlan, FileOrder, ListFiles, Metadata, Page, PrepareDownloads, PrepareUploads, PublishMode,
    PublishVersion, SearchFiles, UndeleteFile, UploadFile, UploadPlan, Wanted,
};
use consign_proto::metadata::file_service_server::FileService;
use consign_proto::metadata::upload_plan::Action;
use consign_proto::metadata::{
    self as wire, CancelUploadsRequest, CancelUploadsResponse, CommitFilesRequest, CommitFilesResponse, DeleteFileRequest,
    DeleteFileResponse, DownloadTicket, FileChecksums, GetFileChecksumsRequest, GetFileChecksumsResponse, GetFileRequest, GetFileResponse,
    ListFilesRequest, ListFilesResponse, PrepareDownloadsRequest, PrepareDownloadsResponse, PrepareUploadsRequest, PrepareUploadsResponse,
    UndeleteFileRequest, UndeleteFileResponse, UploadTicket,
};
use consign_proto::status::{invalid, status};
use consign_proto::timestamp;
use consign_types::Reason;
use consign_types::label::Labels;
use consign_types::resource::{FileRef, VersionRef, VersionsRef};
use consign_types::text::MediaType;
use tonic::{Request, Response, Status};

use super::blob::MAX_CHUNK_BYTES;
use super::package::publish_files;
use super::page::{Listing, between, ends, skipping};
use super::project::force;
use super::{decode, encode};
use crate::auth::{Caller, caller};
use crate::notes::Notes;

/// The service, over the metadata plane.
#[derive(Clone, Debug)]
pub(crate) struct FileApi {
    pub(crate) metadata: Metadata,
    pub(crate) notes: Notes,
    /// Where tickets are to be taken; empty for the address of this service.
    pub(crate) blob_endpoint: String,
}

const ORDERS: &[(&str, FileOrder)] =
    &[("path", FileOrder::Path), ("id", FileOrder::Id), ("create_time", FileOrder::CreateTime), ("size_bytes", FileOrder::Size)];

/// The order of those of all versions.
const SEARCH_ORDERS: &[(&str, FileOrder)] = &[("id", FileOrder::Id)];

/// How many digests one request may name.
const MAX_DIGESTS: usize = 1000;

#[tonic::async_trait]
impl FileService for FileApi {
    async fn prepare_uploads(&self, request: Request<PrepareUploadsRequest>) -> Result<Response<PrepareUploadsResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        decode::answerable("files", &request.parent, request.files.iter().map(|file| file.path.as_str()))?;
        let version: VersionRef = decode::name("parent", &request.parent)?;
        let wanted = PrepareUploads {
            principal: caller.about(&version).await?,
            version,
            files: request.files.iter().map(upload_file).collect::<Result<_, _>>()?,
            request_id: decode::request_id(&request.request_id)?,
            known_only: request.known_only,
        };
        let known = wanted.known_only.then(|| (wanted.principal.clone(), wanted.request_id.clone()));
        let plans = self.metadata.prepare_uploads(wanted).await.map_err(status)?;
        let published = match known {
            Some((principal, Some(request_id))) => self.metadata.has_published(principal, request_id).await.map_err(status)?,
            _ => false,
        };
        let plan = |(file, plan): (wire::UploadFile, _)| wire::UploadPlan { path: file.path, action: Some(self.upload_action(plan)) };
        Ok(Response::new(PrepareUploadsResponse { plans: request.files.into_iter().zip(plans).map(plan).collect(), published }))
    }

    async fn cancel_uploads(&self, request: Request<CancelUploadsRequest>) -> Result<Response<CancelUploadsResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let version: VersionRef = decode::name("parent", &request.parent)?;
        let request_id = decode::present("request_id", decode::request_id(&request.request_id)?)?;
        let wanted = CancelUploads { principal: caller.about(&version).await?, version, request_id };
        self.metadata.cancel_uploads(wanted).await.map_err(status)?;
        Ok(Response::new(CancelUploadsResponse {}))
    }

    async fn commit_files(&self, request: Request<CommitFilesRequest>) -> Result<Response<CommitFilesResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        decode::answerable("files", &request.parent, request.files.iter().map(|file| file.path.as_str()))?;
        if request.files.is_empty() {
            return Err(invalid("files", Reason::ArgumentInvalid, "at least one file"));
        }
        let version: VersionRef = decode::name("parent", &request.parent)?;
        let commit = PublishVersion {
            principal: caller.about(&version).await?,
            version: version.clone(),
            files: publish_files(&self.notes, &request.files)?,
            mode: PublishMode::AddOnly,
            hidden: None,
            tags: Vec::new(),
            labels: Labels::default(),
            keep_identical: false,
            expected_content: None,
            request_id: decode::request_id(&request.request_id)?,
            validate_only: false,
        };
        let published = self.metadata.publish_version(commit).await.map_err(status)?;
        Ok(Response::new(CommitFilesResponse {
            files: published.files.into_iter().map(|file| encode::file(file, &version)).collect(),
            replayed: published.replayed,
            sequence: published.version.sequence,
        }))
    }

    async fn prepare_downloads(&self, request: Request<PrepareDownloadsRequest>) -> Result<Response<PrepareDownloadsResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let version: VersionRef = decode::name("parent", &request.parent)?;
        caller.about(&version).await?;
        let listing = Listing::of("PrepareDownloads", &[&request.parent]);
        let files = if request.paths.is_empty() && request.sha256s.is_empty() {
            Wanted::All(listing.page(request.page_size, &request.page_token)?)
        } else {
            decode::absent("page_token", request.page_token.is_empty())?;
            decode::answerable("paths", &request.parent, request.paths.iter().map(String::as_str))?;
            if request.sha256s.len() > MAX_DIGESTS {
                return Err(invalid("sha256s", Reason::ArgumentInvalid, format!("at most {MAX_DIGESTS} digests")));
            }
            let digest = |bytes: &bytes::Bytes| decode::present("sha256s", decode::digest("sha256s", bytes)?);
            Wanted::Some {
                paths: request.paths.iter().map(|path| decode::path("paths", path)).collect::<Result<_, _>>()?,
                digests: request.sha256s.iter().map(digest).collect::<Result<_, _>>()?,
            }
        };
        let (as_directory, is_counted) = (request.as_directory, !request.uncounted);
        let wanted = PrepareDownloads { version: version.clone(), files, as_directory, is_counted };
        let found = self.metadata.prepare_downloads(wanted).await.map_err(status)?;
        let next_page_token = listing.next(&found, |plan| plan.file.path.to_string());
        let plans = found.map(|plan| self.download_plan(plan, &version)).items;
        Ok(Response::new(PrepareDownloadsResponse { plans, next_page_token }))
    }

    async fn get_file(&self, request: Request<GetFileRequest>) -> Result<Response<GetFileResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let name: FileRef = decode::name("name", &request.name)?;
        caller.about(&name).await?;
        let version = name.version.clone();
        let file = self.metadata.find_file(name, decode::revision(request.revision)?).await.map_err(status)?;
        Ok(Response::new(GetFileResponse { file: Some(encode::file(file, &version)) }))
    }

    async fn list_files(&self, request: Request<ListFilesRequest>) -> Result<Response<ListFilesResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let deleted = if request.show_deleted { "deleted" } else { "" };
        let listing = Listing::of("ListFiles", &[&request.parent, &request.filter, &request.order_by, deleted]);
        let page = skipping(listing.page(request.page_size, &request.page_token)?, request.skip, request.count)?;
        let ends = ends!(request);
        let page = between(page, &listing, &ends)?;
        let version = match decode::name("parent", &request.parent)? {
            VersionsRef::One(version) => version,
            VersionsRef::All => return self.search_files(&caller, &listing, &request, page).await,
        };
        caller.about(&version).await?;
        let (order, descending) = decode::order(&request.order_by, ORDERS)?;
        let wanted = ListFiles {
            version: version.clone(),
            filter: decode::filter(&request.filter)?,
            order,
            descending,
            show_deleted: request.show_deleted,
            page,
        };
        let found = self.metadata.list_files(wanted).await.map_err(status)?;
        let (next_page_token, entry_tokens) = listing.tokens(&found, &ends, |file| order.cursor(file).to_string());
        let total_size = found.total.unwrap_or_default();
        let files = found.map(|file| encode::file(file, &version)).items;
        Ok(Response::new(ListFilesResponse { files, next_page_token, total_size, entry_tokens }))
    }

    async fn delete_file(&self, request: Request<DeleteFileRequest>) -> Result<Response<DeleteFileResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let name: FileRef = decode::name("name", &request.name)?;
        let version = name.version.clone();
        let wanted = DeleteFile {
            principal: caller.about(&name).await?,
            name,
            revision: decode::revision(request.revision)?,
            etag: decode::etag(&request.etag)?,
            force: force(request.force),
            request_id: decode::request_id(&request.request_id)?,
            validate_only: request.validate_only,
        };
        let file = self.metadata.delete_file(wanted).await.map_err(status)?;
        Ok(Response::new(DeleteFileResponse { sequence: file.sequence, file: Some(encode::file(file, &version)) }))
    }

    async fn undelete_file(&self, request: Request<UndeleteFileRequest>) -> Result<Response<UndeleteFileResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let name: FileRef = decode::name("name", &request.name)?;
        let version = name.version.clone();
        let revision = decode::revision(request.revision)?;
        let principal = caller.about(&name).await?;
        let wanted = UndeleteFile { principal, name, revision, request_id: decode::request_id(&request.request_id)? };
        let file = self.metadata.undelete_file(wanted).await.map_err(status)?;
        Ok(Response::new(UndeleteFileResponse { sequence: file.sequence, file: Some(encode::file(file, &version)) }))
    }

    async fn get_file_checksums(&self, request: Request<GetFileChecksumsRequest>) -> Result<Response<GetFileChecksumsResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let name: FileRef = decode::name("name", &request.name)?;
        caller.about(&name).await?;
        let file = self.metadata.find_file(name, decode::revision(request.revision)?).await.map_err(status)?;
        let checksums = FileChecksums { blob: Some(encode::blob(&file.digest, file.size_bytes)), ..FileChecksums::default() };
        Ok(Response::new(GetFileChecksumsResponse { checksums: Some(checksums) }))
    }
}

impl FileApi {
    /// The files of all versions that the caller may read.
    async fn search_files(
        &self,
        caller: &Caller,
        listing: &Listing,
        request: &ListFilesRequest,
        page: Page<Cursor>,
    ) -> Result<Response<ListFilesResponse>, Status> {
        let reach = caller.everywhere().await?;
        decode::absent("show_deleted", !request.show_deleted)?;
        let (order, descending) = decode::order(&request.order_by, SEARCH_ORDERS)?;
        let wanted = SearchFiles { reach, filter: decode::filter(&request.filter)?, descending, page };
        let found = self.metadata.search_files(wanted).await.map_err(status)?;
        let (next_page_token, entry_tokens) = listing.tokens(&found, &ends!(request), |located| order.cursor(&located.file).to_string());
        let total_size = found.total.unwrap_or_default();
        let files = found.map(encode::located_file).items;
        Ok(Response::new(ListFilesResponse { files, next_page_token, total_size, entry_tokens }))
    }

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
