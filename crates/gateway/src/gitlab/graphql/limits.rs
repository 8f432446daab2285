//! How large a query may be. All of it is judged before anything is asked of the planes.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextValidation};
use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};
use async_graphql::{ServerError, ValidationResult};

use super::session::Session;

/// How deep fields stand in each other. The introspection that tools make is 15 deep.
pub(super) const MAX_DEPTH: usize = 20;

/// How deep fields and fragments stand in each other.
pub(super) const MAX_RECURSION: usize = 32;

/// How many directives one field has.
pub(super) const MAX_DIRECTIVES: usize = 10;

/// How many fields and fragments a query has, each counted as often as it is spread.
const MAX_SELECTIONS: usize = 1000;

/// What all fields of a query cost together: one each, and more where planes are asked or there are lists.
pub(super) const MAX_COMPLEXITY: usize = 100_000;

/// What a question to the planes costs.
pub(super) const QUESTION: usize = 100;

/// The most that is told of a cost; sums of it do not overflow.
const MAX_COST: usize = 1 << 40;

/// How many queries stand in a batch. All of it keeps within the limits of one request.
pub(super) const MAX_BATCH: usize = 50;

/// How many questions the planes are asked for one request.
pub(super) const MAX_QUESTIONS: usize = 250;

/// How many of them at once.
pub(super) const MAX_AT_ONCE: usize = 8;

/// How many entries of a list are given, and how many where nobody says.
pub(super) const PAGE: usize = 100;

/// How many things one mutation removes.
pub(super) const MAX_REMOVED: usize = 100;

/// The cost of a list: a question, and what is selected of each of its entries.
pub(super) fn list(first: Option<i32>, selected: usize) -> usize {
    let entries = first.map_or(PAGE, |first| usize::try_from(first).unwrap_or_default().min(PAGE));
    QUESTION.saturating_add(entries.max(1).saturating_mul(selected)).min(MAX_COST)
}

/// The cost of removing so many things: each is looked at and removed.
pub(super) fn removal(things: usize, selected: usize) -> usize {
    QUESTION.saturating_mul(things.saturating_mul(2)).saturating_add(selected).min(MAX_COST)
}

/// How much the documents of a request say together.
#[derive(Debug, Default)]
pub(super) struct Size(usize);

impl Size {
    /// Adds a document, and refuses too much. Fragments can spread each other so that few bytes are as many fields as there are grains of
    /// sand; no other check may meet such a document.
    pub(super) fn add(&mut self, document: &ExecutableDocument) -> Result<(), String> {
        self.0 = self.0.saturating_add(selections(document)?);
        if self.0 > MAX_SELECTIONS { Err(format!("query is too large: at most {MAX_SELECTIONS} fields")) } else { Ok(()) }
    }
}

/// How many fields and fragments a document has, each counted as often as it is spread.
fn selections(document: &ExecutableDocument) -> Result<usize, String> {
    let mut known = BTreeMap::new();
    let operations = document.operations.iter().map(|(_, operation)| &operation.node.selection_set.node);
    let fragments = document.fragments.values().map(|fragment| &fragment.node.selection_set.node);
    let mut sum = 0_usize;
    for set in operations.chain(fragments) {
        sum = sum.saturating_add(count(document, set, &mut known, 0)?);
    }
    Ok(sum)
}

/// Adds up what the queries of a batch cost, so that all of it keeps within what one query may.
pub(super) struct Bill;

impl ExtensionFactory for Bill {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_graphql::async_trait::async_trait]
impl Extension for Bill {
    async fn validation(&self, ctx: &ExtensionContext<'_>, next: NextValidation<'_>) -> Result<ValidationResult, Vec<ServerError>> {
        let found = next.run(ctx).await?;
        let is_within = ctx.data_opt::<Arc<Session>>().is_none_or(|session| session.charge(found.complexity) <= MAX_COMPLEXITY);
        if is_within { Ok(found) } else { Err(vec![ServerError::new("Batch is too complex.", None)]) }
    }
}

/// How many fields and fragments are in a set. `known` has the fragments that were counted, so that each is only once.
fn count<'a>(
    document: &'a ExecutableDocument,
    set: &'a SelectionSet,
    known: &mut BTreeMap<&'a str, usize>,
    depth: usize,
) -> Result<usize, String> {
    if depth > MAX_RECURSION {
        return Err(format!("query is nested too deep: at most {MAX_RECURSION} fields and fragments"));
    }
    let mut sum = set.items.len();
    for item in &set.items {
        let inner = match &item.node {
            Selection::Field(field) => count(document, &field.node.selection_set.node, known, depth + 1)?,
            Selection::InlineFragment(fragment) => count(document, &fragment.node.selection_set.node, known, depth + 1)?,
            Selection::FragmentSpread(spread) => {
                let name = spread.node.fragment_name.node.as_str();
                match (known.get(name), document.fragments.get(name)) {
                    (Some(sum), _) => *sum,
                    (None, Some(fragment)) => {
                        let sum = count(document, &fragment.node.selection_set.node, known, depth + 1)?;
                        known.insert(name, sum);
                        sum
                    }
                    (None, None) => 0,
                }
            }
        };
        sum = sum.saturating_add(inner);
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use async_graphql::parser::parse_query;

    use super::*;

    fn judged(query: &str) -> Result<(), String> {
        Size::default().add(&parse_query(query).unwrap())
    }

    #[test]
    fn fields_count_as_often_as_they_are_spread() {
        let aliases = |many: usize| (0..many).fold(String::new(), |text, number| text + &format!(" a{number}: id"));
        assert_eq!(judged(&format!("{{{}}}", aliases(1000))), Ok(()));
        assert!(judged(&format!("{{{}}}", aliases(1001))).is_err());
        assert!(judged(&format!("{{ x {{...F}} y {{...F}} }} fragment F on T {{{}}}", aliases(400))).is_err());
        assert_eq!(judged(&format!("{{ x {{...F}} y {{...G}} }} fragment F on T {{{}}}", aliases(400))), Ok(()));
        let mut doubling = "{ ...F0 }".to_owned();
        for number in 0..31 {
            write!(doubling, " fragment F{number} on T {{ ...F{0} ...F{0} }}", number + 1).unwrap();
        }
        assert!(judged(&format!("{doubling} fragment F31 on T {{ id }}")).is_err());
    }

    #[test]
    fn the_documents_of_a_batch_are_counted_together() {
        let document = parse_query(format!("{{{}}}", " id".repeat(400))).unwrap();
        for (documents, expected) in [(0, true), (2, true), (3, false)] {
            let mut size = Size::default();
            assert_eq!((0..documents).all(|_| size.add(&document).is_ok()), expected, "{documents}");
        }
    }

    #[test]
    fn fragments_that_spread_each_other_in_a_circle_are_refused() {
        for query in ["{ ...F } fragment F on T { ...F ...F }", "{ ...F } fragment F on T { ...G } fragment G on T { x { ...F } }"] {
            assert!(judged(query).is_err(), "{query}");
        }
    }

    #[test]
    fn a_cost_grows_with_the_page_and_stays_a_number() {
        assert_eq!((list(Some(10), 7), list(None, 1), list(Some(-1), 7), list(Some(1_000_000), 1)), (170, 200, 107, 200));
        assert_eq!((list(None, usize::MAX), removal(usize::MAX, usize::MAX)), (MAX_COST, MAX_COST));
        assert_eq!(removal(100, 3), 20_003);
    }
}
