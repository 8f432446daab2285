use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const OWN: &str = "https://ci.example.com";
const GITLAB: &str = "https://gitlab.com";
const GITHUB: &str = "https://token.actions.githubusercontent.com";

fn rule(issuer: &str, claims: &[(&str, &str)]) -> Result<TrustRule, TrustRuleError> {
    let claims = claims.iter().map(|(name, glob)| (name.parse().unwrap(), glob.parse().unwrap())).collect();
    TrustRule::new(issuer.parse().unwrap(), vec!["consign".parse().unwrap(), "other".parse().unwrap()], claims)
}

fn claims(value: Value) -> Claims {
    serde_json::from_value(value).unwrap()
}

/// What a rule on one claim says of a token that has it as this value.
fn judge(name: &str, glob: &str, value: Value) -> Result<String, Mismatch> {
    let rule = rule(OWN, &[("sub", "me"), (name, glob)]).unwrap();
    let mut token = json!({"iss": OWN, "aud": "consign", "sub": "me"});
    token[name] = value;
    rule.matches(&claims(token)).map(|mut named| named.remove(name).unwrap())
}

#[test]
fn an_issuer_is_an_address_that_means_what_it_says() {
    for text in [
        "https://gitlab.com",
        "https://gitlab.example.com:8443",
        "https://host/a/b",
        "https://host/",
        "https://10.0.0.1/x",
        "http://localhost:1234",
        "http://127.0.0.1:1/x",
        "http://[::1]:1",
    ] {
        assert_eq!(text.parse::<Issuer>().map(|issuer| issuer.to_string()).as_deref(), Ok(text));
    }
    for text in [
        "",
        "gitlab.com",
        "http://gitlab.com",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "ftp://gitlab.com",
        "file:///etc/passwd",
        "https://",
        "https:gitlab.com",
        "https://user@gitlab.com",
        "https://@gitlab.com",
        "https://gitlab.com?x",
        "https://gitlab.com?",
        "https://gitlab.com#x",
        "https://gitlab.com#",
        "https://GitLab.com",
        "https://gitlab.com:443",
        "https://gitlab.com/a/../b",
        "https://gitlab.com\\x",
        " https://gitlab.com",
        "https://gitlab.com\n",
        "https://git\tlab.com",
        "https://0x7f.1",
        "http://2130706433",
        "https://gitläb.com",
        &format!("https://host/{}", "a".repeat(1024)),
    ] {
        assert!(text.parse::<Issuer>().is_err(), "{text}");
    }
}

#[test]
fn a_claim_fits_as_a_plain_value() {
    for (glob, value, expected) in [
        ("main", json!("main"), Some("main")),
        ("main", json!("Main"), None),
        ("release/*", json!("release/1.0"), Some("release/1.0")),
        ("release/*", json!("hotfix/release/1.0"), None),
        ("v?", json!("v1"), Some("v1")),
        ("42", json!(42), Some("42")),
        ("-42", json!(-42), Some("-42")),
        ("18446744073709551615", json!(u64::MAX), Some("18446744073709551615")),
        ("42", json!("42"), Some("42")),
        ("true", json!(true), Some("true")),
        ("true", json!(false), None),
        ("*", json!(""), Some("")),
        ("*", json!("a".repeat(1025)), None),
    ] {
        assert_eq!(judge("x", glob, value.clone()).ok().as_deref(), expected, "{glob} {value}");
    }
    for value in [json!(null), json!(1.5), json!(1e30), json!(["main"]), json!({"main": "main"}), json!([])] {
        assert_eq!(judge("x", "*", value.clone()), Err(Mismatch::Missing("x".parse().unwrap())), "{value}");
    }
}

