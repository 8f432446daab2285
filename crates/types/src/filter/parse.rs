//! From a text to a filter, by recursive descent. Only parentheses recurse, and they are counted.

use super::{Comparison, Filter, FilterError, MAX_COMPARISONS, MAX_FILTER_BYTES, MAX_NESTING, Operator};

const KEYWORDS: [&str; 3] = ["AND", "OR", "NOT"];

/// Those of two characters come first, for they begin like those of one.
const OPERATORS: [Operator; 7] = [
    Operator::NotEqual,
    Operator::LessOrEqual,
    Operator::GreaterOrEqual,
    Operator::Equal,
    Operator::Less,
    Operator::Greater,
    Operator::Has,
];

pub(super) fn filter(text: &str) -> Result<Option<Filter>, FilterError> {
    if text.len() > MAX_FILTER_BYTES {
        return Err(FilterError::TooLong);
    }
    let mut parser = Parser { text, rest: text, comparisons: 0, depth: 0 };
    parser.skip_blanks();
    if parser.rest.is_empty() {
        return Ok(None);
    }
    let filter = parser.conjunction()?;
    if parser.rest.is_empty() { Ok(Some(filter)) } else { parser.expected("a comparison or the end") }
}

/// Whether the key needs no quotes.
pub(super) fn is_bare_key(key: &str) -> bool {
    !key.is_empty() && key.chars().all(in_bare_key)
}

/// Whether the value needs no quotes. A keyword does, and so does what begins with `=`, or `a == b` would be no mistake.
pub(super) fn is_bare_value(value: &str) -> bool {
    !value.is_empty() && !value.starts_with('=') && !KEYWORDS.contains(&value) && value.chars().all(in_bare_value)
}

fn in_bare_key(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/' | '.')
}

fn in_bare_value(c: char) -> bool {
    !c.is_whitespace() && !matches!(c, '(' | ')' | '"')
}

struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
    comparisons: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    /// Terms joined by `AND`, or by nothing, up to the end or a `)`.
    fn conjunction(&mut self) -> Result<Filter, FilterError> {
        let first = self.disjunction()?;
        let mut more = Vec::new();
        while !self.rest.is_empty() && !self.rest.starts_with(')') {
            self.keyword("AND");
            more.push(self.disjunction()?);
        }
        Ok(joined(first, more, Filter::And))
    }

    fn disjunction(&mut self) -> Result<Filter, FilterError> {
        let first = self.term()?;
        let mut more = Vec::new();
        while self.keyword("OR") {
            more.push(self.term()?);
        }
        Ok(joined(first, more, Filter::Or))
    }

    fn term(&mut self) -> Result<Filter, FilterError> {
        let negated = self.skip("-") || self.keyword("NOT");
        let term = if self.skip("(") { self.group()? } else { Filter::Compare(self.comparison()?) };
        self.skip_blanks();
        Ok(if negated { Filter::Not(Box::new(term)) } else { term })
    }

    fn group(&mut self) -> Result<Filter, FilterError> {
        if self.depth == MAX_NESTING {
            return Err(FilterError::TooDeep);
        }
        self.depth += 1;
        self.skip_blanks();
        let filter = self.conjunction()?;
        self.depth -= 1;
        if self.skip(")") { Ok(filter) } else { self.expected("`)`") }
    }

    fn comparison(&mut self) -> Result<Comparison, FilterError> {
        let field = self.field()?;
        let key = if self.skip(".") { Some(self.key()?) } else { None };
        self.skip_blanks();
        let operator = self.operator()?;
        self.skip_blanks();
        let value = self.value()?;
        self.comparisons += 1;
        if self.comparisons > MAX_COMPARISONS {
            return Err(FilterError::TooManyComparisons);
        }
        Ok(Comparison { field, key, operator, value })
    }

    fn field(&mut self) -> Result<String, FilterError> {
        if !self.rest.starts_with(|c: char| c.is_ascii_lowercase()) {
            return self.expected("a field");
        }
        Ok(self.take_while(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_').to_owned())
    }

    fn key(&mut self) -> Result<String, FilterError> {
        let here = self.rest;
        let key = if self.rest.starts_with('"') { self.quoted()? } else { self.take_while(in_bare_key).to_owned() };
        if key.is_empty() { self.expected_at(here, "a key") } else { Ok(key) }
    }

    fn operator(&mut self) -> Result<Operator, FilterError> {
        let found = OPERATORS.into_iter().find(|operator| self.skip(operator.as_str()));
        found.map_or_else(|| self.expected("`=`, `!=`, `<`, `<=`, `>`, `>=` or `:`"), Ok)
    }

    fn value(&mut self) -> Result<String, FilterError> {
        if self.rest.starts_with('"') {
            return self.quoted();
        }
        let here = self.rest;
        let value = self.take_while(in_bare_value);
        if !is_bare_value(value) {
            return self.expected_at(here, "a value");
        }
        match value.find(char::is_control) {
            Some(at) => self.expected_at(&here[at..], "no control character"),
            None => Ok(value.to_owned()),
        }
    }

    /// A text in double quotes, where `\` stands before a `"` or `\` that is meant.
    fn quoted(&mut self) -> Result<String, FilterError> {
        self.skip("\"");
        let mut text = String::new();
        loop {
            text.push_str(self.take_while(|c| !matches!(c, '"' | '\\') && !c.is_control()));
            if self.skip("\"") {
                return Ok(text);
            }
            let escaped = if self.skip("\\") { self.rest.chars().next().filter(|c| matches!(c, '"' | '\\')) } else { None };
            let Some(c) = escaped else {
                return self.expected("a text without control characters that ends with `\"`, and `\\` only before `\"` or `\\`");
            };
            text.push(c);
            self.rest = &self.rest[1..];
        }
    }

    /// Passes over the word and the blanks behind it, if it stands here by itself.
    fn keyword(&mut self, word: &str) -> bool {
        let ends = |rest: &str| rest.is_empty() || rest.starts_with(|c: char| !in_bare_value(c));
        let Some(rest) = self.rest.strip_prefix(word).filter(|rest| ends(rest)) else { return false };
        self.rest = rest;
        self.skip_blanks();
        true
    }

    fn skip(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !wanted(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn expected<T>(&self, expected: &'static str) -> Result<T, FilterError> {
        self.expected_at(self.rest, expected)
    }

    /// Something else was expected where `rest` begins.
    fn expected_at<T>(&self, rest: &str, expected: &'static str) -> Result<T, FilterError> {
        let passed = &self.text[..self.text.len() - rest.len()];
        Err(FilterError::Unexpected { expected, at: passed.chars().count() + 1 })
    }
}

fn joined(first: Filter, more: Vec<Filter>, join: fn(Vec<Filter>) -> Filter) -> Filter {
    if more.is_empty() { first } else { join(std::iter::once(first).chain(more).collect()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The filter with a pair of brackets around each part, so that precedence shows.
    fn outline(filter: &Filter) -> String {
        let parts = |parts: &[Filter]| parts.iter().map(outline).collect::<Vec<_>>().join(" ");
        match filter {
            Filter::And(all) => format!("[and {}]", parts(all)),
            Filter::Or(any) => format!("[or {}]", parts(any)),
            Filter::Not(part) => format!("[not {}]", outline(part)),
            Filter::Compare(comparison) => format!("{}{}{}", comparison.field, comparison.operator.as_str(), comparison.value),
        }
    }

    #[test]
    fn or_binds_tighter_than_and() {
        for (text, expected) in [
            ("a=1 AND b=2 OR c=3 AND d=4", "[and a=1 [or b=2 c=3] d=4]"),
            ("a=1 AND(b=2 OR c=3)", "[and a=1 [or b=2 c=3]]"),
            ("(a=1 AND b=2) OR c=3", "[or [and a=1 b=2] c=3]"),
            ("(a=1 b=2) c=3", "[and [and a=1 b=2] c=3]"),
            ("NOT a=1 OR -b=2", "[or [not a=1] [not b=2]]"),
            ("NOT(a=1 OR b=2)c=3", "[and [not [or a=1 b=2]] c=3]"),
            ("-((a=1))", "[not a=1]"),
            (" \t( a >= 1\n) ", "a>=1"),
        ] {
            assert_eq!(Filter::parse(text).unwrap().as_ref().map(outline).as_deref(), Some(expected), "{text}");
        }
        for blank in ["", " ", "\t\n"] {
            assert_eq!(Filter::parse(blank), Ok(None));
        }
    }

    #[test]
    fn a_comparison_has_a_field_perhaps_a_key_an_operator_and_a_value() {
        for (text, field, key, operator, value) in [
            ("state=published", "state", None, Operator::Equal, "published"),
            ("state != yanked", "state", None, Operator::NotEqual, "yanked"),
            ("size<10", "size", None, Operator::Less, "10"),
            ("size<=-1.5e3", "size", None, Operator::LessOrEqual, "-1.5e3"),
            ("create_time>2026-01-01T00:00:00Z", "create_time", None, Operator::Greater, "2026-01-01T00:00:00Z"),
            ("version>=^1.4,<2", "version", None, Operator::GreaterOrEqual, "^1.4,<2"),
            ("labels:*", "labels", None, Operator::Has, "*"),
            ("labels.example.org/a-b_c:é", "labels", Some("example.org/a-b_c"), Operator::Has, "é"),
            (r#"labels."a \"b\" \\" = "c (d) AND \\\"""#, "labels", Some(r#"a "b" \"#), Operator::Equal, r#"c (d) AND \""#),
            (r#"name = """#, "name", None, Operator::Equal, ""),
            (r#"name = "AND""#, "name", None, Operator::Equal, "AND"),
            (r"name = a\b", "name", None, Operator::Equal, r"a\b"),
        ] {
            let expected = Comparison { field: field.to_owned(), key: key.map(str::to_owned), operator, value: value.to_owned() };
            assert_eq!(Filter::parse(text), Ok(Some(Filter::Compare(expected))), "{text}");
        }
    }

    #[test]
    fn a_refusal_says_what_was_expected_and_where() {
        for (text, at, expected) in [
            ("É=1", 1, "a field"),
            ("aB=1", 2, "`=`"),
            ("a=", 3, "a value"),
            ("a==1", 3, "a value"),
            ("a=AND b=1", 3, "a value"),
            ("a.=1", 3, "a key"),
            (r#"a.""=1"#, 3, "a key"),
            ("a=é AND", 8, "a field"),
            ("a=1 and b=2", 9, "`=`"),
            ("NOT NOT a=1", 5, "a field"),
            ("- a=1", 2, "a field"),
            ("()", 2, "a field"),
            ("(a=1", 5, "`)`"),
            ("a=1)", 4, "a comparison or the end"),
            ("a=\"é", 5, "a text"),
            (r#"a="\n""#, 5, "a text"),
            ("a=\"b\nc\"", 5, "a text"),
            ("a=é\u{7}", 4, "no control character"),
        ] {
            let Err(FilterError::Unexpected { expected: said, at: place }) = Filter::parse(text) else { panic!("`{text}` is accepted") };
            assert_eq!((place, &said[..expected.len()]), (at, expected), "{text}");
        }
    }

    #[test]
    fn filters_keep_to_their_limits() {
        let nested = |depth| format!("{}a=1{}", "(".repeat(depth), ")".repeat(depth));
        for (text, expected) in [
            (format!("a={}", "1".repeat(2046)), None),
            (format!("a={}", "1".repeat(2047)), Some(FilterError::TooLong)),
            ("a=1 ".repeat(50), None),
            ("a=1 ".repeat(51), Some(FilterError::TooManyComparisons)),
            (nested(10), None),
            (nested(11), Some(FilterError::TooDeep)),
            ("(".repeat(2048), Some(FilterError::TooDeep)),
            ("-(".repeat(1000), Some(FilterError::TooDeep)),
        ] {
            assert_eq!(Filter::parse(&text).err(), expected, "{text}");
        }
    }
}
