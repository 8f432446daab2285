//! An issuer is an address that is read as it is written, and a rule trusts what it names and nothing else.
#![no_main]

use std::collections::BTreeMap;

use consign_types::trust::{Claims, Issuer, TrustRule};
use libfuzzer_sys::fuzz_target;

const ISSUER: &str = "https://ci.example.com";

fuzz_target!(|input: (&str, &str, &str)| {
    let (name, glob, text) = input;
    if let Ok(issuer) = text.parse::<Issuer>() {
        assert!(issuer.as_str() == text && text.is_ascii() && text.len() <= 1024);
        assert!(
            text.starts_with("https://") || ["http://localhost", "http://127.", "http://[::1]"].iter().any(|own| text.starts_with(own))
        );
        assert!(!text.contains(|c: char| c.is_control() || matches!(c, ' ' | '?' | '#' | '\\')), "{text:?}");
    }
    let (Ok(name), Ok(glob)) = (name.parse(), glob.parse()) else { return };
    let (audience, issuer) = ("consign".parse().expect("an audience"), ISSUER.parse().expect("an issuer"));
    let Ok(rule) = TrustRule::new(issuer, vec![audience], BTreeMap::from([(name, glob)])) else { return };
    let (name, glob) = rule.claims().first_key_value().expect("it names one claim");
    let mut claims = serde_json::Map::from_iter([("iss".to_owned(), ISSUER.into()), ("aud".to_owned(), "consign".into())]);
    claims.entry(name.as_str()).or_insert_with(|| text.into());
    match rule.matches(&Claims::from(claims)) {
        Ok(named) => assert!(named.len() == 1 && glob.matches(&named[name.as_str()])),
        Err(_) => assert!(!glob.matches(text) || text.len() > 1024, "{name:?} {glob:?} {text:?}"),
    }
});
