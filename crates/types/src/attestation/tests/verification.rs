//! Whose signatures count, and what is said of those that do not.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, RSA_PSS_SHA256, RsaKeyPair};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa, SanType, date_time_ymd,
};

use super::*;

const ISSUER: &str = "https://token.actions.githubusercontent.com";
const SUBJECT: &str = "https://github.com/example/app/.github/workflows/release.yml@refs/heads/main";

/// A certificate authority.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// The statement, signed by a key that this authority issued such a certificate for.
    fn sign(&self, key: &KeyPair, params: &CertificateParams) -> Bundle {
        let certificate = params.signed_by(key, &self.0).unwrap();
        let material = json!({"certificate": {"rawBytes": base64(certificate.der())}});
        parse(Format::Sigstore, &sigstore(&material, &signed(key, ""))).unwrap()
    }

    fn trusts(&self, issuer: &str, subject: &str) -> Signer {
        Signer::Identity(TrustedIdentity::new(issuer, subject, &self.0.pem()).unwrap())
    }
}

/// Where a certificate says who knew its subject, as Fulcio writes it now and as it did before.
fn known_from(issuer: &str) -> [CustomExtension; 2] {
    let text = [&[12, u8::try_from(issuer.len()).unwrap()], issuer.as_bytes()].concat();
    [8, 1].map(|number| {
        let content = if number == 8 { text.clone() } else { issuer.as_bytes().to_vec() };
        CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 57264, 1, number], content)
    })
}

/// A certificate such as Fulcio issues, valid on the first of January 2026.
fn leaf() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![SanType::URI(SUBJECT.try_into().unwrap())];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
    params.custom_extensions = known_from(ISSUER).into();
    (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2026, 1, 2));
    params
}

#[test]
fn a_signature_of_a_trusted_key_of_any_kind_counts() {
    let (keys, payload) = (keys(), statement().to_string());
    let message = pae(IN_TOTO, payload.as_bytes());
    let (random, der) = (SystemRandom::new(), |index: usize| keys[index].serialized_der());
    let mut pss = vec![0; 256];
    RsaKeyPair::from_pkcs8(der(3)).unwrap().sign(&RSA_PSS_SHA256, &random, &message, &mut pss).unwrap();
    let p256 = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der(1)).unwrap().sign(&random, &message).unwrap();
    let p384 = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, der(2)).unwrap().sign(&random, &message).unwrap();
    let signatures = keys.iter().enumerate().map(|(index, key)| (index, sign(key, &payload)));
    let others = [(1, p256.as_ref().to_vec()), (2, p384.as_ref().to_vec()), (3, pss)];
    for (index, signature) in signatures.chain(others) {
        let trusted = signer(&keys[index]);
        for id in ["", "another key", &trusted.id()] {
            let bundle = parse(Format::Dsse, &envelope(&payload, &[("x", b"foreign"), (id, &signature)])).unwrap();
            let verified = verify(&bundle, &content(), &Signer::Key(trusted.clone()), received());
            assert_eq!(verified, Ok(trusted.id()), "{index}");
            let about = verify(&bundle, &Digest::of(b"else"), &Signer::Key(trusted.clone()), received());
            assert_eq!(about.unwrap_err(), VerifyError::OtherSubject(Digest::of(b"else")));
        }
    }
}

