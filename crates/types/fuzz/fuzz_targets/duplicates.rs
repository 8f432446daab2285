//! The exception turns a policy round, and what a policy says does not depend on how it was asked.
#![no_main]

use consign_types::Digest;
use consign_types::duplicates::{Bytes, DuplicatePolicy, MAX_PATTERN_BYTES, Ruling, Verdict, judge};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &str, &str, Option<i64>, Option<bool>)| {
    let (pattern, name, version, size, same) = input;
    let (allows, rejects) = match (DuplicatePolicy::new(true, pattern), DuplicatePolicy::new(false, pattern)) {
        (Ok(allows), Ok(rejects)) => (allows, rejects),
        (Err(error), Err(other)) => {
            assert!(error == other && error.to_string().len() < 500, "{error}");
            return;
        }
        _ => panic!("whether a pattern is valid depends on the pattern: {pattern:?}"),
    };
    assert!(pattern.len() <= MAX_PATTERN_BYTES, "{pattern:?}");
    let (Ok(name), Ok(version)) = (name.parse(), version.parse()) else { return };
    let ruling = rejects.ruling(&name, &version);
    assert_ne!(ruling == Ruling::Allowed, allows.ruling(&name, &version) == Ruling::Allowed, "{pattern:?} {name} {version}");
    let strict = rejects.reject_identical().ruling(&name, &version);
    assert_eq!(strict == Ruling::AllAllowed, ruling == Ruling::Allowed, "{pattern:?} {name} {version}");

    let (digest, held) = (Digest::of(b"there"), 5);
    let incoming = Bytes { digest: same.map(|same| if same { digest } else { Digest::of(b"other") }), size };
    let verdict = judge(ruling, (digest, held), incoming);
    let differs = same == Some(false) || size.is_some_and(|size| size != held);
    match verdict {
        Verdict::Retry => assert!(same == Some(true) && !differs),
        Verdict::Add => assert!(ruling == Ruling::Allowed && (differs || same.is_none())),
        Verdict::Reject => assert!(ruling == Ruling::Rejected && differs),
        Verdict::Unknown => assert!(ruling == Ruling::Rejected && same.is_none()),
    }
    assert_eq!(judge(Ruling::AllRejected, (digest, held), incoming), Verdict::Reject);
    assert_eq!(judge(Ruling::AllAllowed, (digest, held), incoming), Verdict::Add);
});
