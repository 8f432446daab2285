//! What lists are asked for: filters and orders as parts of a query.
//!
//! Columns are named by their SQL here, so that one list can be filtered and ordered by many; a test asks for each.

mod extent;
mod filter;
mod order;

use diesel::BoxableExpression;
use diesel::dsl::sql;
use diesel::sql_types::Bool;

use crate::connection::MultiBackend;

pub(crate) use extent::{Extent, around, within};
pub(crate) use filter::{BOOLEANS, Field, Kind, condition};
pub(crate) use order::Order;

/// A condition on the rows of `QS`.
pub(crate) type Condition<QS> = Box<dyn BoxableExpression<QS, MultiBackend, SqlType = Bool>>;

/// Joins conditions by halves: one after the other, they would stand as deep in each other as there are many, and both databases and this
/// process go down into them.
fn join<QS>(mut conditions: Vec<Condition<QS>>, both: &impl Fn(Condition<QS>, Condition<QS>) -> Condition<QS>) -> Condition<QS>
where
    QS: 'static,
{
    if conditions.len() > 1 {
        let right = conditions.split_off(conditions.len() / 2);
        return both(join(conditions, both), join(right, both));
    }
    conditions.pop().unwrap_or_else(|| Box::new(sql::<Bool>("1 = 1")))
}