#[test]
fn a_signature_that_says_to_be_of_a_key_and_is_not_is_invalid_and_one_that_says_nothing_is_not_trusted() {
    let (ours, theirs) = (keys(), keys());
    for (our, their) in ours.iter().zip(&theirs) {
        let trusted = signer(our);
        let hint = |hint: &str| sigstore(&json!({"publicKey": {"hint": hint}}), &signed(their, ""));
        let id = trusted.id();
        let fingerprint = base64(id.parse::<Digest>().unwrap().as_bytes());
        for (format, bundle, expected) in [
            (Format::Dsse, signed(their, ""), VerifyError::OtherKey(id.clone())),
            (Format::Dsse, signed(their, &signer(their).id()), VerifyError::OtherKey(id.clone())),
            (Format::Dsse, signed(their, &id), VerifyError::KeyForged(id.clone())),
            (Format::Sigstore, hint(""), VerifyError::OtherKey(id.clone())),
            (Format::Sigstore, hint("else"), VerifyError::OtherKey(id.clone())),
            (Format::Sigstore, hint(&id), VerifyError::KeyForged(id.clone())),
            (Format::Sigstore, hint(&fingerprint), VerifyError::KeyForged(id.clone())),
        ] {
            let bundle = parse(format, &bundle).unwrap();
            let found = verify(&bundle, &content(), &Signer::Key(trusted.clone()), received()).unwrap_err();
            assert_eq!(found, expected);
            let outcome = if matches!(expected, VerifyError::OtherKey(_)) { Outcome::Untrusted } else { Outcome::Invalid };
            assert_eq!(found.outcome(), outcome);
        }
    }
}

#[test]
fn a_certificate_of_the_trusted_identity_counts_while_it_is_valid() {
    let (authority, other) = (Authority::new("root"), Authority::new("root"));
    for key in keys() {
        let bundle = authority.sign(&key, &leaf());
        assert_eq!(bundle.claimed_signers(), [SUBJECT, ISSUER]);
        let trusted = authority.trusts(ISSUER, "https://github.com/example/*");
        let judge = |time: &str| verify(&bundle, &content(), &trusted, time.parse().unwrap());
        for time in ["2026-01-01T00:00:00Z", "2026-01-01T12:00:00Z", "2026-01-02T00:00:00.999999Z"] {
            assert_eq!(judge(time).as_deref(), Ok(SUBJECT), "{time}");
        }
        for time in ["2025-12-31T23:59:59.999999Z", "2026-01-02T00:00:01Z", "1960-01-01T00:00:00Z", "9999-12-31T00:00:00Z"] {
            let error = judge(time).unwrap_err();
            let words =
                format!("its certificate was valid from 2026-01-01T00:00:00Z to 2026-01-02T00:00:00Z, and it was received at {time}");
            assert_eq!((error.outcome(), error.to_string()), (Outcome::Expired, words));
        }
        for (signer, expected) in [
            (authority.trusts(ISSUER, SUBJECT), Outcome::Verified),
            (authority.trusts(ISSUER, "*"), Outcome::Verified),
            (authority.trusts(ISSUER, &SUBJECT[..SUBJECT.len() - 1]), Outcome::Untrusted),
            (authority.trusts(ISSUER, "https://github.com/other/*"), Outcome::Untrusted),
            (authority.trusts("https://gitlab.com", "*"), Outcome::Untrusted),
            (authority.trusts("https://token.actions.*", "*"), Outcome::Untrusted),
            (other.trusts(ISSUER, SUBJECT), Outcome::Invalid),
            (Authority::new("else").trusts(ISSUER, SUBJECT), Outcome::Invalid),
            (Signer::Key(signer(&key)), Outcome::Verified),
            (Signer::Key(signer(&KeyPair::generate().unwrap())), Outcome::Untrusted),
        ] {
            assert_eq!(outcome(&bundle, &signer), expected, "{signer:?}");
        }
    }
    let late = Authority::new("late").sign(&KeyPair::generate().unwrap(), &leaf());
    let found = verify(&late, &content(), &authority.trusts(ISSUER, SUBJECT), Timestamp::from_micros(0)).unwrap_err();
    assert_eq!(found.outcome(), Outcome::Invalid, "a foreign certificate is not expired, but foreign");
}

