//! Certificates: who a key was issued to, and by whom that is known.

use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::EndEntityCert;
use x509_cert::der::asn1::{ObjectIdentifier, Utf8StringRef};
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::{Certificate as X509, TbsCertificate};

use super::{MAX_CERTIFICATE_BYTES, ParseBundleError, SignerKey, is_signer};

/// The most URIs and email addresses of a certificate. Those that Fulcio issues have one.
const MAX_SUBJECTS: usize = 10;

/// Where a certificate says which issuer of ID tokens knew its subject: a `UTF8String`, see
/// [Fulcio's extensions](https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md).
const ISSUER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.8");

/// Where older certificates say it: the bare text.
const OLD_ISSUER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.1");

/// The certificate of one who signs. Nothing in it was verified.
#[derive(Clone, Debug)]
pub(super) struct Certificate {
    der: CertificateDer<'static>,
    key: SignerKey,
    subjects: Vec<String>,
    issuer: Option<String>,
    start: UnixTime,
    end: UnixTime,
}

impl Certificate {
    /// Reads a certificate of at most [`MAX_CERTIFICATE_BYTES`].
    pub(super) fn read(der: Vec<u8>) -> Result<Self, ParseBundleError> {
        let invalid = |reason: String| ParseBundleError::Certificate(reason);
        if der.len() > MAX_CERTIFICATE_BYTES {
            return Err(invalid(format!("it has more than {MAX_CERTIFICATE_BYTES} bytes")));
        }
        let read = X509::from_der(&der).map_err(|error| invalid(format!("it is not one in DER form ({error})")))?;
        let certificate = read.tbs_certificate();
        let key = certificate.subject_public_key_info().to_der().map_err(|error| invalid(error.to_string()))?;
        let key = SignerKey::from_der(key).map_err(|error| invalid(error.to_string()))?;
        let (subjects, issuer) = (subjects(certificate).map_err(invalid)?, issuer(certificate).map_err(invalid)?);
        let validity = certificate.validity();
        let (start, end) = (validity.not_before.to_unix_duration(), validity.not_after.to_unix_duration());
        let (start, end) = (UnixTime::since_unix_epoch(start), UnixTime::since_unix_epoch(end));
        let der = CertificateDer::from(der);
        EndEntityCert::try_from(&der).map_err(|error| invalid(format!("`{error}`")))?;
        Ok(Self { der, key, subjects, issuer, start, end })
    }

    pub(super) fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// The key that it was issued for.
    pub(super) fn key(&self) -> &SignerKey {
        &self.key
    }

    /// The URIs and email addresses that it is for: at most [`MAX_SUBJECTS`].
    pub(super) fn subjects(&self) -> &[String] {
        &self.subjects
    }

    /// The issuer of the ID token by which its subject was known.
    pub(super) fn issuer(&self) -> Option<&String> {
        self.issuer.as_ref()
    }

    /// The first second in which it is valid.
    pub(super) fn start(&self) -> UnixTime {
        self.start
    }

    /// The last second in which it is valid.
    pub(super) fn end(&self) -> UnixTime {
        self.end
    }
}

fn subjects(certificate: &TbsCertificate) -> Result<Vec<String>, String> {
    let names = certificate.get_extension::<SubjectAltName>().map_err(|_| "its subjects can't be read".to_owned())?;
    let names = names.map(|(_, names)| names.0).unwrap_or_default();
    let texts = names.iter().filter_map(|name| match name {
        GeneralName::Rfc822Name(text) | GeneralName::UniformResourceIdentifier(text) => Some(text.as_str().to_owned()),
        _ => None,
    });
    let texts: Vec<String> = texts.collect();
    if texts.len() > MAX_SUBJECTS {
        return Err(format!("it is for more than {MAX_SUBJECTS} subjects"));
    }
    if texts.iter().all(|text| is_signer(text)) { Ok(texts) } else { Err("a subject is empty, too long, or no text".to_owned()) }
}

/// Where it is said in both ways, both must say the same, so that nobody reads another issuer than others do.
fn issuer(certificate: &TbsCertificate) -> Result<Option<String>, String> {
    let broken = || "its issuer can't be read".to_owned();
    let (mut new, mut old) = (None, None);
    for extension in certificate.extensions().into_iter().flatten() {
        let bytes = extension.extn_value.as_bytes();
        let (place, text) = match extension.extn_id {
            ISSUER => (&mut new, Utf8StringRef::from_der(bytes).map_err(|_| broken())?.as_str()),
            OLD_ISSUER => (&mut old, std::str::from_utf8(bytes).map_err(|_| broken())?),
            _ => continue,
        };
        if place.replace(text.to_owned()).is_some() || !is_signer(text) {
            return Err(broken());
        }
    }
    match (new, old) {
        (Some(new), Some(old)) if new != old => Err("it names two issuers".to_owned()),
        (new, old) => Ok(new.or(old)),
    }
}
