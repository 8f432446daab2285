//! Pages of lists.

use crate::cursor::Cursor;
use crate::error::Result;
use crate::select::{Condition, Order};

/// Entries that are counted at most; one more stands for all that are more.
pub(crate) const MAX_COUNTED: i64 = 10_000;

/// Which page: `size` items behind the item `after`, or before the item `before`, in the order of the list.
///
/// Every order is by a unique key, so pages neither skip nor repeat what stays where it is while others come and go.
#[derive(Clone, Debug)]
pub struct Page<K> {
    /// The key of the last item of the page before; `None` for the first page.
    pub after: Option<K>,
    /// The key of the first item of the page behind, where the list goes backwards; `None` for the last page.
    pub before: Option<K>,
    /// Whether it is the end of what is asked for instead of its beginning.
    pub backwards: bool,
    /// How many items at most.
    pub size: usize,
    /// How many items to pass over before.
    pub skip: i64,
    /// Whether all items of the list are to be counted too, where the list does that.
    pub count: bool,
}

/// The rows to read of those that fit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slice {
    pub(crate) limit: i64,
    pub(crate) offset: i64,
}

impl<K> Page<K> {
    /// The first page, of so many items at most.
    pub fn first(size: usize) -> Self {
        Self { after: None, before: None, backwards: false, size, skip: 0, count: false }
    }

    /// How many rows to read: one more than fit, to see whether there are more.
    pub(crate) fn limit(&self) -> i64 {
        i64::try_from(self.size).unwrap_or(i64::MAX).saturating_add(1)
    }

    /// The rows to read, where the list passes over some.
    pub(crate) fn slice(&self) -> Slice {
        Slice { limit: self.limit(), offset: self.skip }
    }

    /// A page out of the rows that were read.
    pub(crate) fn of<T>(&self, mut rows: Vec<T>) -> Listed<T> {
        let more = rows.len() > self.size;
        rows.truncate(self.size);
        if self.backwards {
            rows.reverse();
        }
        Listed { items: rows, more, total: None }
    }
}

impl Page<Cursor> {
    /// The order in which its rows are read, and what holds of them.
    pub(crate) fn read<QS: 'static>(&self, order: &Order) -> Result<(Order, Vec<Condition<QS>>)> {
        let turned = order.turned();
        let after = self.after.as_ref().map(|after| order.behind(after)).transpose()?;
        let before = self.before.as_ref().map(|before| turned.behind(before)).transpose()?;
        let order = if self.backwards { turned } else { order.clone() };
        Ok((order, after.into_iter().chain(before).collect()))
    }
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Listed<T> {
    /// The items.
    pub items: Vec<T>,
    /// Whether there are more behind them, or before them where the page was read backwards.
    pub more: bool,
    /// How many items the list has, if they were counted: one more than 10,000 at most.
    pub total: Option<i64>,
}

impl<T> Listed<T> {
    /// The same page of other items.
    pub fn map<U>(self, other: impl FnMut(T) -> U) -> Listed<U> {
        Listed { items: self.items.into_iter().map(other).collect(), more: self.more, total: self.total }
    }
}
