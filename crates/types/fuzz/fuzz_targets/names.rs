//! A name that parses is the text that was given and keeps to its limits; a refusal is short whatever the text.
#![no_main]

use std::fmt::Display;
use std::str::FromStr;

use consign_types::{FilePath, NamespacePath, PackageName, ProjectPath, Slug, TagName, VersionName};
use libfuzzer_sys::fuzz_target;

/// Eighty characters of the text, each escaped, and the rule.
const MAX_MESSAGE_BYTES: usize = 1100;

fn parsed<T>(text: &str, most: usize) -> Option<T>
where
    T: FromStr<Err: Display> + Display,
{
    match text.parse::<T>() {
        Ok(name) => {
            assert_eq!(name.to_string(), text);
            assert!((1..=most).contains(&text.len()) && !text.chars().any(char::is_control), "{text:?}");
            assert!(text.split('/').all(|part| !part.is_empty() && part != "." && part != ".."), "{text:?}");
            Some(name)
        }
        Err(error) => {
            let message = error.to_string();
            assert!(message.len() <= MAX_MESSAGE_BYTES && !message.chars().any(char::is_control), "{message:?}");
            None
        }
    }
}

fuzz_target!(|text: &str| {
    let package = parsed::<PackageName>(text, 255);
    let tag = parsed::<TagName>(text, 255);
    let version = parsed::<VersionName>(text, 255);
    assert_eq!(package.is_some(), tag.is_some(), "packages and tags have one grammar: {text:?}");
    assert!(version.is_none() || (package.is_some() && !text.contains("..") && text != "latest"), "{text:?}");
    assert!(package.is_none() || (text.is_ascii() && !text.contains('/')), "{text:?}");

    if let Some(path) = parsed::<FilePath>(text, 1024) {
        assert!(text.ends_with(path.file_name()) && !path.file_name().contains('/') && path.file_name().is_ascii());
    }
    let slug = parsed::<Slug>(text, 255);
    assert!(slug.is_none() || !text.contains('/'), "{text:?}");
    if let Some(namespace) = parsed::<NamespacePath>(text, 1024) {
        assert!(text.ends_with(namespace.last()) && text.split('/').all(|part| part.parse::<Slug>().is_ok()));
        assert_eq!(namespace.parent().map_or(0, |parent| parent.as_str().len() + 1) + namespace.last().len(), text.len());
    }
    if parsed::<ProjectPath>(text, 1024).is_some() {
        assert!(text.contains('/') && text.split('/').all(|part| part.parse::<Slug>().is_ok()), "{text:?}");
    }
});