#[test]
fn an_audience_fits_exactly_and_may_be_one_of_a_list() {
    let of = |aud: Value| rule(OWN, &[("sub", "me")]).unwrap().matches(&claims(json!({"iss": OWN, "aud": aud, "sub": "me"})));
    for aud in [json!("consign"), json!("other"), json!(["x", "consign"]), json!([1, "other"])] {
        assert!(of(aud.clone()).is_ok(), "{aud}");
    }
    for aud in
        [json!("consig"), json!("consign2"), json!("Consign"), json!("*"), json!([]), json!(["x"]), json!([["consign"]]), json!(null)]
    {
        assert_eq!(of(aud.clone()), Err(Mismatch::Audience), "{aud}");
    }
    assert_eq!(judge("aud", "con*", json!(["other", "consign"])).as_deref(), Ok("consign"));
    assert_eq!(judge("aud", "none*", json!(["other", "consign"])), Err(Mismatch::Claim("aud".parse().unwrap())));
}

#[test]
fn all_that_a_rule_names_must_fit_and_is_answered() {
    let rule = rule(GITLAB, &[("project_id", "7"), ("ref", "release/*")]).unwrap();
    let token = json!({"iss": GITLAB, "aud": ["consign"], "project_id": "7", "ref": "release/1", "user_login": "ada"});
    let named = rule.matches(&claims(token.clone())).unwrap();
    assert_eq!(named, BTreeMap::from([("project_id".to_owned(), "7".to_owned()), ("ref".to_owned(), "release/1".to_owned())]));
    let change = |name: &str, value: Value| {
        let mut token = token.clone();
        token[name] = value;
        rule.matches(&claims(token)).unwrap_err().to_string()
    };
    assert_eq!(change("ref", json!("main")), "the claim `ref` does not fit");
    assert_eq!(change("project_id", json!("77")), "the claim `project_id` does not fit");
    assert_eq!(change("project_id", json!(null)), "the claim `project_id` is missing");
    assert_eq!(change("iss", json!("https://gitlab.com/")), "the issuer is another");
    assert_eq!(change("aud", json!("consign.example")), "the audience is another");
}

#[test]
fn a_rule_that_fits_everyone_is_refused() {
    for named in [
        &[("sub", "*")][..],
        &[("sub", "**"), ("x", "*?")],
        &[("iss", OWN)],
        &[("aud", "consign"), ("sub", "*")],
        &[("ref_protected", "true"), ("ref", "main")],
        &[("environment", "production"), ("project_id", "*")],
    ] {
        assert_eq!(rule(OWN, named), Err(TrustRuleError::FitsEveryone), "{named:?}");
    }
    for named in [&[("sub", "system:serviceaccount:ci:*")][..], &[("team", "a*")], &[("sub", "*"), ("project_id", "7")]] {
        assert!(rule(OWN, named).is_ok(), "{named:?}");
    }
}

#[test]
fn at_a_known_issuer_a_rule_names_an_identity_that_stays() {
    for (issuer, named, is_accepted) in [
        (GITLAB, ("project_id", "7"), true),
        (GITLAB, ("namespace_id", "7"), true),
        (GITLAB, ("user_id", "7"), true),
        (GITLAB, ("project_id", "7*"), false),
        (GITLAB, ("project_path", "group/tool"), false),
        (GITLAB, ("sub", "project_path:group/tool:ref_type:branch:ref:main"), false),
        (GITLAB, ("repository_id", "7"), false),
        (GITHUB, ("repository_id", "7"), true),
        (GITHUB, ("repository_owner_id", "7"), true),
        (GITHUB, ("repository_owner_id", "?"), false),
        (GITHUB, ("repository", "group/tool"), false),
        (GITHUB, ("actor_id", "7"), false),
        ("https://token.actions.githubusercontent.com/octo", ("repository", "group/tool"), false),
        ("https://token.actions.octo.ghe.com", ("repository", "group/tool"), false),
        ("https://github.example.com/_services/token", ("repository", "group/tool"), false),
        ("https://gitlab.com.example.com", ("project_path", "group/tool"), true),
        ("https://gitlab.example.com", ("project_path", "group/tool"), true),
    ] {
        assert_eq!(rule(issuer, &[named]).is_ok(), is_accepted, "{issuer} {named:?}");
    }
    assert_eq!(
        rule(GITHUB, &[("sub", "repo:octo/tool:*")]).unwrap_err().to_string(),
        "a trust rule of `https://token.actions.githubusercontent.com` names one of `repository_id`, `repository_owner_id` without \
         wildcards: all other names can change hands"
    );
}

