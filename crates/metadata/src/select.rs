//! What lists are asked for: filters and orders as parts of a query.
//!
//! Columns are named by their SQL here, so that one list can be filtered and ordered by many; a test asks for each.

use std::collections::BTreeSet;

use consign_types::access::Reach;
use consign_types::filter::{Comparison, Filter, Operator};
use consign_types::{Digest, NamespacePath, Timestamp};
use diesel::BoxableExpression;
use diesel::dsl::{not, sql};
use diesel::expression::SqlLiteral;
use diesel::expression_methods::BoolExpressionMethods as _;
use diesel::sql_types::{BigInt, Binary, Bool, Text};

use crate::columns::Instant;
use crate::connection::MultiBackend;
use crate::cursor::{Cursor, Value};
use crate::error::{Error, Result};

/// A condition on the rows of `QS`.
pub(crate) type Condition<QS> = Box<dyn BoxableExpression<QS, MultiBackend, SqlType = Bool>>;

/// What a filter can compare.
#[derive(Clone, Copy)]
pub(crate) enum Field {
    /// A text. `:` finds parts of it, in whichever case.
    Text(&'static str),
    /// A name, and the column of the same in lower case, in which `:` looks.
    Name(&'static str, &'static str),
    /// A name that has another order than that of its text: it is equal or not, and `:` finds parts of it.
    Unordered(&'static str),
    /// A word of a set.
    Word(&'static str, &'static [&'static str]),
    /// A number, which every row has.
    Number(&'static str),
    /// An instant, given by RFC 3339.
    Time(&'static str),
    /// A digest, given in hexadecimal.
    Digest(&'static str),
    /// Labels: the table that has them, its column of the owner, and the owner's id.
    Labels(&'static str, &'static str, &'static str),
    /// A value of things of which a row has several: the row's place among their owners, and their column. It is equal or not to one of
    /// them, and `:` is the same.
    Several(&'static str, &'static str, Kind),
    /// Several texts, each on a line of its own between two line ends. It is equal or not to one of them, and `:` is the same.
    Lines(&'static str),
}

/// What a value is read as.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// A text.
    Text,
    /// A digest, given in hexadecimal.
    Digest,
}

/// The words of a field that holds or does not.
pub(crate) const BOOLEANS: &[&str] = &["true", "false"];

/// The condition that a filter sets. `fields` says what it may name.
pub(crate) fn condition<QS>(filter: Filter, fields: &dyn Fn(&str) -> Option<Field>) -> Result<Condition<QS>>
where
    QS: 'static,
{
    let all = |filters: Vec<Filter>| filters.into_iter().map(|filter| condition(filter, fields)).collect::<Result<Vec<Condition<QS>>>>();
    Ok(match filter {
        Filter::And(filters) => join(all(filters)?, &|left, right| Box::new(left.and(right))),
        Filter::Or(filters) => join(all(filters)?, &|left, right| Box::new(left.or(right))),
        Filter::Not(filter) => Box::new(not(condition::<QS>(*filter, fields)?)),
        Filter::Compare(comparison) => compare(&comparison, fields)?,
    })
}

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

fn compare<QS: 'static>(comparison: &Comparison, fields: &dyn Fn(&str) -> Option<Field>) -> Result<Condition<QS>> {
    let Comparison { field: name, key, operator, value } = comparison;
    let invalid = Error::FilterInvalid;
    let field = fields(name).ok_or_else(|| invalid(format!("there is no field `{name}` to filter by")))?;
    if key.is_some() && !matches!(field, Field::Labels(..)) {
        return Err(invalid(format!("`{name}` has no parts")));
    }
    let symbol = symbol(*operator);
    let ordered = symbol.ok_or_else(|| invalid(format!("`:` does not go with `{name}`")));
    // What is not there is not equal, not less, and not greater.
    let compared = |column: &str, symbol: &str| sql::<Bool>(&format!("coalesce({column} {symbol} "));
    Ok(match field {
        Field::Unordered(_) if !matches!(operator, Operator::Equal | Operator::NotEqual | Operator::Has) => {
            return Err(invalid(format!("`{name}` is compared by `=`, `!=` and `:`, since its text has another order than it")));
        }
        Field::Text(column) | Field::Unordered(column) => match symbol {
            Some(symbol) => Box::new(compared(column, symbol).bind::<Text, _>(value.clone()).sql(", 1 = 0)")),
            None => contains(&format!("lower({column})"), value),
        },
        Field::Name(column, folded) => match symbol {
            Some(symbol) => Box::new(compared(column, symbol).bind::<Text, _>(value.clone()).sql(", 1 = 0)")),
            None => contains(folded, value),
        },
        Field::Word(column, words) => {
            let lower = value.to_ascii_lowercase();
            if !words.contains(&lower.as_str()) {
                return Err(invalid(format!("`{name}` is one of {}", words.join(", "))));
            }
            let symbol = if *operator == Operator::Has { "=" } else { ordered? };
            Box::new(compared(column, symbol).bind::<Text, _>(lower).sql(", 1 = 0)"))
        }
        Field::Number(column) => {
            let number: i64 = value.parse().map_err(|_| invalid(format!("`{name}` is compared with a number")))?;
            // Numbers are always there, and found by their index.
            Box::new(sql::<Bool>(&format!("({column} {} ", ordered?)).bind::<BigInt, _>(number).sql(")"))
        }
        Field::Time(column) => {
            let rule = || invalid(format!("`{name}` is compared with a time such as \"2030-01-31T12:00:00Z\""));
            let time: Timestamp = value.parse().map_err(|_| rule())?;
            Box::new(compared(column, ordered?).bind::<Instant, _>(time).sql(", 1 = 0)"))
        }
        Field::Digest(column) => {
            let digest: Digest = value.parse().map_err(|_| invalid(format!("`{name}` is compared with 64 hexadecimal digits")))?;
            Box::new(compared(column, ordered?).bind::<Binary, _>(digest).sql(", 1 = 0)"))
        }
        Field::Labels(table, owner, id) => labelled(comparison, table, owner, id)?,
        Field::Several(owners, column, kind) => one_is(comparison, owners, column, kind)?,
        Field::Lines(column) => line_is(comparison, column)?,
    })
}

/// The condition that a row has such a label.
fn labelled<QS: 'static>(comparison: &Comparison, table: &str, owner: &str, id: &str) -> Result<Condition<QS>> {
    let Comparison { field: name, key, operator, value } = comparison;
    // Not `exists`, by which SQLite would ask for each row whether it has the label.
    let from = format!("{id} in (select {owner} from {table} where {table}.key = ");
    Ok(match (key, operator) {
        (None, Operator::Has) if value == "*" => Box::new(sql::<Bool>(&format!("{id} in (select {owner} from {table})"))),
        (None, Operator::Has) => Box::new(sql::<Bool>(&from).bind::<Text, _>(value.clone()).sql(")")),
        (Some(key), Operator::Has) if value == "*" => Box::new(sql::<Bool>(&from).bind::<Text, _>(key.clone()).sql(")")),
        (Some(key), _) => {
            let symbol = format!(" and {table}.value {} ", symbol(*operator).unwrap_or("="));
            Box::new(sql::<Bool>(&from).bind::<Text, _>(key.clone()).sql(&symbol).bind::<Text, _>(value.clone()).sql(")"))
        }
        (None, _) => return Err(Error::FilterInvalid(format!("`{name}` is compared by key: `{name}.key = value`"))),
    })
}

/// The condition that one of the things of a row is this, or none is.
fn one_is<QS: 'static>(comparison: &Comparison, owners: &str, column: &str, kind: Kind) -> Result<Condition<QS>> {
    let Comparison { field: name, operator, value, .. } = comparison;
    let negation = match operator {
        Operator::Equal | Operator::Has => "",
        Operator::NotEqual => "not ",
        _ => return Err(Error::FilterInvalid(format!("`{name}` is compared by `=` and `!=`"))),
    };
    let is = sql::<Bool>(&format!("{negation}{owners}{column} = "));
    Ok(match kind {
        Kind::Text => Box::new(is.bind::<Text, _>(value.clone()).sql(")")),
        Kind::Digest => {
            let invalid = |_| Error::FilterInvalid(format!("`{name}` is compared with 64 hexadecimal digits"));
            Box::new(is.bind::<Binary, _>(value.parse::<Digest>().map_err(invalid)?).sql(")"))
        }
    })
}

/// The condition that one of the lines of a text is this, or none is.
fn line_is<QS: 'static>(comparison: &Comparison, column: &str) -> Result<Condition<QS>> {
    let Comparison { field: name, operator, value, .. } = comparison;
    if value.contains(char::is_control) {
        return Err(Error::FilterInvalid(format!("`{name}` has no control characters")));
    }
    let negation = match operator {
        Operator::Equal | Operator::Has => "",
        Operator::NotEqual => "not ",
        _ => return Err(Error::FilterInvalid(format!("`{name}` is compared by `=` and `!=`"))),
    };
    let like = sql::<Bool>(&format!("{column} {negation}like ")).bind::<Text, _>(pattern(&format!("\n{value}\n")));
    Ok(Box::new(like.sql(r" escape '\'")))
}

fn symbol(operator: Operator) -> Option<&'static str> {
    match operator {
        Operator::Equal => Some("="),
        Operator::NotEqual => Some("<>"),
        Operator::Less => Some("<"),
        Operator::LessOrEqual => Some("<="),
        Operator::Greater => Some(">"),
        Operator::GreaterOrEqual => Some(">="),
        Operator::Has => None,
    }
}

/// Both databases take ASCII letters alone for the same in either case.
fn contains<QS: 'static>(column: &str, part: &str) -> Condition<QS> {
    Box::new(sql::<Bool>(&format!("{column} like ")).bind::<Text, _>(pattern(&part.to_ascii_lowercase())).sql(r" escape '\'"))
}

/// What `like` takes for a text anywhere in another.
fn pattern(part: &str) -> String {
    let mut pattern = String::from("%");
    for c in part.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

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
