//! A filter that parses keeps to its limits, and is shown so that it parses to itself; a refusal is short.
#![no_main]

use consign_types::filter::{Filter, MAX_COMPARISONS, MAX_FILTER_BYTES, MAX_NESTING};
use libfuzzer_sys::fuzz_target;

fn depth(filter: &Filter) -> usize {
    match filter {
        Filter::And(parts) | Filter::Or(parts) => 1 + parts.iter().map(depth).max().unwrap_or_default(),
        Filter::Not(part) => 1 + depth(part),
        Filter::Compare(comparison) => {
            let texts = [Some(&comparison.value), comparison.key.as_ref()];
            assert!(texts.into_iter().flatten().all(|text| !text.chars().any(char::is_control)), "{comparison:?}");
            0
        }
    }
}

fuzz_target!(|text: &str| {
    match Filter::parse(text) {
        Ok(None) => assert!(text.trim().is_empty(), "{text:?}"),
        Ok(Some(filter)) => {
            assert!(text.len() <= MAX_FILTER_BYTES && filter.fields().len() <= MAX_COMPARISONS, "{text:?}");
            // Between two pairs of parentheses there may be an `AND`, an `OR` and a `NOT`.
            assert!(depth(&filter) <= 3 * (MAX_NESTING + 1), "{text:?}");
            let shown = filter.to_string();
            if shown.len() <= MAX_FILTER_BYTES {
                assert_eq!(Filter::parse(&shown), Ok(Some(filter)), "{text:?} is shown as {shown:?}");
            }
        }
        Err(error) => assert!(error.to_string().len() < 200, "{error}"),
    }
});
