//! `consign.metadata.v1.ReleaseService`.

use std::str::FromStr;

use consign_metadata::{CreateRelease, ListReleases, Metadata, Release, ReleaseChange, ReleaseOrder, ReleaseWords};
use consign_proto::metadata::release_link::Kind;
use consign_proto::metadata::release_service_server::ReleaseService;
use consign_proto::metadata::{
    self as wire, CreateReleaseLinkRequest, CreateReleaseLinkResponse, CreateReleaseRequest, CreateReleaseResponse,
    DeleteReleaseLinkRequest, DeleteReleaseLinkResponse, DeleteReleaseRequest, DeleteReleaseResponse, GetReleaseRequest,
    GetReleaseResponse, ListReleasesRequest, ListReleasesResponse, UpdateReleaseRequest, UpdateReleaseResponse,
};
use consign_proto::status::{invalid, status};
use consign_proto::timestamp;
use consign_types::Reason;
use consign_types::release::{Link, LinkKind, SourceTag};
use consign_types::resource::ProjectRef;
use prost::Message;
use tonic::{Request, Response, Status};

use super::decode;
use super::page::{Listing, fitting, skipping};
use crate::auth::{Caller, caller};
use crate::clock;

const ORDERS: &[(&str, ReleaseOrder)] = &[("release_time", ReleaseOrder::ReleaseTime), ("create_time", ReleaseOrder::CreateTime)];

/// The most releases on a page.
const MAX_PAGE: i32 = 100;

/// The service, over the metadata plane.
#[derive(Clone, Debug)]
pub(crate) struct ReleaseApi {
    pub(crate) metadata: Metadata,
}

#[tonic::async_trait]
impl ReleaseService for ReleaseApi {
    async fn create_release(&self, request: Request<CreateReleaseRequest>) -> Result<Response<CreateReleaseResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let new = decode::present("release", request.release)?;
        let project: ProjectRef = decode::name("parent", &request.parent)?;
        let principal = caller.about(&project).await?;
        let display_name = if new.display_name.is_empty() { &new.tag } else { &new.display_name };
        let wanted = CreateRelease {
            principal,
            project,
            tag: word("release.tag", &new.tag)?,
            display_name: word("release.display_name", display_name)?,
            description: word("release.description", &new.description)?,
            links: new.links.iter().map(link).collect::<Result<_, _>>()?,
            released_at: decode::time("release.release_time", new.release_time)?,
            request_id: decode::request_id(&request.request_id)?,
        };
        let release = self.metadata.create_release(wanted).await.map_err(status)?;
        Ok(Response::new(CreateReleaseResponse { release: Some(encode(release)) }))
    }

    async fn get_release(&self, request: Request<GetReleaseRequest>) -> Result<Response<GetReleaseResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let project: ProjectRef = decode::name("parent", &request.parent)?;
        caller.about(&project).await?;
        let release = self.metadata.find_release(project, word("tag", &request.tag)?).await.map_err(status)?;
        Ok(Response::new(GetReleaseResponse { release: Some(encode(release)) }))
    }

    async fn list_releases(&self, request: Request<ListReleasesRequest>) -> Result<Response<ListReleasesResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let project: ProjectRef = decode::name("parent", &request.parent)?;
        caller.about(&project).await?;
        let listing = Listing::of("ListReleases", &[&request.parent, &request.order_by]);
        let (order, descending) = decode::order(&request.order_by, ORDERS)?;
        let descending = descending || request.order_by.is_empty();
        let page = skipping(listing.page(request.page_size.min(MAX_PAGE), &request.page_token)?, request.skip, request.count)?;
        let wanted = ListReleases { project, order, descending, page };
        let found = self.metadata.list_releases(wanted).await.map_err(status)?;
        let found = fitting(found.map(|release| (order.cursor(&release), encode(release))), |(_, release)| release.encoded_len());
        let next_page_token = listing.next(&found, |(cursor, _)| cursor.to_string());
        let total_size = found.total.unwrap_or_default();
        Ok(Response::new(ListReleasesResponse { releases: found.map(|(_, release)| release).items, next_page_token, total_size }))
    }

    async fn update_release(&self, request: Request<UpdateReleaseRequest>) -> Result<Response<UpdateReleaseResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let new = decode::present("release", request.release)?;
        let mask = decode::mask(request.update_mask, &["display_name", "description", "release_time"])?;
        let name = || word("release.display_name", if new.display_name.is_empty() { &new.tag } else { &new.display_name });
        let time = || decode::present("release.release_time", decode::time("release.release_time", new.release_time)?);
        let words = ReleaseWords {
            etag: decode::etag(&new.etag)?,
            display_name: mask.changed("display_name", !new.display_name.is_empty(), name)?,
            description: mask.changed("description", !new.description.is_empty(), || word("release.description", &new.description))?,
            released_at: mask.changed("release_time", new.release_time.is_some(), time)?,
        };
        let change = change(&caller, (&request.parent, &new.tag), words, &request.request_id).await?;
        let release = self.metadata.update_release(change).await.map_err(status)?;
        Ok(Response::new(UpdateReleaseResponse { release: Some(encode(release)) }))
    }

    async fn delete_release(&self, request: Request<DeleteReleaseRequest>) -> Result<Response<DeleteReleaseResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let change = change(&caller, (&request.parent, &request.tag), (), &request.request_id).await?;
        let release = self.metadata.delete_release(change).await.map_err(status)?;
        Ok(Response::new(DeleteReleaseResponse { release: Some(encode(release)) }))
    }

    async fn create_release_link(&self, request: Request<CreateReleaseLinkRequest>) -> Result<Response<CreateReleaseLinkResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let new = link(&decode::present("link", request.link)?)?;
        let change = change(&caller, (&request.parent, &request.tag), new, &request.request_id).await?;
        let link = self.metadata.create_release_link(change).await.map_err(status)?;
        Ok(Response::new(CreateReleaseLinkResponse { link: Some(encode_link(link)) }))
    }

    async fn delete_release_link(&self, request: Request<DeleteReleaseLinkRequest>) -> Result<Response<DeleteReleaseLinkResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let change = change(&caller, (&request.parent, &request.tag), request.link_id, &request.request_id).await?;
        let link = self.metadata.delete_release_link(change).await.map_err(status)?;
        Ok(Response::new(DeleteReleaseLinkResponse { link: Some(encode_link(link)) }))
    }
}

