//! Texts that people and programs choose freely, within limits.

use crate::name::name_type;

name_type!(
    /// What people call a namespace or a project: at most 255 bytes, without control characters. May be empty.
    DisplayName,
    "display name",
    "at most 255 bytes without control characters",
    |text| text.len() <= 255 && !text.chars().any(char::is_control)
);

name_type!(
    /// What a thing is for: at most 4096 bytes, without control characters but line ends. May be empty.
    Description,
    "description",
    "at most 4096 bytes without control characters",
    |text| text.len() <= 4096 && !text.chars().any(|c| c.is_control() && c != '\n')
);

name_type!(
    /// What a publisher says that a file is, such as `application/zip`: at most 255 printable ASCII bytes. May be empty.
    MediaType,
    "media type",
    "at most 255 printable ASCII characters",
    |text| text.len() <= 255 && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
);

name_type!(
    /// A mail address, as far as a service can tell that sends no mail: at most 254 visible ASCII characters, with an `@` amid them
    /// (RFC 5321, section 4.5.3.1).
    EmailAddress,
    "mail address",
    "at most 254 visible ASCII characters, with one `@` amid them",
    |text| {
        let parts = text.split_once('@');
        text.len() <= 254 && text.bytes().all(|byte| byte.is_ascii_graphic())
            && parts.is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'))
    }
);

name_type!(
    /// The name by which a deploy token signs in, beside its secret: 1 to 255 of letters, digits, `.`, `_`, `-` and `+`.
    DeployUsername,
    "user name of a deploy token",
    "1 to 255 of letters, digits, `.`, `_`, `-` and `+`",
    |text| (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-+".contains(&byte))
);

name_type!(
    /// What a thing was like when it was last read: differs after every change.
    Etag,
    "etag",
    "an etag as it was last read: at most 64 letters, digits and `-`",
    |text| !text.is_empty() && text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
);

name_type!(
    /// The id that makes a request safe to repeat: a UUID in its usual form, 36 characters with lower-case digits.
    RequestId,
    "request id",
    "a UUID such as `123e4567-e89b-12d3-a456-426614174000`",
    is_uuid
);

/// Groups of 8, 4, 4, 4 and 12 hexadecimal digits: RFC 9562, section 4.
fn is_uuid(text: &str) -> bool {
    let digits = |group: &str| group.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.split('-').all(digits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_keep_to_their_limits() {
        assert!("".parse::<DisplayName>().is_ok() && "Ä tool".parse::<DisplayName>().is_ok());
        assert!("a\nb".parse::<DisplayName>().is_err() && "a".repeat(256).parse::<DisplayName>().is_err());
        assert!("a\nb".parse::<Description>().is_ok() && "a\u{7}".parse::<Description>().is_err());
        assert!("a@b".parse::<EmailAddress>().is_ok());
        for text in ["", "a", "@", "a@", "@b", "a@b@c", "a b@c", "ä@b", &format!("{}@b", "a".repeat(253))] {
            assert!(text.parse::<EmailAddress>().is_err(), "{text}");
        }
        assert!("gitlab+deploy-token-1".parse::<DeployUsername>().is_ok());
        for text in ["", "a b", "ä", "a/b", "a:b", &"a".repeat(256)] {
            assert!(text.parse::<DeployUsername>().is_err(), "{text}");
        }
        assert!("application/zip".parse::<MediaType>().is_ok() && "é".parse::<MediaType>().is_err());
    }

    #[test]
    fn a_request_id_has_one_spelling() {
        assert!("123e4567-e89b-12d3-a456-426614174000".parse::<RequestId>().is_ok());
        for text in
            ["", "1", "123E4567-e89b-12d3-a456-426614174000", "123e4567e89b12d3a456426614174000", "123e4567-e89b-12d3-a456-42661417400g"]
        {
            assert!(text.parse::<RequestId>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_parses_is_the_text_that_was_given(text in "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{11,13}|[ -~]{0,80}|.{0,300}") {
            let texts = [
                text.parse().map(|parsed: DisplayName| parsed.to_string()),
                text.parse().map(|parsed: Description| parsed.to_string()),
                text.parse().map(|parsed: MediaType| parsed.to_string()),
                text.parse().map(|parsed: Etag| parsed.to_string()),
                text.parse().map(|parsed: RequestId| parsed.to_string()),
            ];
            for parsed in texts {
                match parsed {
                    Ok(parsed) => prop_assert!(parsed == text && !text.contains('\0')),
                    Err(error) => prop_assert!(error.to_string().len() < 1100),
                }
            }
            prop_assert!(text.parse::<RequestId>().is_err() || text.len() == 36);
        }
    }
}