#[test]
fn a_certificate_of_other_content_does_not_count() {
    let (authority, key) = (Authority::new("root"), KeyPair::generate().unwrap());
    let trusted = authority.trusts(ISSUER, "*");
    let mut nobody = leaf();
    nobody.subject_alt_names = vec![SanType::DnsName("github.com".try_into().unwrap())];
    let mut many = leaf();
    many.subject_alt_names.insert(0, SanType::Rfc822Name("a@example.com".try_into().unwrap()));
    let mut new = leaf();
    new.custom_extensions.pop();
    let mut old = leaf();
    old.custom_extensions.remove(0);
    let mut unknown = leaf();
    unknown.custom_extensions.clear();
    let mut server = leaf();
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let mut purposeless = leaf();
    purposeless.extended_key_usages.clear();
    let mut ca = leaf();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let mut critical = leaf();
    critical.custom_extensions[0].set_criticality(true);
    for (name, params, expected) in [
        ("nobody", &nobody, Outcome::Untrusted),
        ("many", &many, Outcome::Verified),
        ("new", &new, Outcome::Verified),
        ("old", &old, Outcome::Verified),
        ("unknown", &unknown, Outcome::Untrusted),
        ("server", &server, Outcome::Invalid),
        ("purposeless", &purposeless, Outcome::Invalid),
        ("ca", &ca, Outcome::Invalid),
    ] {
        assert_eq!(outcome(&authority.sign(&key, params), &trusted), expected, "{name}");
    }
    let email = authority.trusts(ISSUER, "a@example.com");
    assert_eq!(verify(&authority.sign(&key, &many), &content(), &email, received()).as_deref(), Ok("a@example.com"));

    let mut two = leaf();
    two.custom_extensions[0] = known_from("https://gitlab.com")[0].clone();
    let mut twice = leaf();
    twice.custom_extensions[0] = twice.custom_extensions[1].clone();
    let mut crowd = leaf();
    crowd.subject_alt_names = vec![SanType::URI(SUBJECT.try_into().unwrap()); 11];
    let mut control = leaf();
    control.subject_alt_names = vec![SanType::URI("a\nb".try_into().unwrap())];
    for (params, words) in [
        (two, "it names two issuers"),
        (twice, "its issuer can't be read"),
        (crowd, "it is for more than 10 subjects"),
        (control, "a subject is empty, too long, or no text"),
        (critical, "`UnsupportedCriticalExtension`"),
    ] {
        let certificate = params.signed_by(&key, &authority.0).unwrap();
        let material = json!({"certificate": {"rawBytes": base64(certificate.der())}});
        let told = parse(Format::Sigstore, &sigstore(&material, &signed(&key, ""))).unwrap_err().to_string();
        assert_eq!(told, format!("the certificate is invalid: {words}"));
    }
}

#[test]
fn the_certificate_that_issues_may_be_pinned_and_one_above_it_does_not_do() {
    let (root, key) = (Authority::new("root"), KeyPair::generate().unwrap());
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "intermediate");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let intermediate = Authority(CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), &root.0).unwrap());
    let bundle = intermediate.sign(&key, &leaf());
    assert_eq!(outcome(&bundle, &intermediate.trusts(ISSUER, "*")), Outcome::Verified);
    let both = format!("{}{}", root.0.pem(), intermediate.0.pem());
    assert_eq!(outcome(&bundle, &Signer::Identity(TrustedIdentity::new(ISSUER, "*", &both).unwrap())), Outcome::Verified);
    let found = verify(&bundle, &content(), &root.trusts(ISSUER, "*"), received());
    assert_eq!(found, Err(VerifyError::Unrooted("UnknownIssuer".to_owned())));
}

#[test]
fn a_certificate_that_somebody_else_signed_beside_is_invalid_and_no_certificate_is_no_identity() {
    let (authority, key) = (Authority::new("root"), KeyPair::generate().unwrap());
    let trusted = authority.trusts(ISSUER, "*");
    let certificate = leaf().signed_by(&key, &authority.0).unwrap();
    let material = json!({"certificate": {"rawBytes": base64(certificate.der())}});
    let stolen = parse(Format::Sigstore, &sigstore(&material, &signed(&KeyPair::generate().unwrap(), ""))).unwrap();
    assert_eq!(verify(&stolen, &content(), &trusted, received()), Err(VerifyError::CertificateForged));
    let bare = parse(Format::Dsse, &signed(&key, "")).unwrap();
    assert_eq!(verify(&bare, &content(), &trusted, received()), Err(VerifyError::NoCertificate));
    assert_eq!((outcome(&stolen, &trusted), outcome(&bare, &trusted)), (Outcome::Invalid, Outcome::Untrusted));
}