/// What is to be done with the release of a tag, by a caller who may.
async fn change<W>(caller: &Caller, (parent, tag): (&str, &str), what: W, request_id: &str) -> Result<ReleaseChange<W>, Status> {
    let project: ProjectRef = decode::name("parent", parent)?;
    let principal = caller.about(&project).await?;
    let tag: SourceTag = word("tag", tag)?;
    Ok(ReleaseChange { principal, project, tag, what, request_id: decode::request_id(request_id)? })
}

/// A text that keeps to the rule of its kind.
fn word<T: FromStr<Err: std::fmt::Display>>(field: &str, text: &str) -> Result<T, Status> {
    text.parse().map_err(|error| invalid(field, Reason::ArgumentInvalid, error))
}

fn link(new: &wire::ReleaseLink) -> Result<Link, Status> {
    let kind = match new.kind() {
        Kind::Unspecified | Kind::Other => LinkKind::Other,
        Kind::Runbook => LinkKind::Runbook,
        Kind::Image => LinkKind::Image,
        Kind::Package => LinkKind::Package,
    };
    if new.display_name.is_empty() {
        return Err(invalid("link.display_name", Reason::ArgumentInvalid, "must not be empty"));
    }
    Ok(Link {
        id: 0,
        display_name: word("link.display_name", &new.display_name)?,
        url: word("link.url", &new.url)?,
        kind,
        path: word("link.path", &new.path)?,
    })
}

fn encode_link(link: Link) -> wire::ReleaseLink {
    let kind = match link.kind {
        LinkKind::Other => Kind::Other,
        LinkKind::Runbook => Kind::Runbook,
        LinkKind::Image => Kind::Image,
        LinkKind::Package => Kind::Package,
    };
    wire::ReleaseLink {
        id: link.id,
        display_name: link.display_name.to_string(),
        url: link.url.to_string(),
        kind: kind.into(),
        path: link.path.to_string(),
    }
}

fn encode(release: Release) -> wire::Release {
    wire::Release {
        id: release.id,
        etag: release.etag(),
        tag: release.tag.to_string(),
        display_name: release.display_name.to_string(),
        description: release.description.to_string(),
        links: release.links.into_iter().map(encode_link).collect(),
        upcoming: release.released_at > clock::now(),
        release_time: Some(timestamp(release.released_at)),
        creator: release.creator.to_string(),
        create_time: Some(timestamp(release.created_at)),
        update_time: Some(timestamp(release.updated_at)),
    }
}
