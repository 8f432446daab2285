//! Releases: what a project says of a tag of its source code, and the links that go with it.

use serde::{Deserialize, Serialize};

use crate::name::name_type;
use crate::text::DisplayName;
use crate::word::word_enum;

/// How many links a release has at most.
pub const MAX_LINKS: usize = 1000;

/// How many bytes there are to say of a release at most, as in GitLab.
pub const MAX_NOTES_BYTES: usize = 1_000_000;

/// How many bytes the links of a release say together at most: a release has to fit into a message.
pub const MAX_LINK_BYTES: usize = 128 << 10;

name_type!(
    /// A tag of source code: 1 to 255 bytes without blanks and control characters.
    SourceTag,
    "tag",
    "1 to 255 bytes without blanks and control characters",
    |text| !text.is_empty() && text.len() <= 255 && !text.chars().any(|c| c.is_control() || c.is_whitespace())
);

name_type!(
    /// What there is to say of a release: at most [`MAX_NOTES_BYTES`], without control characters but line ends and tabs. May be empty.
    Notes,
    "description",
    "at most 1000000 bytes without control characters but line ends and tabs",
    |text| text.len() <= MAX_NOTES_BYTES && !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
);

name_type!(
    /// The address of a link: `http`, `https` or `ftp`, at most 2048 bytes.
    LinkUrl,
    "url",
    "an address with `http`, `https` or `ftp`, of at most 2048 bytes",
    |text| text.len() <= 2048 && url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https" | "ftp"))
);

name_type!(
    /// The path under which a release offers what a link leads to: at most 255 bytes without blanks and control characters. May be empty.
    LinkPath,
    "path",
    "at most 255 bytes without blanks and control characters",
    |text| text.len() <= 255 && !text.chars().any(|c| c.is_control() || c.is_whitespace())
);

word_enum! {
    /// What a link leads to.
    LinkKind {
        /// Something else.
        Other = "other",
        /// How to run it.
        Runbook = "runbook",
        /// An image.
        Image = "image",
        /// A package.
        Package = "package",
    }
}

/// A link of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Unique in the release.
    pub id: i64,
    /// What people call it; unique in the release.
    pub display_name: DisplayName,
    /// The address; unique in the release.
    pub url: LinkUrl,
    /// What is there.
    pub kind: LinkKind,
    /// Under which path the release offers it.
    pub path: LinkPath,
}

/// What stands against a link beside these: no two have one name, one address, or one path.
pub fn conflict(links: &[Link], new: &Link) -> Option<String> {
    let same = |link: &Link| match () {
        () if link.url == new.url => Some(link.url.to_string()),
        () if link.display_name == new.display_name => Some(link.display_name.to_string()),
        () if link.path == new.path && !link.path.as_str().is_empty() => Some(link.path.to_string()),
        () => None,
    };
    links.iter().find_map(same)
}

/// How many bytes links say together.
pub fn bytes_of(links: &[Link]) -> usize {
    links.iter().map(|link| link.display_name.as_str().len() + link.url.as_str().len() + link.path.as_str().len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_keep_to_their_rules() {
        for tag in ["v1.0", "app@1.0", "group/v1", "ü"] {
            assert!(tag.parse::<SourceTag>().is_ok(), "{tag}");
        }
        for tag in ["", "a b", "a\n", &"x".repeat(256)] {
            assert!(tag.parse::<SourceTag>().is_err(), "{tag}");
        }
        for url in ["https://host/a", "http://127.0.0.1:8080/x?y", "ftp://host/f"] {
            assert!(url.parse::<LinkUrl>().is_ok(), "{url}");
        }
        for url in ["", "host/a", "javascript:alert(1)", "file:///etc/passwd", &format!("https://host/{}", "x".repeat(2048))] {
            assert!(url.parse::<LinkUrl>().is_err(), "{url}");
        }
        assert!("a\tb\r\n# c".parse::<Notes>().is_ok() && "\u{7}".parse::<Notes>().is_err());
        assert!("x".repeat(MAX_NOTES_BYTES).parse::<Notes>().is_ok() && "x".repeat(MAX_NOTES_BYTES + 1).parse::<Notes>().is_err());
    }

    #[test]
    fn no_two_links_of_a_release_have_one_name_or_address() {
        let link = |name: &str, url: &str| Link {
            id: 1,
            display_name: name.parse().unwrap(),
            url: url.parse().unwrap(),
            kind: LinkKind::Other,
            path: "".parse().unwrap(),
        };
        let links = [link("a", "https://host/a"), link("b", "https://host/b")];
        assert_eq!(conflict(&links, &link("c", "https://host/c")), None);
        assert_eq!(conflict(&links, &link("a", "https://host/c")), Some("a".to_owned()));
        assert_eq!(conflict(&links, &link("c", "https://host/b")), Some("https://host/b".to_owned()));
    }
}
