//! Packages: reading, listing and describing them.

use consign_types::filter::Filter;
use consign_types::label::Labels;
use consign_types::order::VersionScheme;
use consign_types::resource::{PackageRef, ProjectsRef};
use consign_types::text::{Description, Etag, RequestId};
use consign_types::{Timestamp, VersionName};

use super::change::{Begun, begin, call};
use super::idempotency::Fingerprint;
use super::{etag_of, package, project};
use crate::connection::Db;
use crate::select::{Cursor, Order, Value, condition};
use crate::tables::packages::{self, Package, Selection};
use crate::tables::{labels, versions};
use crate::{Listed, Metadata, Page, Principal, Result};

/// A package, and the highest version that `latest` takes.
#[derive(Clone, Debug)]
pub struct PackageView {
    /// The package.
    pub package: Package,
    /// The version; `None` where there is none to take.
    pub latest: Option<VersionName>,
}

/// Which packages.
#[derive(Clone, Debug)]
pub struct ListPackages {
    /// Their project, or all.
    pub parent: ProjectsRef,
    /// Which of them.
    pub filter: Option<Filter>,
    /// How they are ordered.
    pub order: PackageOrder,
    /// Falling instead of rising.
    pub descending: bool,
    /// Also those that are deleted and can be brought back.
    pub show_deleted: bool,
    /// Which page of them.
    pub page: Page<Cursor>,
}

/// How packages are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PackageOrder {
    /// By name.
    Name,
    /// By when they were made.
    CreateTime,
    /// By when they were changed.
    UpdateTime,
    /// By the bytes that they hold.
    Size,
}

impl PackageOrder {
    /// Where a package stands in this order.
    pub fn cursor(self, package: &Package) -> Cursor {
        let value = match self {
            Self::Name => Value::Text(package.name.to_string()),
            Self::CreateTime => Value::Time(package.created_at),
            Self::UpdateTime => Value::Time(package.updated_at),
            Self::Size => Value::Number(package.size_bytes),
        };
        Cursor { values: vec![value], id: package.id }
    }

    fn order(self, descending: bool) -> Order {
        match self {
            Self::Name => Order { columns: &["packages.name", "packages.id"], kinds: "s", descending },
            Self::CreateTime => Order { columns: &["packages.created_at", "packages.id"], kinds: "t", descending },
            Self::UpdateTime => Order { columns: &["packages.updated_at", "packages.id"], kinds: "t", descending },
            Self::Size => Order { columns: &["packages.size_bytes", "packages.id"], kinds: "n", descending },
        }
    }
}

/// A package to be described otherwise; `None` stays.
#[derive(Clone, Debug)]
pub struct UpdatePackage {
    /// Who changes it.
    pub principal: Principal,
    /// The package.
    pub name: PackageRef,
    /// Its etag as last read.
    pub etag: Option<Etag>,
    /// What is said about it.
    pub labels: Option<Labels>,
    /// What it is for.
    pub description: Option<Description>,
    /// How its versions are ordered.
    pub version_scheme: Option<VersionScheme>,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// A package, or `PackageNotFound`.
    pub async fn find_package(&self, name: PackageRef) -> Result<PackageView> {
        self.pool
            .read(move |db| {
                let project = project(db, &name.project)?.id;
                let package = package(db, project, &name)?;
                view(db, package)
            })
            .await
    }

    /// Packages of a project, or of all. `ProjectNotFound`, `FilterInvalid`.
    pub async fn list_packages(&self, request: ListPackages) -> Result<Listed<PackageView>> {
        self.pool
            .read(move |db| {
                let project = match &request.parent {
                    ProjectsRef::One(name) => Some(project(db, name)?.id),
                    ProjectsRef::All => None,
                };
                let filter = request.filter.map(|filter| condition(filter, &packages::field)).transpose()?;
                let selection = Selection { project, show_deleted: request.show_deleted, filter };
                let (order, page) = (request.order.order(request.descending), request.page);
                let listed = page.of(packages::list(db, selection, &order, page.after.as_ref(), page.limit())?);
                let ids: Vec<i64> = listed.items.iter().map(|package| package.id).collect();
                let mut latest: std::collections::HashMap<_, _> = packages::list_latest(db, &ids)?.into_iter().collect();
                Ok(listed.map(|package| PackageView { latest: latest.remove(&package.id).flatten(), package }))
            })
            .await
    }

    /// Describes a package otherwise. Another version scheme orders its versions anew. `PackageNotFound`, `EtagMismatch`.
    pub async fn update_package(&self, request: UpdatePackage) -> Result<PackageView> {
        let now = self.now();
        self.pool.write(move |db| update(db, &request, now)).await
    }
}

pub(super) fn view(db: &mut Db, package: Package) -> Result<PackageView> {
    let latest = packages::list_latest(db, &[package.id])?.pop().and_then(|(_, latest)| latest);
    Ok(PackageView { package, latest })
}

fn update(db: &mut Db, request: &UpdatePackage, now: Timestamp) -> Result<PackageView> {
    let wanted = (&request.name, &request.etag, &request.labels, &request.description, request.version_scheme);
    let fingerprint = Fingerprint::new().shown(&wanted).finish();
    let call = call(&request.principal.name, "UpdatePackage", request.request_id.as_ref(), fingerprint, now);
    let change = match begin(db, &request.name.project, &call)? {
        Begun::Done(shown) => {
            let package = packages::get(db, shown[0])?;
            return view(db, package);
        }
        Begun::New(change) => change,
    };
    let before = package(db, change.project.id, &request.name)?;
    etag_of(&request.etag, before.etag(), &request.name)?;
    let scheme = request.version_scheme.unwrap_or(before.version_scheme);
    let after = Package {
        labels: request.labels.clone().unwrap_or_else(|| before.labels.clone()),
        description: request.description.clone().unwrap_or_else(|| before.description.clone()),
        version_scheme: scheme,
        sequence: change.counters.sequence,
        updated_at: now,
        ..before.clone()
    };
    if scheme != before.version_scheme {
        order_anew(db, &after)?;
    }
    let mut batch = change.batch(db, [after.id], Vec::new());
    packages::update(&mut batch, &after);
    if before.labels != after.labels {
        labels::put_for_package(db, &mut batch, after.id, &before.labels, &after.labels)?;
    }
    batch.send(db)?;
    view(db, after)
}

/// Gives all versions of a package the keys of its scheme.
fn order_anew(db: &mut Db, package: &Package) -> Result<()> {
    let mut after = 0;
    loop {
        let rows = versions::list_rows(db, package.id, after, 1000)?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        after = last.id;
        for mut row in rows {
            let (sequence, updated_at) = (row.sequence, row.updated_at);
            row.settle(package.version_scheme, sequence, updated_at);
            versions::update_order(db, &row)?;
        }
    }
}
