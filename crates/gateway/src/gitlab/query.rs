//! What a list asks of the metadata plane: its order and its filter.

use super::refusal::{Refusal, Result};

/// Which way a list goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Ascending,
    Descending,
}

/// The order of a list in the plane's words. `orders` has the names that the route knows and what they are there; the first one counts
/// where none is asked for, and `direction` where `sort` is not there.
pub(crate) fn order(orders: &[(&str, &str)], order_by: Option<&str>, sort: Option<&str>, direction: Direction) -> Result<String> {
    let known = orders.iter().find(|(name, _)| order_by.is_none_or(|asked| asked == *name));
    let (_, column) = known.ok_or_else(|| Refusal::no_valid_value("order_by"))?;
    let direction = match sort {
        None => direction,
        Some("asc") => Direction::Ascending,
        Some("desc") => Direction::Descending,
        Some(_) => return Err(Refusal::no_valid_value("sort")),
    };
    Ok(format!("{column}{}", if direction == Direction::Descending { " desc" } else { "" }))
}

/// A text as a filter has it.
pub(crate) fn quoted(text: &str) -> String {
    let plain: String = text.chars().filter(|c| !c.is_control()).collect();
    format!("\"{}\"", plain.replace('\\', "\\\\").replace('"', "\\\""))
}
