//! Listing members.

use std::sync::LazyLock;

use consign_types::filter::Filter;
use consign_types::resource::MemberParent;

use super::{namespace, project};
use crate::connection::Db;
use crate::cursor::{Cursor, Value};
use crate::select::{Order, condition};
use crate::tables::members::{self, Home, PlacedMember, Selection};
use crate::tables::namespaces;
use crate::{Listed, Metadata, Page, Result};

/// Which members, how ordered, and which page.
#[derive(Clone, Debug)]
pub struct ListMembers {
    /// Where.
    pub parent: MemberParent,
    /// Also those whose roles come from namespaces above.
    pub show_inherited: bool,
    /// Each user once, with the highest of the roles that count.
    pub highest_only: bool,
    /// Which of them.
    pub filter: Option<Filter>,
    /// How they are ordered.
    pub order: MemberOrder,
    /// Falling instead of rising.
    pub descending: bool,
    /// Which page of them.
    pub page: Page<Cursor>,
}

/// How members are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberOrder {
    /// By user name.
    Username,
    /// By role.
    Role,
}

/// The columns of the order by role.
static BY_ROLE: LazyLock<[&str; 2]> = LazyLock::new(|| [members::rank("members").leak(), "members.id"]);

impl MemberOrder {
    /// Where a member stands in this order.
    pub fn cursor(self, member: &PlacedMember) -> Cursor {
        let value = match self {
            Self::Username => Value::Text(member.username.to_string()),
            Self::Role => Value::Number(member.member.role as i64),
        };
        Cursor { values: vec![value], id: member.member.id }
    }

    fn order(self, descending: bool) -> Order {
        match self {
            Self::Username => Order { columns: &["users.username", "members.id"], kinds: "s", descending },
            Self::Role => Order { columns: &*BY_ROLE, kinds: "n", descending },
        }
    }
}

impl Metadata {
    /// Members of a place, each with whether its role was given further up. `ProjectNotFound`, `NamespaceNotFound`, `FilterInvalid`.
    pub async fn list_members(&self, request: ListMembers) -> Result<Listed<(PlacedMember, bool)>> {
        let now = self.now();
        self.pool
            .read(move |db| {
                let homes = homes(db, &request.parent, request.show_inherited)?;
                let selection = || -> Result<Selection<'_>> {
                    let filter = request.filter.clone().map(|filter| condition(filter, &members::field)).transpose()?;
                    Ok(Selection { homes: &homes, highest_at: request.highest_only.then_some(now), filter })
                };
                let (order, page) = (request.order.order(request.descending), request.page);
                let total = if page.count { Some(members::count(db, selection()?)?) } else { None };
                let rows = members::list(db, selection()?, &order, page.after.as_ref(), page.slice())?;
                let listed = Listed { total, ..page.of(rows) };
                Ok(listed.map(|placed| {
                    let is_inherited = placed.member.home() != homes.first().copied();
                    (placed, is_inherited)
                }))
            })
            .await
    }
}

/// The place, and those above it if their members are wanted too.
fn homes(db: &mut Db, parent: &MemberParent, above: bool) -> Result<Vec<Home>> {
    let (home, around) = match parent {
        MemberParent::Project(name) => {
            let project = project(db, name)?;
            let namespace = namespace(db, &consign_types::resource::NamespaceRef::Id(project.namespace_id))?;
            (Home::Project(project.id), Some(namespace.path))
        }
        MemberParent::Namespace(name) => {
            let namespace = namespace(db, name)?;
            (Home::Namespace(namespace.id), namespace.path.parent())
        }
    };
    let mut homes = vec![home];
    if let Some(path) = around.filter(|_| above) {
        homes.extend(namespaces::list_around(db, &path)?.into_iter().map(Home::Namespace));
    }
    Ok(homes)
}
