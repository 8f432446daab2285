//! Orders, and the rows behind a place in them.

use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::sql_types::{BigInt, Binary, Bool, Text};

use super::Condition;
use crate::columns::Instant;
use crate::cursor::{Cursor, Value};
use crate::error::{Error, Result};

/// An order: the columns that it goes by, the last one unique, all rising or all falling.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) columns: &'static [&'static str],
    /// What the values of its cursors are, beside the id: `s` texts, `n` numbers, `t` instants, `b` bytes.
    pub(crate) kinds: &'static str,
    pub(crate) descending: bool,
}

impl Order {
    /// The order as the query has it.
    pub(crate) fn by(&self) -> SqlLiteral<Bool> {
        let direction = if self.descending { " desc" } else { "" };
        let columns: Vec<String> = self.columns.iter().map(|column| format!("{column}{direction}")).collect();
        sql(&columns.join(", "))
    }

    /// The same from its end.
    pub(crate) fn turned(&self) -> Self {
        Self { descending: !self.descending, ..self.clone() }
    }

    /// The rows behind a cursor. Columns are compared as a row, which both databases answer from an index; spelled out with `or`,
    /// they would sort. A cursor that does not go with this order is refused.
    pub(crate) fn behind<QS: 'static>(&self, cursor: &Cursor) -> Result<Condition<QS>> {
        use Value::{Bytes, Number, Text as Words, Time};

        let Cursor { values, id } = cursor;
        if !values.iter().map(Value::kind).eq(self.kinds.chars()) {
            return Err(Error::PageTokenInvalid);
        }
        let row = sql::<Bool>(&format!("({}) {} (", self.columns.join(", "), if self.descending { "<" } else { ">" }));
        // Where the values are unique by themselves, there is no column for the id.
        let by_id = self.columns.len() > values.len();
        Ok(match values.as_slice() {
            [] => Box::new(row.bind::<BigInt, _>(*id).sql(")")),
            [Words(text)] => Box::new(row.bind::<Text, _>(text.clone()).sql(", ").bind::<BigInt, _>(*id).sql(")")),
            [Number(number)] => Box::new(row.bind::<BigInt, _>(*number).sql(", ").bind::<BigInt, _>(*id).sql(")")),
            [Number(one), Number(two), Number(three)] => {
                let row = row.bind::<BigInt, _>(*one).sql(", ").bind::<BigInt, _>(*two).sql(", ").bind::<BigInt, _>(*three);
                Box::new(row.sql(", ").bind::<BigInt, _>(*id).sql(")"))
            }
            [Time(time)] => Box::new(row.bind::<Instant, _>(*time).sql(", ").bind::<BigInt, _>(*id).sql(")")),
            [Bytes(bytes)] => Box::new(row.bind::<Binary, _>(bytes.clone()).sql(", ").bind::<BigInt, _>(*id).sql(")")),
            [Number(number), Words(text)] => Box::new(row.bind::<BigInt, _>(*number).sql(", ").bind::<Text, _>(text.clone()).sql(")")),
            [Words(one), Words(two)] => Box::new(row.bind::<Text, _>(one.clone()).sql(", ").bind::<Text, _>(two.clone()).sql(")")),
            [Words(text), Number(number)] if !by_id => {
                Box::new(row.bind::<Text, _>(text.clone()).sql(", ").bind::<BigInt, _>(*number).sql(")"))
            }
            [Words(text), Bytes(bytes)] => {
                let row = row.bind::<Text, _>(text.clone()).sql(", ").bind::<Binary, _>(bytes.clone());
                Box::new(row.sql(", ").bind::<BigInt, _>(*id).sql(")"))
            }
            _ => return Err(Error::PageTokenInvalid),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_a_cursor_is_read_from_goes_with_its_order_alone(text in "[-0-9]{0,20}(\n[sntbx][-0-9a-f\u{0}é]{0,20}){0,3}|\\PC{0,40}") {
            if let Ok(cursor) = text.parse::<Cursor>() {
                prop_assert_eq!(cursor.to_string().parse(), Ok(cursor.clone()));
                let kinds: String = cursor.values.iter().map(Value::kind).collect();
                for order in [("", &["a"] as &'static [_]), ("s", &["a", "b"]), ("n", &["a", "b"]), ("t", &["a", "b"]), ("b", &["a", "b"])] {
                    let (kinds_of_order, columns) = order;
                    let order = Order { columns, kinds: kinds_of_order, descending: false };
                    prop_assert_eq!(order.behind::<crate::schema::files::table>(&cursor).is_ok(), kinds == kinds_of_order);
                }
            }
        }
    }
}
