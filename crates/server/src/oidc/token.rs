//! The parts of a token (RFC 7515, section 3.1; RFC 7519), read within bounds. Nothing here is believed yet.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use consign_types::trust::Claims;
use jsonwebtoken::{Algorithm, AlgorithmFamily};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny};

use super::VerifyError;

/// The most bytes of a token.
const MAX_BYTES: usize = 16 << 10;

/// A token whose signature was not checked.
pub(super) struct Token<'a> {
    /// What is under the signature: two parts and the dot between them.
    pub(super) signed: &'a str,
    /// The signature in base64.
    pub(super) signature: &'a str,
    /// By whom it says that it is signed.
    pub(super) signer: Signer,
    /// What it says.
    pub(super) claims: Claims,
}

/// Which key a token is signed by, and how. A key that comes with a token is nothing to us.
#[derive(Clone)]
pub(super) struct Signer {
    pub(super) algorithm: Algorithm,
    pub(super) key_id: Option<String>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    /// Whether there is something that must be understood: all that this may be would change what is signed (RFC 7515, section 4.1.11).
    #[serde(default, rename = "crit", deserialize_with = "is_there")]
    is_critical: bool,
}

fn is_there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

impl<'a> Token<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, VerifyError> {
        if text.len() > MAX_BYTES {
            return Err(VerifyError::Malformed);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(VerifyError::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(VerifyError::Malformed)?;
        let header: Header = part(header)?;
        if header.typ.as_ref().is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT")) {
            return Err(VerifyError::Malformed);
        }
        let algorithm = algorithm(&header)?;
        Ok(Self { signed, signature, signer: Signer { algorithm, key_id: header.kid }, claims: part(claims)? })
    }
}

/// The algorithms that use a secret of both sides are none: a public key could be taken for such a secret.
fn algorithm(header: &Header) -> Result<Algorithm, VerifyError> {
    let known = header.alg.parse::<Algorithm>().ok().filter(|algorithm| algorithm.family() != AlgorithmFamily::Hmac);
    known.filter(|_| !header.is_critical).ok_or(VerifyError::Algorithm)
}

fn part<T: DeserializeOwned>(text: &str) -> Result<T, VerifyError> {
    let json = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| VerifyError::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| VerifyError::Malformed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn token(header: &str, claims: &str) -> String {
        let encode = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{}", encode(header), encode(claims), encode("signature"))
    }

    fn refusal(text: &str) -> Option<VerifyError> {
        Token::parse(text).err()
    }

    #[test]
    fn a_header_says_how_a_token_is_signed() {
        for (header, expected) in [
            (r#"{"alg":"RS256"}"#, None),
            (r#"{"alg":"PS512","typ":"JWT","kid":"1","jwk":{"kty":"oct"},"x5t":"x"}"#, None),
            (r#"{"alg":"EdDSA","typ":"jwt"}"#, None),
            (r#"{"alg":"none"}"#, Some(VerifyError::Algorithm)),
            (r#"{"alg":"None"}"#, Some(VerifyError::Algorithm)),
            (r#"{"alg":""}"#, Some(VerifyError::Algorithm)),
            (r#"{"alg":"HS256"}"#, Some(VerifyError::Algorithm)),
            (r#"{"alg":"HS512"}"#, Some(VerifyError::Algorithm)),
            (r#"{"alg":"rs256"}"#, Some(VerifyError::Algorithm)),
            (r#"{"alg":"ES256K"}"#, Some(VerifyError::Algorithm)),
            (r#"{"alg":"RS256","crit":["b64"],"b64":false}"#, Some(VerifyError::Algorithm)),
            (r#"{"alg":"RS256","crit":[]}"#, Some(VerifyError::Algorithm)),
            (r#"{"alg":"RS256","crit":null}"#, Some(VerifyError::Algorithm)),
            (r#"{"alg":"RS256","typ":"at+jwt"}"#, Some(VerifyError::Malformed)),
            (r#"{"alg":"RS256","kid":1}"#, Some(VerifyError::Malformed)),
            (r#"{"alg":"RS256","alg":"none"}"#, Some(VerifyError::Malformed)),
            (r#"{"alg":["RS256"]}"#, Some(VerifyError::Malformed)),
            (r#"{"typ":"JWT"}"#, Some(VerifyError::Malformed)),
            ("[]", Some(VerifyError::Malformed)),
            ("", Some(VerifyError::Malformed)),
        ] {
            assert_eq!(refusal(&token(header, "{}")), expected, "{header}");
        }
    }

    #[test]
    fn a_token_has_three_parts_within_bounds() {
        let good = token(r#"{"alg":"RS256"}"#, "{}");
        assert_eq!(refusal(&good), None);
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
        for text in [
            String::new(),
            "..".to_owned(),
            "a.b".to_owned(),
            format!("{good}.x"),
            format!("x.{good}"),
            good.replace('.', ".."),
            format!(" {good}"),
            token(r#"{"alg":"RS256"}"#, "[]"),
            token(r#"{"alg":"RS256"}"#, "null"),
            token(r#"{"alg":"RS256"}"#, "{} {}"),
            token(r#"{"alg":"RS256"}"#, &deep),
            token(r#"{"alg":"RS256"}"#, &format!("{{\"a\":\"{}\"}}", "a".repeat(MAX_BYTES))),
        ] {
            assert_eq!(refusal(&text), Some(VerifyError::Malformed), "{}", &text[..text.len().min(80)]);
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in ".{0,200}", header in "\\{\"alg\":\"(RS256|none)\"[ -~]{0,40}\\}|.{0,60}", claims in ".{0,200}") {
            let _ = Token::parse(&text);
            let _ = Token::parse(&token(&header, &claims));
            let _ = Token::parse(&format!("{text}.{text}.{text}"));
        }
    }
}