#[test]
fn jobs_of_foreign_code_are_trusted_by_their_name_alone() {
    let token = |event: &str| claims(json!({"iss": GITHUB, "aud": "consign", "repository_id": "7", "event_name": event}));
    for event in ["pull_request_target", "workflow_run"] {
        for (glob, expected) in [(None, false), (Some("*"), false), (Some("pull_request_targe?"), false), (Some(event), true)] {
            let named: Vec<_> = [("repository_id", "7")].into_iter().chain(glob.map(|glob| ("event_name", glob))).collect();
            assert_eq!(rule(GITHUB, &named).unwrap().matches(&token(event)).is_ok(), expected, "{event} {glob:?}");
        }
        assert_eq!(rule(GITHUB, &[("repository_id", "7")]).unwrap().matches(&token(event)), Err(Mismatch::ForeignCode(event)));
    }
    assert!(rule(GITHUB, &[("repository_id", "7")]).unwrap().matches(&token("push")).is_ok());
}

#[test]
fn a_rule_keeps_to_its_limits() {
    let new = |audiences: usize, claims: usize| {
        let audiences = (0..audiences).map(|i| format!("a{i}").parse().unwrap()).collect();
        let claims = (0..claims).map(|i| (format!("c{i}").parse().unwrap(), "x".parse().unwrap())).collect();
        TrustRule::new(OWN.parse().unwrap(), audiences, claims)
    };
    assert!(new(MAX_AUDIENCES, MAX_CLAIMS).is_ok());
    assert_eq!(new(0, 1), Err(TrustRuleError::Audiences(0)));
    assert_eq!(new(11, 1), Err(TrustRuleError::Audiences(11)));
    assert_eq!(new(1, 0), Err(TrustRuleError::Claims(0)));
    assert_eq!(new(1, 21).unwrap_err().to_string(), "a trust rule names 1 to 20 claims, not 21");
    for text in ["", "a\n", &"a".repeat(256)] {
        assert!(text.parse::<Audience>().is_err() && text.parse::<ClaimName>().is_err());
    }
    assert!(
        "a".repeat(255).parse::<ClaimGlob>().is_ok()
            && "a".repeat(256).parse::<ClaimGlob>().is_err()
            && "a*b*c*d*e*f*g*h*i*".parse::<ClaimGlob>().is_err()
    );
}

#[test]
fn claims_are_known_for_what_they_are_worth() {
    for (claim, expected) in [
        ("project_id", Some(Nature::Id)),
        ("repository_owner_id", Some(Nature::Id)),
        ("project_path", Some(Nature::Name)),
        ("repository", Some(Nature::Name)),
        ("sub", Some(Nature::Name)),
        ("ref_protected", Some(Nature::Circumstance)),
        ("jti", Some(Nature::Envelope)),
        ("team", None),
    ] {
        assert_eq!(nature(claim), expected, "{claim}");
    }
}

#[test]
fn claims_do_not_show_themselves() {
    assert_eq!(format!("{:?}", claims(json!({"sub": "secret"}))), "Claims(..)");
}

proptest! {
    #[test]
    fn an_issuer_is_read_as_it_is_written(text in "https?://[a-z0-9.\\[\\]:@%-]{0,12}(/[ -~]{0,12})?|.{0,40}") {
        if let Ok(issuer) = text.parse::<Issuer>() {
            let url = url::Url::parse(&text).unwrap();
            prop_assert!(issuer.as_str() == text && url.as_str().trim_end_matches('/') == text.trim_end_matches('/'));
            prop_assert!(url.username().is_empty() && url.query().is_none() && url.fragment().is_none());
        }
    }
}
