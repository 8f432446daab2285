//! Pages of lists.

/// Which page: `size` items behind the item `after`, in the order of the list.
///
/// Every order is by a unique key, so pages neither skip nor repeat what stays where it is while others come and go.
#[derive(Clone, Debug)]
pub struct Page<K> {
    /// The key of the last item of the page before; `None` for the first page.
    pub after: Option<K>,
    /// How many items at most.
    pub size: usize,
}

impl<K> Page<K> {
    /// How many rows to read: one more than fit, to see whether there are more.
    pub(crate) fn limit(&self) -> i64 {
        i64::try_from(self.size).unwrap_or(i64::MAX).saturating_add(1)
    }

    /// A page out of the rows that were read.
    pub(crate) fn of<T>(&self, mut rows: Vec<T>) -> Listed<T> {
        let more = rows.len() > self.size;
        rows.truncate(self.size);
        Listed { items: rows, more }
    }
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Listed<T> {
    /// The items.
    pub items: Vec<T>,
    /// Whether there are more behind them.
    pub more: bool,
}

impl<T> Listed<T> {
    /// The same page of other items.
    pub fn map<U>(self, other: impl FnMut(T) -> U) -> Listed<U> {
        Listed { items: self.items.into_iter().map(other).collect(), more: self.more }
    }
}
