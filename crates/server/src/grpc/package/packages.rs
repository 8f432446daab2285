//! Packages: what they are called, say and hold.

use consign_metadata::{DeletePackage, ListPackages, PackageOrder, UndeletePackage, UpdatePackage};
use consign_proto::metadata::{
    DeletePackageRequest, DeletePackageResponse, GetPackageRequest, GetPackageResponse, ListPackagesRequest, ListPackagesResponse,
    UndeletePackageRequest, UndeletePackageResponse, UpdatePackageRequest, UpdatePackageResponse,
};
use consign_proto::status::status;
use consign_types::resource::PackageRef;
use tonic::Status;

use super::PackageApi;
use super::words::version_scheme;
use crate::auth::Caller;
use crate::grpc::page::Listing;
use crate::grpc::project::force;
use crate::grpc::{decode, encode};

const ORDERS: &[(&str, PackageOrder)] = &[
    ("package_id", PackageOrder::Name),
    ("create_time", PackageOrder::CreateTime),
    ("update_time", PackageOrder::UpdateTime),
    ("size_bytes", PackageOrder::Size),
];

pub(super) async fn get(api: &PackageApi, caller: &Caller, request: GetPackageRequest) -> Result<GetPackageResponse, Status> {
    let name: PackageRef = decode::name("name", &request.name)?;
    caller.about(&name).await?;
    let package = api.metadata.find_package(name).await.map_err(status)?;
    Ok(GetPackageResponse { package: Some(encode::package(package)) })
}

pub(super) async fn list(api: &PackageApi, caller: &Caller, request: ListPackagesRequest) -> Result<ListPackagesResponse, Status> {
    let deleted = if request.show_deleted { "deleted" } else { "" };
    let listing = Listing::of("ListPackages", &[&request.parent, &request.filter, &request.order_by, deleted]);
    let (order, descending) = decode::order(&request.order_by, ORDERS)?;
    let wanted = ListPackages {
        within: caller.within(decode::name("parent", &request.parent)?).await?,
        filter: decode::filter(&request.filter)?,
        order,
        descending,
        show_deleted: request.show_deleted,
        page: listing.page(request.page_size, &request.page_token)?,
    };
    let found = api.metadata.list_packages(wanted).await.map_err(status)?;
    let next_page_token = listing.next(&found, |view| order.cursor(&view.package).to_string());
    Ok(ListPackagesResponse { packages: found.map(encode::package).items, next_page_token })
}

pub(super) async fn update(api: &PackageApi, caller: &Caller, request: UpdatePackageRequest) -> Result<UpdatePackageResponse, Status> {
    let new = decode::present("package", request.package)?;
    let mask = decode::mask(request.update_mask, &["labels", "description", "version_scheme"])?;
    let name: PackageRef = decode::name("package.name", &new.name)?;
    let wanted = UpdatePackage {
        principal: caller.about(&name).await?,
        name,
        etag: decode::etag(&new.etag)?,
        description: mask.changed("description", !new.description.is_empty(), || decode::text("package.description", &new.description))?,
        version_scheme: mask.changed("version_scheme", new.version_scheme != 0, || version_scheme(new.version_scheme))?,
        labels: mask.changed("labels", !new.labels.is_empty(), || decode::labels("package.labels", new.labels))?,
        request_id: decode::request_id(&request.request_id)?,
    };
    let package = api.metadata.update_package(wanted).await.map_err(status)?;
    let sequence = package.package.sequence;
    Ok(UpdatePackageResponse { package: Some(encode::package(package)), sequence })
}

pub(super) async fn delete(api: &PackageApi, caller: &Caller, request: DeletePackageRequest) -> Result<DeletePackageResponse, Status> {
    let name: PackageRef = decode::name("name", &request.name)?;
    let wanted = DeletePackage {
        principal: caller.about(&name).await?,
        name,
        etag: decode::etag(&request.etag)?,
        force: force(request.force),
        request_id: decode::request_id(&request.request_id)?,
        validate_only: request.validate_only,
    };
    let package = api.metadata.delete_package(wanted).await.map_err(status)?;
    let (version_count, sequence) = (package.package.version_count, package.package.sequence);
    Ok(DeletePackageResponse { package: Some(encode::package(package)), version_count, sequence })
}

pub(super) async fn undelete(
    api: &PackageApi,
    caller: &Caller,
    request: UndeletePackageRequest,
) -> Result<UndeletePackageResponse, Status> {
    let name: PackageRef = decode::name("name", &request.name)?;
    let principal = caller.about(&name).await?;
    let wanted = UndeletePackage { principal, name, request_id: decode::request_id(&request.request_id)? };
    let package = api.metadata.undelete_package(wanted).await.map_err(status)?;
    let sequence = package.package.sequence;
    Ok(UndeletePackageResponse { package: Some(encode::package(package)), sequence })
}
