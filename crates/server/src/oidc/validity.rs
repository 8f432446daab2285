//! From when to when a token counts.

use consign_types::Timestamp;
use consign_types::trust::Claims;
use serde_json::Value;

use super::VerifyError;

/// By how much the clocks of an issuer and ours may differ.
pub(super) const LEEWAY_SECONDS: i64 = 60;

/// The longest life of a token: whoever finds an old one can't use it.
const MAX_LIFE_SECONDS: i64 = 24 * 60 * 60;

/// The times of a token.
#[derive(Debug)]
pub(super) struct Validity {
    issued: Timestamp,
    begins: Option<Timestamp>,
    pub(super) expires: Timestamp,
}

impl Validity {
    pub(super) fn read(claims: &Claims) -> Result<Self, VerifyError> {
        let required = |name| instant(claims, name)?.ok_or(VerifyError::Claim(name));
        Ok(Self { issued: required("iat")?, begins: instant(claims, "nbf")?, expires: required("exp")? })
    }

    pub(super) fn check(&self, now: Timestamp) -> Result<(), VerifyError> {
        let is_ahead = |time: Timestamp| time > now.plus_seconds(LEEWAY_SECONDS);
        if self.expires.plus_seconds(LEEWAY_SECONDS) <= now {
            Err(VerifyError::Expired)
        } else if is_ahead(self.issued) || self.begins.is_some_and(is_ahead) {
            Err(VerifyError::NotYet)
        } else if self.expires > self.issued.plus_seconds(MAX_LIFE_SECONDS) {
            Err(VerifyError::TooLong)
        } else {
            Ok(())
        }
    }
}

/// A number of seconds since 1970, which may have a fraction (RFC 7519, section 2).
fn instant(claims: &Claims, name: &'static str) -> Result<Option<Timestamp>, VerifyError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let time = seconds(value).map(|seconds| Timestamp::from_micros(0).plus_seconds(seconds));
    time.filter(|time| time.is_storable()).map(Some).ok_or(VerifyError::Claim(name))
}

#[expect(clippy::cast_possible_truncation, reason = "the fraction goes, and what is out of range is cut to its end, which is no instant")]
fn seconds(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds.floor() as i64))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn judge(claims: Value) -> Result<(), VerifyError> {
        let claims: Claims = serde_json::from_value(claims).unwrap();
        Validity::read(&claims)?.check(Timestamp::from_micros(0).plus_seconds(NOW))
    }

    #[test]
    fn a_token_counts_from_its_beginning_to_its_end_give_or_take_a_minute() {
        for (iat, nbf, exp, expected) in [
            (0, 0, 300, Ok(())),
            (60, 60, 300, Ok(())),
            (61, 0, 300, Err(VerifyError::NotYet)),
            (0, 61, 300, Err(VerifyError::NotYet)),
            (-300, -300, -59, Ok(())),
            (-300, -300, -60, Err(VerifyError::Expired)),
            (0, 0, 86_400, Ok(())),
            (0, 0, 86_401, Err(VerifyError::TooLong)),
            (-86_400, 0, 1, Err(VerifyError::TooLong)),
        ] {
            assert_eq!(judge(json!({"iat": NOW + iat, "nbf": NOW + nbf, "exp": NOW + exp})), expected, "{iat} {nbf} {exp}");
        }
    }

    #[test]
    fn times_are_numbers_of_this_world() {
        assert_eq!(judge(json!({"iat": 1_800_000_000.5, "exp": 1_800_000_300.25})), Ok(()));
        for (claims, expected) in [
            (json!({"exp": NOW}), "iat"),
            (json!({"iat": NOW}), "exp"),
            (json!({"iat": NOW, "exp": "1800000300"}), "exp"),
            (json!({"iat": NOW, "exp": null}), "exp"),
            (json!({"iat": NOW, "exp": 1e300}), "exp"),
            (json!({"iat": NOW, "exp": u64::MAX}), "exp"),
            (json!({"iat": i64::MIN, "exp": NOW + 1}), "iat"),
            (json!({"iat": NOW, "nbf": true, "exp": NOW + 1}), "nbf"),
        ] {
            assert_eq!(judge(claims.clone()), Err(VerifyError::Claim(expected)), "{claims}");
        }
    }
}
