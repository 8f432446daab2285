//! Where a list looks, and what a caller may see of it.

use std::collections::BTreeSet;

use consign_types::NamespacePath;
use consign_types::access::Reach;
use diesel::dsl::sql;
use diesel::expression_methods::BoolExpressionMethods as _;
use diesel::sql_types::{Bool, Text};

use super::{Condition, join};

/// Where a list over projects looks.
#[derive(Clone)]
pub(crate) enum Extent {
    /// In one project, by its id.
    Project(i64),
    /// In all of these.
    Reach(Reach),
    /// In those of them that are below this namespace.
    Below(NamespacePath, Reach),
}

impl Extent {
    /// The one project, or the conditions on the projects of a query.
    pub(crate) fn parts<QS: 'static>(self) -> (Option<i64>, Vec<Condition<QS>>) {
        match self {
            Self::Project(id) => (Some(id), Vec::new()),
            Self::Reach(reach) => (None, within(&reach).into_iter().collect()),
            Self::Below(namespace, reach) => (None, std::iter::once(below("projects.path", &namespace)).chain(within(&reach)).collect()),
        }
    }
}

impl Default for Extent {
    fn default() -> Self {
        Self::Reach(Reach::Everything)
    }
}

/// The condition that a row is of a project within reach, for queries that have the projects; `None` where all are.
pub(crate) fn within<QS: 'static>(reach: &Reach) -> Option<Condition<QS>> {
    let Reach::Some { projects, namespaces, visibilities } = reach else { return None };
    let mut any: Vec<Condition<QS>> = namespaces.iter().map(|path| below("projects.path", path)).collect();
    any.extend(among("projects.id", projects));
    for visibility in *visibilities {
        // A deleted one is seen by its members alone.
        let seen = sql::<Bool>("(projects.deleted_at is null and projects.visibility = ").bind::<Text, _>(visibility.as_str().to_owned());
        any.push(Box::new(seen.sql(")")));
    }
    Some(one_of(any))
}

/// The beginning of the condition that a namespace has a project below it of which more is said.
const HELD: &str = "exists (select 1 from projects where projects.path > namespaces.path || '/' \
                    and projects.path < namespaces.path || '0' and projects.deleted_at is null and ";

/// The condition that a namespace is one in which the caller has a role, around one, or around a project within reach.
pub(crate) fn around<QS: 'static>(reach: &Reach) -> Option<Condition<QS>> {
    let Reach::Some { projects, namespaces, visibilities } = reach else { return None };
    let mut any = on_the_way(namespaces);
    if !projects.is_empty() {
        any.push(Box::new(sql::<Bool>(&format!("{HELD} projects.id in ({}))", listed(projects)))));
    }
    for visibility in *visibilities {
        any.push(Box::new(sql::<Bool>(&format!("{HELD} projects.visibility = ")).bind::<Text, _>(visibility.as_str().to_owned()).sql(")")));
    }
    Some(one_of(any))
}

/// The conditions that a namespace is one of these, below one, or around one.
fn on_the_way<QS: 'static>(namespaces: &[NamespacePath]) -> Vec<Condition<QS>> {
    let above = namespaces.iter().flat_map(|path| std::iter::successors(Some(path.clone()), NamespacePath::parent));
    let above: BTreeSet<NamespacePath> = above.collect();
    let mut any: Vec<Condition<QS>> = namespaces.iter().map(|path| below("namespaces.path", path)).collect();
    any.extend(
        above.into_iter().map(|path| -> Condition<QS> { Box::new(sql::<Bool>("namespaces.path = ").bind::<Text, _>(path.to_string())) }),
    );
    any
}

/// The condition that a number is one of these; `None` where there are none.
fn among<QS: 'static>(column: &str, numbers: &[i64]) -> Option<Condition<QS>> {
    (!numbers.is_empty()).then(|| -> Condition<QS> { Box::new(sql::<Bool>(&format!("{column} in ({})", listed(numbers)))) })
}

fn listed(numbers: &[i64]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The condition that one of these holds; nothing, where there is none.
fn one_of<QS: 'static>(any: Vec<Condition<QS>>) -> Condition<QS> {
    if any.is_empty() { Box::new(sql::<Bool>("1 = 0")) } else { join(any, &|left, right| Box::new(left.or(right))) }
}

/// All paths that start with the namespace and `/`: `0` is the character behind `/`.
fn below<QS: 'static>(column: &str, namespace: &NamespacePath) -> Condition<QS> {
    let from = sql::<Bool>(&format!("({column} > ")).bind::<Text, _>(format!("{namespace}/"));
    Box::new(from.sql(&format!(" and {column} < ")).bind::<Text, _>(format!("{namespace}0")).sql(")"))
}
