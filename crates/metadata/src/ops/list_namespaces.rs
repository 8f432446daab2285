//! Listing namespaces.

use consign_types::access::Reach;

use super::list_projects::PathList;
use crate::cursor::{Cursor, Value};
use crate::select::{Order, condition};
use crate::tables::namespaces::{self, Namespace, Selection};
use crate::{Listed, Metadata, Result};

/// How namespaces are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamespaceOrder {
    /// By path.
    Path,
    /// By when they were made.
    CreateTime,
}

impl NamespaceOrder {
    /// Where a namespace stands in this order.
    pub fn cursor(self, namespace: &Namespace) -> Cursor {
        let value = match self {
            Self::Path => Value::Text(namespace.path.to_string()),
            Self::CreateTime => Value::Time(namespace.created_at),
        };
        Cursor { values: vec![value], id: namespace.id }
    }

    fn order(self, descending: bool) -> Order {
        match self {
            Self::Path => Order { columns: &["namespaces.path", "namespaces.id"], kinds: "s", descending },
            Self::CreateTime => Order { columns: &["namespaces.created_at", "namespaces.id"], kinds: "t", descending },
        }
    }
}

impl Metadata {
    /// Namespaces that the caller may know of; `FilterInvalid`.
    pub async fn list_namespaces(&self, reach: Reach, list: PathList<NamespaceOrder>) -> Result<Listed<Namespace>> {
        self.pool
            .read(move |db| {
                let PathList { filter, order, descending, page } = list;
                let selection = || -> Result<Selection<'_>> {
                    let filter = filter.clone().map(|filter| condition(filter, &namespaces::field)).transpose()?;
                    Ok(Selection { reach: &reach, filter })
                };
                let total = if page.count { Some(namespaces::count(db, selection()?)?) } else { None };
                let rows = namespaces::list(db, selection()?, &order.order(descending), page.after.as_ref(), page.slice())?;
                Ok(Listed { total, ..page.of(rows) })
            })
            .await
    }
}
