//! The parts of lists. Their cursors stand on the page tokens of the planes, so they hold still while others write.

use async_graphql::{OutputType, SimpleObject};

use super::file::PackageFile;
use super::limits::PAGE;
use super::package::{Package, PackageTag, Pipeline};
use super::refusal::{Refusal, Result};

/// A part of a list.
#[derive(Debug, SimpleObject)]
#[graphql(concrete(name = "PackageConnection", params(Package)))]
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
#[graphql(concrete(name = "PackageFileEdge", params(PackageFile)))]
#[graphql(concrete(name = "PackageTagEdge", params(PackageTag)))]
#[graphql(concrete(name = "PipelineEdge", params(Pipeline)))]
pub(super) struct Edge<T: OutputType> {
    cursor: String,
    node: T,
}

/// What is around a part of a list.
#[derive(Debug, Default, SimpleObject)]
pub(super) struct PageInfo {
    has_next_page: bool,
    has_previous_page: bool,
    start_cursor: Option<String>,
    end_cursor: Option<String>,
}

/// Which part of a list: so many entries behind a cursor, which is a page token of a plane and how many entries to pass over from there.
#[derive(Debug)]
pub(super) struct Part {
    size: usize,
    skip: i32,
    token: String,
    is_first: bool,
}

/// What a plane answers for a part of a list.
#[derive(Debug)]
pub(super) struct Answer<T> {
    pub(super) entries: Vec<T>,
    pub(super) next_page_token: String,
    pub(super) total: i64,
}

impl Part {
    /// The part that the arguments of a field name.
    pub(super) fn of(first: Option<i32>, after: Option<String>) -> Result<Self> {
        let size = match first.map(usize::try_from) {
            None => PAGE,
            Some(Ok(size)) => size.min(PAGE),
            Some(Err(_)) => return Err(Refusal::Argument("`first` must not be negative".to_owned())),
        };
        let Some(after) = after.filter(|after| !after.is_empty()) else {
            return Ok(Self { size, skip: 0, token: String::new(), is_first: true });
        };
        let parts = after.split_once('.').and_then(|(skip, token)| Some((skip.parse().ok().filter(|skip| *skip >= 0)?, token.to_owned())));
        let (skip, token) = parts.ok_or_else(|| Refusal::Argument("`after` is no cursor of this list".to_owned()))?;
        Ok(Self { size, skip, token, is_first: false })
    }

    /// How many entries to ask for. One shows whether there are any, where none are wanted.
    pub(super) fn page_size(&self) -> i32 {
        i32::try_from(self.size.max(1)).unwrap_or(i32::MAX)
    }

    /// How many entries to pass over.
    pub(super) fn skip(&self) -> i32 {
        self.skip
    }

    /// The page token behind which it is.
    pub(super) fn token(&self) -> String {
        self.token.clone()
    }

    fn cursor(&self, entry: usize) -> String {
        format!("{}.{}", i64::from(self.skip) + i64::try_from(entry).unwrap_or(i64::MAX).saturating_add(1), self.token)
    }

    /// The part, out of what a plane answered.
    pub(super) fn filled<T: OutputType + Clone>(&self, answer: Answer<T>) -> Connection<T>
    where
        Edge<T>: OutputType,
    {
        let Answer { mut entries, next_page_token, total } = answer;
        let has_next_page = !next_page_token.is_empty() || entries.len() > self.size;
        entries.truncate(self.size);
        let last = entries.len().checked_sub(1);
        let cursor = |entry: usize| {
            let is_last = Some(entry) == last && self.size > 0 && !next_page_token.is_empty();
            if is_last { format!("0.{next_page_token}") } else { self.cursor(entry) }
        };
        let page_info = PageInfo {
            has_next_page,
            has_previous_page: !self.is_first,
            start_cursor: last.map(|_| cursor(0)),
            end_cursor: last.map(cursor),
        };
        let edges = entries.iter().cloned().enumerate().map(|(entry, node)| Edge { cursor: cursor(entry), node }).collect();
        Connection { count: total, nodes: entries, edges, page_info }
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
