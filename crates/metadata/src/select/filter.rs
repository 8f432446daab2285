//! Filters.

use consign_types::filter::{Comparison, Filter, Operator};
use consign_types::{Digest, Timestamp};
use diesel::dsl::{not, sql};
use diesel::expression_methods::BoolExpressionMethods as _;
use diesel::sql_types::{BigInt, Binary, Bool, Text};

use super::{Condition, join};
use crate::columns::Instant;
use crate::error::{Error, Result};

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
