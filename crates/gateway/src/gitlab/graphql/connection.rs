//! The parts of lists. Their cursors are tokens of the planes, so they hold still while others write.

use async_graphql::{OutputType, SimpleObject};

use super::file::PackageFile;
use super::limits::PAGE;
use super::package::{Package, PackageBase, PackageTag, Pipeline};
use super::refusal::{Refusal, Result};

/// A part of a list.
#[derive(Debug, SimpleObject)]
#[graphql(concrete(name = "PackageConnection", params(Package)))]
#[graphql(concrete(name = "PackageBaseConnection", params(PackageBase)))]
#[graphql(concrete(name = "PackageFileConnection", params(PackageFile)))]
#[graphql(concrete(name = "PackageTagConnection", params(PackageTag)))]
#[graphql(concrete(name = "PipelineConnection", params(Pipeline)))]
pub(super) struct Connection<T: OutputType>
where
    Edge<T>: OutputType,
{
    /// How many entries the list has; 10001 stands for more than 10000.
    count: i64,
    nodes: Vec<T>,
    edges: Vec<Edge<T>>,
    page_info: PageInfo,
}

/// An entry, and where it stands.
#[derive(Debug, SimpleObject)]
#[graphql(concrete(name = "PackageEdge", params(Package)))]
#[graphql(concrete(name = "PackageBaseEdge", params(PackageBase)))]
#[graphql(concrete(name = "PackageFileEdge", params(PackageFile)))]
#[graphql(concrete(name = "PackageTagEdge", params(PackageTag)))]
#[graphql(concrete(name = "PipelineEdge", params(Pipeline)))]
pub(super) struct Edge<T: OutputType> {
    cursor: String,
    node: T,
}

/// What is around a part of a list.
#[derive(Debug, Default, PartialEq, Eq, SimpleObject)]
pub(super) struct PageInfo {
    has_next_page: bool,
    has_previous_page: bool,
    start_cursor: Option<String>,
    end_cursor: Option<String>,
}

/// Which part of a list: so many of the entries between two of them, from the one end or from the other.
#[derive(Debug)]
pub(super) struct Part {
    size: usize,
    after: String,
    before: String,
    backwards: bool,
}

/// What the arguments of a field say of a part.
#[derive(Debug, Default)]
pub(super) struct Ends {
    pub(super) first: Option<i32>,
    pub(super) after: Option<String>,
    pub(super) last: Option<i32>,
    pub(super) before: Option<String>,
}

/// What a plane answers for a part of a list: entries with their tokens, and whether there are more in the direction in which it was read.
#[derive(Debug)]
pub(super) struct Answer<T> {
    pub(super) entries: Vec<(T, String)>,
    pub(super) more: bool,
    pub(super) total: i64,
}

impl<T> Answer<T> {
    /// The same of other entries; those that have none are left out.
    pub(super) fn map<U>(self, other: impl Fn(T) -> Option<U>) -> Answer<U> {
        let entries = self.entries.into_iter().filter_map(|(entry, token)| Some((other(entry)?, token))).collect();
        Answer { entries, more: self.more, total: self.total }
    }
}

impl Part {
    /// The part that the arguments of a field name.
    pub(super) fn of(ends: Ends) -> Result<Self> {
        let Ends { first, after, last, before } = ends;
        let (name, size) = match (first, last) {
            (Some(_), Some(_)) => return Err(Refusal::Argument("Can only provide either `first` or `last`, not both".to_owned())),
            (first, None) => ("first", first),
            (None, last) => ("last", last),
        };
        let size = match size.map(usize::try_from) {
            None => PAGE,
            Some(Ok(size)) => size.min(PAGE),
            Some(Err(_)) => return Err(Refusal::Argument(format!("`{name}` must not be negative"))),
        };
        Ok(Self { size, after: after.unwrap_or_default(), before: before.unwrap_or_default(), backwards: last.is_some() })
    }

    /// How many entries to ask for. One shows whether there are any, where none are wanted.
    pub(super) fn page_size(&self) -> i32 {
        i32::try_from(self.size.max(1)).unwrap_or(i32::MAX)
    }

    /// The token behind which it is.
    pub(super) fn after(&self) -> String {
        self.after.clone()
    }

