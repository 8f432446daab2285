use std::fmt::{Debug, Display};

use proptest::prelude::*;

use super::*;

#[test]
fn names_read_back_as_they_are_written() {
    for name in ["projects/7", "projects/group%2Fsub%2Ftool"] {
        assert_eq!(name.parse::<ProjectRef>().unwrap().to_string(), name);
    }
    for name in ["projects/7/packages/tool", "projects/g%2Fp/packages/-"] {
        assert_eq!(name.parse::<PackageRef>().unwrap().to_string(), name);
        assert_eq!(name.parse::<PackagesRef>().unwrap().to_string(), name);
    }
    let name = "projects/7/packages/tool/versions/1.0/files/versions/files/x";
    assert_eq!(name.parse::<FileRef>().unwrap().to_string(), name);
    let name = "projects/7/packages/versions/versions/files/files/files/-";
    assert_eq!(name.parse::<FileRef>().unwrap().to_string(), name);
    assert_eq!("projects/7/packages/-".parse::<PackagesRef>().unwrap().package, None);
    for name in ["namespaces/7", "namespaces/a/b"] {
        assert_eq!(name.parse::<NamespaceRef>().unwrap().to_string(), name);
    }
    let name = "projects/7/packages/tool/tags/latest";
    assert_eq!(name.parse::<TagRef>().unwrap().to_string(), name);
    assert_eq!("projects/7/tagRules/3".parse::<TagRuleRef>().unwrap().id, 3);
    for name in ["projects/-", "projects/7"] {
        assert_eq!(name.parse::<ProjectsRef>().unwrap().to_string(), name);
    }
    for name in ["projects/-/packages/-/versions/-", "projects/7/packages/-/versions/-"] {
        assert_eq!(name.parse::<VersionsRef>().unwrap().to_string(), name);
    }
    for name in ["instance", "namespaces/a/b", "projects/g%2Fp"] {
        assert_eq!(name.parse::<ScopeRef>().unwrap().to_string(), name);
    }
}

#[test]
fn names_of_another_shape_are_refused() {
    for name in
        ["", "projects/", "projects/a", "projects/a/b", "projects/99999999999999999999", "project/7", "projects/-7", "projects/a%2F"]
    {
        assert!(name.parse::<ProjectRef>().is_err(), "{name}");
    }
    for name in ["", "instances", "projects", "namespaces", "projects/-/x"] {
        assert!(name.parse::<ScopeRef>().is_err(), "{name}");
    }
    for name in ["projects/7/tagRules/+3", "projects/7/tagRules/", "projects/7/tagRules/x"] {
        assert!(name.parse::<TagRuleRef>().is_err(), "{name}");
    }
    for name in ["projects/7/packages/a", "projects/7/packages/a/versions/", "projects/7/packages/a/versions/1/files/x"] {
        assert!(name.parse::<VersionRef>().is_err() && name.parse::<VersionsRef>().is_err(), "{name}");
    }
}

/// What parses is written so that it parses to the same, and a refusal is short.
fn reads_back<T: FromStr<Err: Display> + Display + Debug + PartialEq>(text: &str) {
    match text.parse::<T>() {
        Ok(name) => assert_eq!(name.to_string().parse().ok(), Some(name), "{text}"),
        Err(error) => assert!(error.to_string().len() < 1100, "{text}"),
    }
}

proptest! {
    #[test]
    fn whatever_is_read_reads_back_as_it_is_written(
        text in "(projects|namespaces)/(-|[0-9]{1,20}|a(%2[fF]|/)b|.{0,4})(/(packages|versions|files|tags|tagRules)/(-|[0-9]{1,3}|a|a/b|.{0,4})){0,4}|.{0,40}",
    ) {
        reads_back::<ProjectRef>(&text);
        reads_back::<ProjectsRef>(&text);
        reads_back::<NamespaceRef>(&text);
        reads_back::<ScopeRef>(&text);
        reads_back::<PackageRef>(&text);
        reads_back::<PackagesRef>(&text);
        reads_back::<VersionRef>(&text);
        reads_back::<VersionsRef>(&text);
        reads_back::<FileRef>(&text);
        reads_back::<TagRef>(&text);
        reads_back::<TagRuleRef>(&text);
    }

    #[test]
    fn a_name_made_of_valid_parts_is_read_as_these_parts(
        id in 0_i64.., package in "[a-z.+_-]{1,9}", version in "[0-9a-z+_-]{1,9}", path in "([a-z é]{1,5}/){0,3}[a-z0-9.]{1,5}x",
    ) {
        let name = format!("projects/{id}/packages/{package}/versions/{version}/files/{path}");
        if package.parse::<PackageName>().is_ok() && version != "latest" {
            let file: FileRef = name.parse().unwrap();
            prop_assert_eq!((file.version.project, file.version.package.as_str()), (ProjectRef::Id(id), &*package));
            prop_assert_eq!((file.version.version.as_str(), file.path.as_str()), (&*version, &*path));
        }
    }
}
