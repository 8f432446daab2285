//! Listing users.

use std::collections::BTreeSet;

use consign_types::access::{Identity, Place};
use consign_types::filter::Filter;
use consign_types::{NamespacePath, Timestamp};

use crate::cursor::{Cursor, Value};
use crate::select::{Order, condition};
use crate::tables::users::{self, Known, Selection, User};
use crate::{Listed, Metadata, Page, Principal, Result};

/// Which users, how ordered, and which page.
#[derive(Clone, Debug)]
pub struct ListUsers {
    /// Those whom this caller may know of; `None` for all, and for their mail addresses.
    pub known_to: Option<Principal>,
    /// Which of them.
    pub filter: Option<Filter>,
    /// How they are ordered.
    pub order: UserOrder,
    /// Falling instead of rising.
    pub descending: bool,
    /// Which page of them.
    pub page: Page<Cursor>,
}

/// How users are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserOrder {
    /// By user name.
    Username,
    /// By id.
    Id,
    /// By when they were made.
    CreateTime,
}

impl UserOrder {
    /// Where a user stands in this order.
    pub fn cursor(self, user: &User) -> Cursor {
        let values = match self {
            Self::Username => vec![Value::Text(user.username.to_string())],
            Self::Id => Vec::new(),
            Self::CreateTime => vec![Value::Time(user.created_at)],
        };
        Cursor { values, id: user.id }
    }

    fn order(self, descending: bool) -> Order {
        match self {
            Self::Username => Order { columns: &["users.username", "users.id"], kinds: "s", descending },
            Self::Id => Order { columns: &["users.id"], kinds: "", descending },
            Self::CreateTime => Order { columns: &["users.created_at", "users.id"], kinds: "t", descending },
        }
    }
}

impl Metadata {
    /// Users; `FilterInvalid`.
    pub async fn list_users(&self, request: ListUsers) -> Result<Listed<User>> {
        let now = self.now();
        self.pool
            .read(move |db| {
                let ListUsers { known_to, filter, order, descending, page } = request;
                let known_to = known_to.map(|principal| known_by(&principal, now));
                let field = |name: &str| users::field(name, known_to.is_none());
                let selection = || -> Result<Selection<'_>> {
                    let filter = filter.clone().map(|filter| condition(filter, &field)).transpose()?;
                    Ok(Selection { known_to: known_to.as_ref(), filter })
                };
                let total = if page.count { Some(users::count(db, selection()?)?) } else { None };
                let rows = users::list(db, selection()?, &order.order(descending), page.after.as_ref(), page.slice())?;
                Ok(Listed { total, ..page.of(rows) })
            })
            .await
    }
}

/// Where a caller has roles of its own. Whoever is seen by visibility alone is nobody whom one knows.
pub(super) fn known_by(principal: &Principal, now: Timestamp) -> Known {
    let user = principal.user.unwrap_or_default();
    let mut known = Known { user, projects: Vec::new(), namespaces: Vec::new(), above: BTreeSet::new(), now };
    let Identity::User(memberships) = &principal.grant.identity else { return known };
    for membership in memberships.iter() {
        let lowest = match &membership.place {
            Place::Project { id, path } => {
                known.projects.push(*id);
                path.namespace()
            }
            Place::Namespace { path, .. } => {
                known.namespaces.push(path.clone());
                path.clone()
            }
        };
        known.above.extend(std::iter::successors(Some(lowest), NamespacePath::parent));
    }
    known
}
