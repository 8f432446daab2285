//! The names people choose, each with the rule that makes it valid. Parsing is the only way in.
//!
//! The grammars of packages, versions and files are those of GitLab's generic packages.

/// A name breaks its rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} `{}` is invalid: {rule}", shown(.text))]
pub struct ParseNameError {
    /// What was to be named, such as `package name`.
    pub what: &'static str,
    /// The text that was given, shortened to 80 characters when shown.
    pub text: String,
    /// The rule that it breaks, in words.
    pub rule: &'static str,
}

/// A text that somebody gave, as a message shows it: at most 80 characters, none of which moves the cursor.
pub(crate) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(80).flat_map(char::escape_default).collect();
    if text.chars().nth(80).is_some() {
        shown.push('…');
    }
    shown
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "diesel", derive(diesel::AsExpression, diesel::FromSqlRow))]
        #[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Text))]
        pub struct $name(String);

        impl $name {
            /// The name as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::name::ParseNameError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err($crate::name::ParseNameError { what: $what, text: text.to_owned(), rule: $rule })
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        $crate::word::serde_as_text!($name);
    };
}
pub(crate) use name_type;

name_type!(
    /// The name of a package within a project, such as `my_package`.
    ///
    /// 1 to 255 bytes of ASCII letters, digits, `.`, `_`, `-`, `+`; not `.` or `..`.
    PackageName,
    "package name",
    "1 to 255 letters, digits, `.`, `-`, `_` and `+`, but not `.` or `..`",
    |text| within(text, 255) && !is_dots(text) && text.bytes().all(is_word)
);

name_type!(
    /// The version of a package, such as `1.2.3` or a commit id.
    ///
    /// 1 to 255 bytes of ASCII letters, digits, `.`, `_`, `-`, `+`; no `..`, not `.` alone, and not `latest`,
    /// which always means the newest version.
    VersionName,
    "package version",
    "1 to 255 letters, digits, `.`, `-`, `_` and `+`, without `..`, and neither `.` nor `latest`",
    |text| {
        within(text, 255) && text != "." && text != "latest" && !text.contains("..") && text.bytes().all(is_word)
    }
);

name_type!(
    /// The name of a tag within a package, such as `stable`. No name means anything by itself.
    ///
    /// 1 to 255 bytes of ASCII letters, digits, `.`, `_`, `-`, `+`; not `.` or `..`.
    TagName,
    "tag",
    "1 to 255 letters, digits, `.`, `-`, `_` and `+`, but not `.` or `..`",
    |text| within(text, 255) && !is_dots(text) && text.bytes().all(is_word)
);

name_type!(
    /// The path of a file within a version: folders and a file name, separated by `/`.
    ///
    /// At most 1024 bytes. The file name has ASCII letters, digits, `.`, `_`, `-`, `+`, `~`, `@`, and neither starts nor
    /// ends with `~` or `@`. A folder is not empty and has no control character and no `\`. No part is `.` or `..`.
    FilePath,
    "file path",
    "at most 1024 bytes of folders and a file name of letters, digits, `.`, `-`, `_`, `+`, `~` and `@` \
     (the last two not at its ends), without empty, `.` or `..` parts",
    |text| {
        let (folders, file) = text.rsplit_once('/').map_or((None, text), |(folders, file)| (Some(folders), file));
        within(text, 1024) && is_file_name(file) && folders.is_none_or(|folders| folders.split('/').all(is_folder))
    }
);

name_type!(
    /// One part of a namespace's or project's path, such as `tool`.
    ///
    /// 1 to 255 bytes of ASCII letters, digits, `.`, `_`, `-`; does not start with `-` or `.`, nor end with `.`, `.git` or `.atom`.
    Slug,
    "path part",
    "1 to 255 letters, digits, `.`, `-` and `_`, not starting with `-` or `.`, nor ending with `.`, `.git` or `.atom`",
    is_slug
);

