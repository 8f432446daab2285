//! Listing packages.

use consign_types::filter::Filter;

use super::find_package::PackageView;
use super::within::{Within, extent};
use crate::cursor::{Cursor, Value};
use crate::select::{Order, condition};
use crate::tables::packages::{self, Package, Selection};
use crate::{Listed, Metadata, Page, Result};

/// Which packages.
#[derive(Clone, Debug)]
pub struct ListPackages {
    /// Their project, or all.
    pub within: Within,
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

impl Metadata {
    /// Packages of a project, or of all. `ProjectNotFound`, `FilterInvalid`.
    pub async fn list_packages(&self, request: ListPackages) -> Result<Listed<PackageView>> {
        let now = self.now();
        self.pool
            .read(move |db| {
                let extent = extent(db, request.within)?;
                let filter = request.filter.map(|filter| condition(filter, &packages::field)).transpose()?;
                let selection = Selection { extent, show_deleted: request.show_deleted.then_some(now), filter };
                let (order, page) = (request.order.order(request.descending), request.page);
                let listed = page.of(packages::list(db, selection, &order, page.after.as_ref(), page.limit())?);
                let ids: Vec<i64> = listed.items.iter().map(|package| package.id).collect();
                let mut latest: std::collections::HashMap<_, _> = packages::list_latest(db, &ids)?.into_iter().collect();
                Ok(listed.map(|package| PackageView { latest: latest.remove(&package.id).flatten(), package }))
            })
            .await
    }
}
