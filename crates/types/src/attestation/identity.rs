//! Identities whose signatures count: who a certificate is for, by whom that is known, and whose certificates those are.

use rustls_pki_types::{CertificateDer, TrustAnchor};
use webpki::anchor_from_trusted_cert;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::BasicConstraints;

use super::{MAX_CERTIFICATE_BYTES, MAX_SIGNER_BYTES, ParseSignerError};
use crate::name::shown;
use crate::pattern::stars_match;

/// The most root certificates of an identity.
pub const MAX_ROOTS: usize = 10;

/// The longest PEM text of the root certificates, in bytes.
const MAX_PEM_BYTES: usize = 64 << 10;

/// A signer by identity: whom a certificate must be for.
///
/// The roots are pinned: each of them is trusted as it stands, whether it signed itself or not, and its own dates are not asked for. A
/// Sigstore bundle of version 0.3 has the certificate of its signer alone, so the certificate that issues those must be among the
/// roots: of Fulcio, that is the intermediate one.
#[derive(Clone, Debug)]
pub struct TrustedIdentity {
    issuer: String,
    subject: String,
    roots: Vec<TrustAnchor<'static>>,
}

impl TrustedIdentity {
    /// An identity: the issuer of ID tokens exactly as in the certificate, the subject with `*` for any run of characters, and 1 to
    /// [`MAX_ROOTS`] certificates of certificate authorities in PEM. Issuer and subject have 1 to [`MAX_SIGNER_BYTES`] visible ASCII
    /// characters, since no others stand in certificates.
    pub fn new(issuer: &str, subject_glob: &str, root_certificates_pem: &str) -> Result<Self, ParseSignerError> {
        let issuer = checked("issuer", issuer)?;
        let subject = checked("subject", subject_glob)?;
        Ok(Self { issuer, subject, roots: roots(root_certificates_pem).map_err(|reason| error("list of root certificates", reason))? })
    }

    /// The issuer of ID tokens.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The subject, with `*` for any run of characters.
    pub fn subject_glob(&self) -> &str {
        &self.subject
    }

    /// Whether a certificate by this issuer for this subject is for this identity.
    pub(super) fn fits(&self, issuer: &str, subject: &str) -> bool {
        self.issuer == issuer && stars_match(&self.subject, subject)
    }

    pub(super) fn roots(&self) -> &[TrustAnchor<'static>] {
        &self.roots
    }
}

fn checked(what: &'static str, text: &str) -> Result<String, ParseSignerError> {
    if (1..=MAX_SIGNER_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err(error(what, format!("`{}` is not 1 to {MAX_SIGNER_BYTES} visible ASCII characters", shown(text))))
    }
}

fn error(what: &'static str, reason: String) -> ParseSignerError {
    ParseSignerError { what, reason }
}

fn roots(text: &str) -> Result<Vec<TrustAnchor<'static>>, String> {
    if text.len() > MAX_PEM_BYTES {
        return Err(format!("longer than {MAX_PEM_BYTES} bytes"));
    }
    let blocks = pem::parse_many(text).map_err(|error| format!("not PEM ({error})"))?;
    if !(1..=MAX_ROOTS).contains(&blocks.len()) {
        return Err(format!("there must be 1 to {MAX_ROOTS} PEM blocks `CERTIFICATE`, not {}", blocks.len()));
    }
    let blocks = blocks.into_iter().enumerate();
    blocks.map(|(index, block)| root(&block).map_err(|reason| format!("number {} {reason}", index + 1))).collect()
}

fn root(block: &pem::Pem) -> Result<TrustAnchor<'static>, String> {
    if block.tag() != "CERTIFICATE" {
        return Err(format!("is a PEM block `{}`, not `CERTIFICATE`", shown(block.tag())));
    }
    if block.contents().len() > MAX_CERTIFICATE_BYTES {
        return Err(format!("has more than {MAX_CERTIFICATE_BYTES} bytes"));
    }
    let certificate = Certificate::from_der(block.contents()).map_err(|error| format!("is no certificate ({error})"))?;
    let constraints = certificate.tbs_certificate().get_extension::<BasicConstraints>();
    if !constraints.is_ok_and(|constraints| constraints.is_some_and(|(_, constraints)| constraints.ca)) {
        return Err("is not the certificate of a certificate authority".to_owned());
    }
    let der = CertificateDer::from(block.contents());
    let anchor = anchor_from_trusted_cert(&der).map_err(|error| format!("can't be a root (`{error}`)"))?;
    Ok(anchor.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_star_is_any_run_of_characters_and_nothing_else_is() {
        for (pattern, text, expected) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("a", "ba", false),
            ("*", "", true),
            ("a*", "a", true),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("a**", "ab", true),
            ("a?c", "abc", false),
            ("a?c", "a?c", true),
            ("https://host/*/x@refs/heads/main", "https://host/a/b/x@refs/heads/main", true),
            ("https://host/*/x@refs/heads/main", "https://host/a/b/x@refs/heads/main2", false),
            ("*@example.com", "a@example.com.evil", false),
        ] {
            assert_eq!(stars_match(pattern, text), expected, "{pattern} {text}");
        }
    }

    proptest! {
        #[test]
        fn a_pattern_fits_what_the_same_regular_expression_does(pattern in "[ab*]{1,8}", text in "[ab]{0,8}") {
            let regex = regex::Regex::new(&format!("^(?:{})$", pattern.replace('*', ".*"))).unwrap();
            prop_assert_eq!(stars_match(&pattern, &text), regex.is_match(&text));
        }
    }
}
