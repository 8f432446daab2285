//! The filters of lists: a subset of [AIP-160](https://google.aip.dev/160).
//!
//! A filter is made of comparisons such as `state = published`, `size >= 100` or `labels.team : core`, joined by `AND`, `OR`,
//! `NOT` and parentheses. As AIP-160 has it, `OR` binds tighter than `AND`, two terms side by side mean `AND`, and a `-` directly
//! before a term means `NOT`. Which fields there are, and what compares with them, is for the list to say.

mod parse;

use std::fmt;

/// The longest filter that is accepted, in bytes.
pub const MAX_FILTER_BYTES: usize = 2048;

/// The most comparisons that a filter may have.
pub const MAX_COMPARISONS: usize = 50;

/// How deep the parentheses of a filter may be nested.
pub const MAX_NESTING: usize = 10;

/// A condition on the things of a list. Shown as a text that parses to the same filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// All of these hold; there are at least two.
    And(Vec<Filter>),
    /// At least one of these holds; there are at least two.
    Or(Vec<Filter>),
    /// This does not hold.
    Not(Box<Filter>),
    /// A field compares so.
    Compare(Comparison),
}

/// A comparison of a field with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The field: a lower-case identifier such as `create_time`.
    pub field: String,
    /// The key behind the field, such as `team` in `labels.team`. Not empty; without control characters, as the value is.
    pub key: Option<String>,
    /// How the field compares.
    pub operator: Operator,
    /// What it is compared with. May be empty.
    pub value: String,
}

/// How a field compares with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `:`, which means that the field has the value, or has any if the value is `*`.
    Has,
}

/// A filter can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// It has more than [`MAX_FILTER_BYTES`].
    #[error("filter is longer than {MAX_FILTER_BYTES} bytes")]
    TooLong,
    /// It has more than [`MAX_COMPARISONS`].
    #[error("filter has more than {MAX_COMPARISONS} comparisons")]
    TooManyComparisons,
    /// Its parentheses are nested deeper than [`MAX_NESTING`].
    #[error("filter has parentheses nested more than {MAX_NESTING} deep")]
    TooDeep,
    /// Something else was expected.
    #[error("filter is invalid at character {at}: expected {expected}")]
    Unexpected {
        /// What was expected, in words.
        expected: &'static str,
        /// Before which character it was expected, counted from 1.
        at: usize,
    },
}

impl Filter {
    /// Reads a filter. A blank text is none.
    pub fn parse(text: &str) -> Result<Option<Self>, FilterError> {
        parse::filter(text)
    }

    /// How tightly the filter holds together: what binds no tighter than the filter around it is put in parentheses.
    fn binding(&self) -> u8 {
        match self {
            Self::And(_) => 0,
            Self::Or(_) => 1,
            Self::Not(_) => 2,
            Self::Compare(_) => 3,
        }
    }

    fn write_part(&self, f: &mut fmt::Formatter<'_>, part: &Self) -> fmt::Result {
        if part.binding() <= self.binding() { write!(f, "({part})") } else { write!(f, "{part}") }
    }

    fn write_parts(&self, f: &mut fmt::Formatter<'_>, parts: &[Self], between: &str) -> fmt::Result {
        for (index, part) in parts.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { between })?;
            self.write_part(f, part)?;
        }
        Ok(())
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(parts) => self.write_parts(f, parts, " AND "),
            Self::Or(parts) => self.write_parts(f, parts, " OR "),
            Self::Not(part) => {
                f.write_str("NOT ")?;
                self.write_part(f, part)
            }
            Self::Compare(comparison) => comparison.fmt(f),
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.field)?;
        if let Some(key) = &self.key {
            f.write_str(".")?;
            write_text(f, key, parse::is_bare_key(key))?;
        }
        write!(f, " {} ", self.operator.as_str())?;
        write_text(f, &self.value, parse::is_bare_value(&self.value))
    }
}

fn write_text(f: &mut fmt::Formatter<'_>, text: &str, bare: bool) -> fmt::Result {
    if bare { f.write_str(text) } else { write!(f, "\"{}\"", text.replace('\\', r"\\").replace('"', "\\\"")) }
}

impl Operator {
    /// The operator as filters have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Has => ":",
        }
    }
}

impl Filter {
    /// The names of the fields that it compares.
    pub fn fields(&self) -> Vec<&str> {
        match self {
            Self::And(filters) | Self::Or(filters) => filters.iter().flat_map(Self::fields).collect(),
            Self::Not(filter) => filter.fields(),
            Self::Compare(comparison) => vec![&comparison.field],
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn comparison() -> impl Strategy<Value = Filter> {
        let operator = prop::sample::select(vec![
            Operator::Equal,
            Operator::NotEqual,
            Operator::Less,
            Operator::LessOrEqual,
            Operator::Greater,
            Operator::GreaterOrEqual,
            Operator::Has,
        ]);
        ("[a-z][a-z0-9_]{0,5}", prop::option::of("\\PC{1,6}|[a-z./-]{1,6}"), operator, "\\PC{0,8}|AND|OR|NOT|[ab=<!-]{1,3}")
            .prop_map(|(field, key, operator, value)| Filter::Compare(Comparison { field, key, operator, value }))
    }

    fn filters() -> impl Strategy<Value = Filter> {
        comparison().prop_recursive(3, 20, 3, |part| {
            prop_oneof![
                prop::collection::vec(part.clone(), 2..=3).prop_map(Filter::And),
                prop::collection::vec(part.clone(), 2..=3).prop_map(Filter::Or),
                part.prop_map(|part| Filter::Not(Box::new(part))),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_filter_that_is_shown_parses_to_itself(filter in filters()) {
            let text = filter.to_string();
            prop_assume!(text.len() <= MAX_FILTER_BYTES);
            prop_assert_eq!(Filter::parse(&text), Ok(Some(filter)), "{}", text);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,60}") {
            let _ = Filter::parse(&text).map_err(|error| error.to_string());
        }

        #[test]
        fn what_parses_is_shown_so_that_it_parses_again(text in "((a|b\\.c)(=|:|<| != )(x|\"é \"|-)|[()\\-]| |AND | OR |NOT ){0,12}") {
            if let Ok(Some(filter)) = Filter::parse(&text) {
                prop_assert_eq!(Filter::parse(&filter.to_string()), Ok(Some(filter)), "{}", text);
            }
        }
    }
}