name_type!(
    /// The name of a user: a [`Slug`] that is not digits alone, so it can't be taken for a numeric id, and not one by which a token or
    /// nobody acts.
    ///
    /// Two names that differ in case alone are one user's.
    Username,
    "user name",
    "1 to 255 letters, digits, `.`, `-` and `_`, not digits alone, not starting with `-` or `.`, nor ending with `.`, `.git` or `.atom`; \
     neither `anonymous` nor like `project_7_bot_3`",
    |text| is_slug(text) && !text.bytes().all(|byte| byte.is_ascii_digit()) && !is_actor(text)
);

name_type!(
    /// The full path of a namespace, such as `group/sub`: one or more [`Slug`]s separated by `/`, at most 1024 bytes.
    ///
    /// It does not consist of digits alone, so it can't be taken for a numeric id.
    NamespacePath,
    "namespace path",
    "parts separated by `/`, each of letters, digits, `.`, `-` and `_`, not starting with `-` or `.`, \
     nor ending with `.`, `.git` or `.atom`; not digits alone",
    |text| within(text, 1024) && !text.bytes().all(|byte| byte.is_ascii_digit()) && text.split('/').all(is_slug)
);

name_type!(
    /// The full path of a project, such as `group/sub/tool`: its namespace's path and a [`Slug`], at most 1024 bytes.
    ///
    /// It always contains a `/`, so it can't be taken for a numeric id.
    ProjectPath,
    "project path",
    "a namespace and a name separated by `/`, each part of letters, digits, `.`, `-` and `_`, \
     not starting with `-` or `.`, nor ending with `.`, `.git` or `.atom`",
    |text| within(text, 1024) && text.contains('/') && text.split('/').all(is_slug)
);

impl NamespacePath {
    /// The path of the namespace around this one; `None` for a top-level namespace.
    pub fn parent(&self) -> Option<Self> {
        self.0.rsplit_once('/').map(|(parent, _)| Self(parent.to_owned()))
    }

    /// The last part.
    pub fn last(&self) -> &str {
        self.0.rsplit_once('/').map_or(self.as_str(), |(_, last)| last)
    }

    /// The namespace that a user has: the one of the user's name.
    pub fn of_user(name: &Username) -> Self {
        Self(name.as_str().to_owned())
    }

