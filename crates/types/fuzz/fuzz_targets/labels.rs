//! Labels read back as they are written, keep to their limits, and lay over each other by key.
#![no_main]

use consign_types::label::{Labels, MAX_LABELS};
use libfuzzer_sys::fuzz_target;

fn check(labels: &Labels) {
    assert!(labels.len() <= MAX_LABELS && labels.is_empty() == (labels.iter().count() == 0));
    assert!(labels.iter().map(|(key, _)| key).is_sorted_by(|a, b| a < b), "{labels:?}");
    assert!(labels.iter().all(|(key, value)| key.as_str().len() <= 63 && value.as_str().len() <= 255), "{labels:?}");
    assert_eq!(labels.to_text().parse().as_ref(), Ok(labels));
    assert_eq!(labels.merged(labels).as_ref(), Ok(labels));
}

fuzz_target!(|input: (&str, Vec<(String, String)>)| {
    let (text, given) = input;
    let read = text.parse::<Labels>();
    let made = Labels::new(given);
    for labels in [&read, &made] {
        match labels {
            Ok(labels) => check(labels),
            Err(error) => assert!(error.to_string().len() <= 1100, "{error}"),
        }
    }
    if let (Ok(below), Ok(above)) = (read, made) {
        match below.merged(&above) {
            Ok(merged) => {
                check(&merged);
                let value_of = |labels: &Labels, wanted| labels.iter().find(|(key, _)| *key == wanted).map(|(_, value)| value.clone());
                for (key, value) in merged.iter() {
                    assert_eq!(value_of(&above, key).or_else(|| value_of(&below, key)).as_ref(), Some(value), "{key}");
                }
                assert!(above.iter().chain(below.iter()).all(|(key, _)| value_of(&merged, key).is_some()));
            }
            Err(_) => assert!(below.len() + above.len() > MAX_LABELS),
        }
    }
});
