//! The SHA-256 of a body, in the headers by which clients declare it and are told it.

use axum::http::{HeaderMap, HeaderValue};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use consign_types::Digest;

/// GitLab's own, in hexadecimal.
const CHECKSUM: &str = "x-checksum-sha256";

/// That of RFC 9530: `sha-256=:<base64>:`, among others.
const REPR_DIGEST: &str = "repr-digest";

/// Headers that say the same of a body that is sent as it is, and as they are written: the last one is that of RFC 3230, `sha-256=<base64>`.
const FIELDS: [(&str, &str); 3] = [(REPR_DIGEST, "Repr-Digest"), ("content-digest", "Content-Digest"), ("digest", "Digest")];

/// The header that can't be read, or contradicts another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InvalidChecksum(pub(crate) &'static str);

/// What a request sends of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// All of it.
    Whole,
    /// All of it, in a form: what is declared of the body is not declared of the file.
    Form,
    /// Some of it: of the file is declared what is not of this body alone.
    Part,
}

/// The digest that a request declares of the file that it sends. Digests of other kinds are passed over, and so are those of anything else.
pub(crate) fn declared(headers: &HeaderMap, sent: Sent) -> Result<Option<Digest>, InvalidChecksum> {
    let fields = match sent {
        Sent::Whole => &FIELDS[..],
        Sent::Form => &[],
        Sent::Part => &FIELDS[..1],
    };
    let mut found = None;
    let mut take = |name: &'static str, digest: Option<Digest>| match digest {
        Some(digest) if found.is_none_or(|found| found == digest) => {
            found = Some(digest);
            Ok(())
        }
        _ => Err(InvalidChecksum(name)),
    };
    for value in headers.get_all(CHECKSUM) {
        take("X-Checksum-SHA256", value.to_str().ok().and_then(|text| text.trim().parse().ok()))?;
    }
    for (name, shown) in fields {
        for member in headers.get_all(*name).iter().flat_map(|value| value.to_str().unwrap_or("sha-256").split(',')) {
            let (kind, text) = member.split_once('=').unwrap_or((member, ""));
            if kind.trim().eq_ignore_ascii_case("sha-256") {
                take(shown, decoded(text.trim()))?;
            }
        }
    }
    Ok(found)
}

fn decoded(text: &str) -> Option<Digest> {
    let text = text.strip_prefix(':').and_then(|text| text.strip_suffix(':')).unwrap_or(text);
    Digest::try_from(BASE64_STANDARD.decode(text).ok()?.as_slice()).ok()
}

/// Tells what the whole file hashes to.
pub(crate) fn tell(digest: &Digest, headers: &mut HeaderMap) {
    let field = format!("sha-256=:{}:", BASE64_STANDARD.encode(digest.as_bytes()));
    for (name, text) in [(CHECKSUM, digest.to_string()), (REPR_DIGEST, field)] {
        headers.insert(name, HeaderValue::try_from(text).expect("digits are printable ASCII"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(headers: &[(&'static str, &str)]) -> Result<Option<Digest>, InvalidChecksum> {
        declared(&headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect(), Sent::Whole)
    }

    #[test]
    fn a_digest_is_read_in_every_form_and_those_that_contradict_are_refused() {
        let digest = Digest::of(b"hello");
        let (hex, base64) = (digest.to_string(), BASE64_STANDARD.encode(digest.as_bytes()));
        let other = format!("sha-256=:{}:", BASE64_STANDARD.encode(Digest::of(b"other").as_bytes()));
        let field = format!("sha-512=:AA==:, sha-256=:{base64}:");
        let mut told = HeaderMap::new();
        tell(&digest, &mut told);
        assert_eq!(declared(&told, Sent::Whole), Ok(Some(digest)), "what is told is read");
        told.insert("repr-digest", other.parse().unwrap());
        assert_eq!(declared(&told, Sent::Form), Ok(Some(digest)), "of a form, its file's alone is meant");
        let part = [("content-digest", other.parse().unwrap()), ("repr-digest", field.parse().unwrap())];
        let part = part.into_iter().map(|(name, value)| (axum::http::HeaderName::from_static(name), value)).collect();
        assert_eq!(declared(&part, Sent::Part), Ok(Some(digest)), "of a part, the whole file's is meant");
        for headers in [
            &[("x-checksum-sha256", hex.as_str())][..],
            &[("repr-digest", &field)],
            &[("content-digest", &field)],
            &[("digest", &format!("SHA-256={base64},MD5=AA=="))],
            &[("x-checksum-sha256", &hex), ("repr-digest", &field)],
        ] {
            assert_eq!(found(headers), Ok(Some(digest)), "{headers:?}");
        }
        assert_eq!(found(&[("digest", "md5=AA=="), ("repr-digest", "sha-512=:AA==:")]), Ok(None));
        for (headers, name) in [
            (&[("x-checksum-sha256", "abc")][..], "X-Checksum-SHA256"),
            (&[("x-checksum-sha256", &hex), ("repr-digest", &other)], "Repr-Digest"),
            (&[("repr-digest", "sha-256=:AA==:")], "Repr-Digest"),
            (&[("repr-digest", "sha-256")], "Repr-Digest"),
            (&[("digest", "sha-256=!")], "Digest"),
        ] {
            assert_eq!(found(headers), Err(InvalidChecksum(name)), "{headers:?}");
        }
    }
}