    /// Whether it is this path or one around it.
    pub fn holds(&self, path: &str) -> bool {
        path.strip_prefix(self.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The path of the project named `slug` in this namespace.
    pub fn project(&self, slug: &Slug) -> Result<ProjectPath, ParseNameError> {
        format!("{self}/{slug}").parse()
    }
}

impl ProjectPath {
    /// The path of the namespace that it stands in.
    pub fn namespace(&self) -> NamespacePath {
        NamespacePath(self.0.rsplit_once('/').map_or(self.as_str(), |(namespace, _)| namespace).to_owned())
    }
}

impl FilePath {
    /// The last part of the path.
    pub fn file_name(&self) -> &str {
        self.0.rsplit_once('/').map_or(self.as_str(), |(_, file)| file)
    }
}

fn within(text: &str, bytes: usize) -> bool {
    !text.is_empty() && text.len() <= bytes
}

fn is_dots(text: &str) -> bool {
    text == "." || text == ".."
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'+')
}

fn is_file_name(text: &str) -> bool {
    let edge = |c| c == '~' || c == '@';
    let valid = |byte| is_word(byte) || matches!(byte, b'~' | b'@');
    !text.is_empty() && !is_dots(text) && !text.starts_with(edge) && !text.ends_with(edge) && text.bytes().all(valid)
}

fn is_folder(text: &str) -> bool {
    !text.is_empty() && !is_dots(text) && !text.chars().any(|c| c.is_control() || c == '\\')
}

/// Whether it is a name by which a token of a project or namespace acts, or nobody.
fn is_actor(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let parts: Vec<&str> = text.split('_').collect();
    text == "anonymous" || matches!(parts.as_slice(), ["project" | "namespace", _, "bot" | "deploy" | "job" | "trust", _])
}

fn is_slug(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    within(text, 255)
        && !text.starts_with(['-', '.'])
        && [".", ".git", ".atom"].iter().all(|end| !text.ends_with(end))
        && text.bytes().all(word)
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;
    use proptest::prelude::*;

    fn check<T: FromStr>(valid: &[&str], invalid: &[&str]) {
        for text in valid {
            assert!(text.parse::<T>().is_ok(), "`{text}` must be accepted");
        }
        for text in invalid {
            assert!(text.parse::<T>().is_err(), "`{text}` must be refused");
        }
    }

    #[test]
    fn package_names_follow_the_rule_of_gitlab() {
        check::<PackageName>(
            &["my_package", "a", ".hidden", "a+b", "A-1.x", "...", &"a".repeat(255)],
            &["", ".", "..", "a/b", "a b", "é", "a\n", "a%2fb", "a@b", &"a".repeat(256)],
        );
    }

    #[test]
    fn versions_follow_the_rule_of_gitlab() {
        check::<VersionName>(
            &["1.3.350-20201230123456", "1.2.3g", "1.2.bananas", "v1.2.4-build", ".1.2", "1.2.", "-", "1.2+b", "latest1"],
            &["", ".", "..1.2.3", "1..2", "a b", "é", "１.０", "1.2~rc", "latest", "1.2.3-4/../../", "1\n"],
        );
    }

    #[test]
    fn file_paths_follow_the_rule_of_gitlab() {
        check::<FilePath>(
            &["my+file.tar.gz", "my~file", "myfile@1.1.tar.gz", "path/to/f", ".hidden", "-x", "@scope/pkg/x", "a b/c", "é/c"],
            &["", "@x", "x@", "~x", "x~", "a b", "a/", "/a", "a//b", "a/../b", "./a", "a/..", "a\\b/c", "a\n/b", "é"],
        );
        assert!(format!("{}/x", "a".repeat(1023)).parse::<FilePath>().is_err());
    }

    #[test]
    fn project_paths_have_a_namespace() {
        check::<ProjectPath>(&["g/p", "g/s.u_b/p-1", "42/p"], &["p", "42", "g//p", "/p", "g/", "g/.p", "g/-p", "g/p.git", "g/p."]);
        check::<NamespacePath>(&["g", "g/s", "42/s"], &["", "g/", "-g", "g.atom", "g s", "42"]);
    }

    #[test]
    fn user_names_are_nobody_elses() {
        check::<Username>(
            &["alice", "a.b-c_d", "7up", "project_7_bot"],
            &["", "7", "-a", "a.", "a/b", "anonymous", "Anonymous", "project_7_bot_3", "namespace_1_deploy_2", "PROJECT_1_JOB_1"],
        );
    }

    #[test]
    fn a_namespace_holds_what_is_below_it() {
        let group: NamespacePath = "group".parse().unwrap();
        assert!(["group", "group/tool", "group/sub/tool"].iter().all(|path| group.holds(path)));
        assert!(["groups", "groups/tool", "a/group", "grou"].iter().all(|path| !group.holds(path)));
    }

    #[test]
    fn a_refusal_names_the_rule_and_shows_a_bounded_part_of_the_text() {
        let error = "a/b".parse::<PackageName>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "package name `a/b` is invalid: 1 to 255 letters, digits, `.`, `-`, `_` and `+`, but not `.` or `..`"
        );
        assert!("\u{1b}[31m".parse::<PackageName>().unwrap_err().to_string().contains("\\u{1b}"));
        assert!("x/".repeat(100_000).parse::<PackageName>().unwrap_err().to_string().len() < 300);
    }

    proptest! {
        #[test]
        fn what_parses_is_safe_to_show_and_to_split(text in ".{0,40}") {
            if let Ok(path) = text.parse::<FilePath>() {
                prop_assert!(path.as_str().split('/').all(|part| !part.is_empty() && part != "." && part != ".."));
                prop_assert!(!path.as_str().chars().any(char::is_control));
            }
            if let Ok(version) = text.parse::<VersionName>() {
                prop_assert!(version.as_str().is_ascii() && !version.as_str().contains('/'));
            }
        }
    }
}