    /// The token before which it is.
    pub(super) fn before(&self) -> String {
        self.before.clone()
    }

    /// Whether it is the end of what is between them.
    pub(super) fn is_backwards(&self) -> bool {
        self.backwards
    }

    /// The part, out of what a plane answered. What a cursor names is there, so there is something beyond it.
    pub(super) fn filled<T: OutputType + Clone>(&self, answer: Answer<T>) -> Connection<T>
    where
        Edge<T>: OutputType,
    {
        let Answer { mut entries, more, total } = answer;
        let more = more || entries.len() > self.size;
        let beyond = entries.len().saturating_sub(self.size);
        if self.backwards {
            entries.drain(..beyond);
        } else {
            entries.truncate(self.size);
        }
        let token = |entry: Option<&(T, String)>| entry.map(|(_, token)| token.clone());
        let page_info = PageInfo {
            has_next_page: !self.before.is_empty() || (more && !self.backwards),
            has_previous_page: !self.after.is_empty() || (more && self.backwards),
            start_cursor: token(entries.first()),
            end_cursor: token(entries.last()),
        };
        let nodes = entries.iter().map(|(node, _)| node.clone()).collect();
        let edges = entries.into_iter().map(|(node, cursor)| Edge { cursor, node }).collect();
        Connection { count: total, nodes, edges, page_info }
    }
}

impl<T: OutputType> Connection<T>
where
    Edge<T>: OutputType,
{
    /// A list of which there is nothing here.
    pub(super) fn empty() -> Self {
        Self { count: 0, nodes: Vec::new(), edges: Vec::new(), page_info: PageInfo::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(first: Option<i32>, after: &str, last: Option<i32>, before: &str) -> Ends {
        Ends { first, after: Some(after.to_owned()), last, before: Some(before.to_owned()) }
    }

    #[test]
    fn a_part_is_of_the_beginning_or_of_the_end() {
        for (first, last, expected) in [
            (None, None, Some((100, false))),
            (Some(7), None, Some((7, false))),
            (None, Some(7), Some((7, true))),
            (Some(0), None, Some((0, false))),
            (Some(i32::MAX), None, Some((100, false))),
            (None, Some(i32::MAX), Some((100, true))),
            (Some(-1), None, None),
            (None, Some(-1), None),
            (Some(1), Some(1), None),
        ] {
            let part = Part::of(ends(first, "", last, "")).ok().map(|part| (part.size, part.backwards));
            assert_eq!(part, expected, "{first:?} {last:?}");
        }
    }

    #[test]
    fn what_is_around_a_part_is_told_from_both_ends() {
        let tag = |name: &str| (PackageTag::named(name), name.to_owned());
        for (ends, more, shown, next, previous) in [
            (ends(Some(2), "", None, ""), false, "ab", false, false),
            (ends(Some(2), "", None, ""), true, "ab", true, false),
            (ends(Some(1), "x", None, ""), false, "a", true, true),
            (ends(Some(2), "", None, "x"), false, "ab", true, false),
            (ends(None, "", Some(2), ""), false, "ab", false, false),
            (ends(None, "", Some(2), ""), true, "ab", false, true),
            (ends(None, "", Some(1), "x"), false, "b", true, true),
            (ends(None, "x", Some(2), ""), false, "ab", false, true),
            (ends(Some(0), "", None, ""), false, "", true, false),
            (ends(None, "", Some(0), ""), false, "", false, true),
        ] {
            let part = Part::of(ends).unwrap();
            let found = part.filled(Answer { entries: vec![tag("a"), tag("b")], more, total: 2 });
            let (start_cursor, end_cursor) = (shown.get(..1), shown.get(shown.len().saturating_sub(1)..).filter(|end| !end.is_empty()));
            let around = PageInfo {
                has_next_page: next,
                has_previous_page: previous,
                start_cursor: start_cursor.map(ToOwned::to_owned),
                end_cursor: end_cursor.map(ToOwned::to_owned),
            };
            assert_eq!(found.page_info, around, "{part:?}");
            assert_eq!(found.edges.iter().map(|edge| edge.cursor.as_str()).collect::<String>(), shown, "{part:?}");
        }
    }
}
