//! Which keys and identities can be trusted.

use rcgen::{BasicConstraints, CertificateParams, IsCa, PKCS_ECDSA_P521_SHA512};

use super::*;

/// `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1`, and `-algorithm X25519`.
const SECP256K1: &str =
    "MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEb/+82IuBGcROWMKgVkIY/bR1UQwf8Ibx56zFFEGZVi/HrUk2vQhAon1SaK1P8X10bx1sBPhf8W25bNFKmqKNWA==";
const X25519: &str = "MCowBQYDK2VuAyEAxji7jtUtS1+fV2rHOuXtcgOjoRoMYxNso1FBWEmMCSU=";

fn pem(tag: &str, contents: &[u8]) -> String {
    ::pem::encode(&::pem::Pem::new(tag, contents))
}

/// A tag, the length in its shortest form, and the contents.
fn der(tag: u8, contents: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(contents.len()).unwrap().to_be_bytes();
    let head = match (high, low) {
        (0, 0..0x80) => vec![tag, low],
        (0, _) => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    [head.as_slice(), contents].concat()
}

/// An RSA key of so many bits, whose modulus is a number like any other.
fn rsa(bits: usize) -> String {
    let mut modulus = vec![0xa5; bits.div_ceil(8)];
    modulus[0] = 0xff >> (modulus.len() * 8 - bits);
    let sign = if modulus[0] >= 0x80 { vec![0] } else { vec![] };
    let number = [sign, modulus].concat();
    let key = der(0x30, &[der(2, &number), vec![2, 3, 1, 0, 1]].concat());
    let algorithm = [0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0];
    let info = [algorithm.as_slice(), &der(3, &[vec![0], key].concat())].concat();
    pem("PUBLIC KEY", &der(0x30, &info))
}

fn authority(is_ca: IsCa) -> String {
    let mut params = CertificateParams::default();
    params.is_ca = is_ca;
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
}

fn told<T: std::fmt::Debug>(read: Result<T, ParseSignerError>) -> String {
    read.unwrap_err().to_string()
}

#[test]
fn keys_of_each_kind_are_read_and_named_by_what_they_are() {
    let kinds = keys().iter().map(|key| signer(key).kind()).collect::<Vec<_>>();
    assert_eq!(kinds, [KeyKind::Ed25519, KeyKind::P256, KeyKind::P384, KeyKind::Rsa]);
    for key in keys() {
        let text = format!("a comment\n{}\n", key.public_key_pem().replace('\n', "\r\n"));
        let read = SignerKey::from_pem(&text).unwrap();
        assert_eq!(read, signer(&key));
        assert_eq!(read.id(), Digest::of(::pem::parse(text).unwrap().contents()).to_string());
        assert!(!format!("{read:?}").is_empty() && read != signer(&keys()[0]));
    }
}

#[test]
fn rsa_keys_have_2048_to_8192_bits() {
    for (bits, is_read) in
        [(1024, false), (2047, false), (2048, true), (3072, true), (8191, true), (8192, true), (8193, false), (16384, false)]
    {
        let read = SignerKey::from_pem(&rsa(bits));
        assert_eq!(read.is_ok(), is_read, "{bits}: {read:?}");
        if !is_read {
            assert_eq!(told(read), format!("public key is invalid: an RSA key must have 2048 to 8192 bits, not {bits}"));
        }
    }
}

#[test]
fn what_is_no_such_key_is_refused_in_words() {
    let key = KeyPair::generate().unwrap();
    let (public, private) = (key.public_key_pem(), key.serialize_pem());
    let contents = ::pem::parse(&public).unwrap().into_contents();
    let decode = |text| BASE64_STANDARD.decode(text).unwrap();
    let p521 = KeyPair::generate_for(&PKCS_ECDSA_P521_SHA512).unwrap().public_key_pem();
    for (text, words) in [
        (String::new(), "there is no PEM block `PUBLIC KEY`"),
        ("consign+1a2b3c4d+AZ".to_owned(), "there is no PEM block"),
        (format!("{public}{public}"), "there is more than one PEM block"),
        (format!("{public}{private}"), "there is more than one PEM block"),
        (private.clone(), "this is a private key"),
        (private.replace("PRIVATE", "EC PRIVATE"), "this is a private key"),
        (authority(IsCa::NoCa), "a certificate is no key"),
        (public.replace("PUBLIC", "RSA PUBLIC"), "`RSA PUBLIC KEY` is of another form"),
        (public.replace("PUBLIC KEY", "SSH2 KEY"), "a PEM block `SSH2 KEY` is no `PUBLIC KEY`"),
        (public.replace("END PUBLIC", "END OTHER"), "public key is invalid: "),
        (public.replace("MFkw", "M=kw"), "not PEM"),
        (pem("PUBLIC KEY", b""), "not a SubjectPublicKeyInfo"),
        (pem("PUBLIC KEY", &contents[..contents.len() - 1]), "not a SubjectPublicKeyInfo"),
        (pem("PUBLIC KEY", &[contents.as_slice(), &[0]].concat()), "not a SubjectPublicKeyInfo"),
        (
            pem("PUBLIC KEY", &[&contents[..contents.len() - 1], &[!contents[contents.len() - 1]]].concat()),
            "the bytes are no `ecdsa_p256` key",
        ),
        (pem("PUBLIC KEY", &decode(SECP256K1)), "must be on the curve P-256 or P-384"),
        (p521, "must be on the curve P-256 or P-384"),
        (pem("PUBLIC KEY", &decode(X25519)), "algorithm 1.3.101.110 is none of"),
        (format!("{}{public}", "x".repeat(16 << 10)), "longer than 16384 bytes"),
    ] {
        let told = told(SignerKey::from_pem(&text));
        assert!(told.starts_with("public key is invalid: ") && told.contains(words), "{text}: {told}");
    }
}

#[test]
fn an_identity_has_an_issuer_a_subject_and_one_to_ten_roots() {
    let root = authority(IsCa::Ca(BasicConstraints::Unconstrained));
    let ten = root.repeat(MAX_ROOTS);
    let identity = TrustedIdentity::new("https://issuer.example.com", "*@example.com", &ten).unwrap();
    assert_eq!((identity.issuer(), identity.subject_glob()), ("https://issuer.example.com", "*@example.com"));

    let (public, cut) = (KeyPair::generate().unwrap().public_key_pem(), pem("CERTIFICATE", b"0"));
    let long = "a".repeat(MAX_SIGNER_BYTES + 1);
    for (issuer, subject, roots, words) in [
        ("", "a", root.as_str(), "issuer is invalid: `` is not 1 to 1024 visible ASCII characters"),
        ("a b", "a", &root, "issuer is invalid"),
        (&long, "a", &root, "issuer is invalid"),
        ("a", "", &root, "subject is invalid"),
        ("a", "é", &root, "subject is invalid"),
        ("a", "a\n", &root, "subject is invalid"),
        ("a", "a", "", "list of root certificates is invalid: there must be 1 to 10 PEM blocks `CERTIFICATE`, not 0"),
        ("a", "a", &format!("{ten}{root}"), "not 11"),
        ("a", "a", &format!("{root}{public}"), "number 2 is a PEM block `PUBLIC KEY`, not `CERTIFICATE`"),
        ("a", "a", &cut, "number 1 is no certificate"),
        ("a", "a", &authority(IsCa::NoCa), "number 1 is not the certificate of a certificate authority"),
        ("a", "a", &authority(IsCa::ExplicitNoCa), "number 1 is not the certificate of a certificate authority"),
        ("a", "a", &pem("CERTIFICATE", &vec![0; MAX_CERTIFICATE_BYTES + 1]), "number 1 has more than 16384 bytes"),
        ("a", "a", &"x".repeat(65537), "longer than 65536 bytes"),
    ] {
        let told = told(TrustedIdentity::new(issuer, subject, roots));
        assert!(told.contains(words), "{issuer} {subject}: {told}");
    }
}
