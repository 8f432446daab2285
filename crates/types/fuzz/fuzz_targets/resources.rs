//! A resource name that parses is written so that it parses to the same one; a refusal is short.
#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use consign_types::resource::{
    FileRef, NamespaceRef, PackageRef, PackagesRef, ProjectRef, ProjectsRef, ScopeRef, TagRef, TagRuleRef, VersionRef, VersionsRef,
};
use libfuzzer_sys::fuzz_target;

fn parsed<T>(text: &str) -> bool
where
    T: FromStr<Err: Display> + Display + Debug + PartialEq,
{
    match text.parse::<T>() {
        Ok(name) => {
            let written = name.to_string();
            assert_eq!(written.parse::<T>().ok(), Some(name), "{text:?} is written as {written:?}");
            assert!(written.len() <= text.len() + 2 * text.matches('/').count() && !written.chars().any(char::is_control), "{written:?}");
            true
        }
        Err(error) => {
            assert!(error.to_string().len() <= 1100, "{error}");
            false
        }
    }
}

fuzz_target!(|text: &str| {
    let project = parsed::<ProjectRef>(text);
    let projects = parsed::<ProjectsRef>(text);
    let namespace = parsed::<NamespaceRef>(text);
    assert_eq!(projects, project || text == "projects/-", "{text:?}");
    assert_eq!(parsed::<ScopeRef>(text), project || namespace || text == "instance", "{text:?}");
    assert_eq!(parsed::<PackageRef>(text), parsed::<PackagesRef>(text), "{text:?}");
    assert_eq!(parsed::<VersionsRef>(text), parsed::<VersionRef>(text) || text == "projects/-/packages/-/versions/-", "{text:?}");
    let others = [parsed::<VersionRef>(text), parsed::<FileRef>(text), parsed::<TagRef>(text), parsed::<TagRuleRef>(text)];
    assert!(others.iter().filter(|parsed| **parsed).count() <= 1, "a name has one shape: {text:?}");
});
