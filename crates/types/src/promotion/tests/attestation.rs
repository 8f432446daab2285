//! Attestations.

use super::super::{Attested, Condition, VerifiedBy};
use super::story::{attested, row};
use super::*;

fn asks(signers: &[&str], maximum_age: Option<i64>) -> Condition {
    Condition::Attestation {
        predicate_type: "https://slsa.dev/provenance/v1".parse().unwrap(),
        signers: signers.iter().map(|signer| signer.parse().unwrap()).collect(),
        maximum_age: maximum_age.map(span),
    }
}

fn any(attestations: &[Attested]) -> Story {
    of(asks(&[], None), attestations)
}

fn of(condition: Condition, attestations: &[Attested]) -> Story {
    Story::new(condition).item(|item| item.attestations = attestations.to_vec())
}

fn by(trusted_key: &str, signer: &str, attested: Attested) -> Attested {
    Attested { verified: Ok(VerifiedBy { trusted_key: trusted_key.to_owned(), signer: signer.to_owned() }), ..attested }
}

fn broken(attested: Attested) -> Attested {
    Attested { verified: Err("no trusted key fits the signature".to_owned()), ..attested }
}

fn added(time: i64, attested: Attested) -> Attested {
    Attested { time: at(time), ..attested }
}

pub(super) fn rows() -> Vec<Row> {
    [verified(), signed(), aged()].into_iter().flatten().collect()
}

fn verified() -> Vec<Row> {
    let sbom = Attested { predicate_type: "https://spdx.dev/Document".parse().unwrap(), ..attested(2) };
    vec![
        row(
            "a verified one passes",
            any(&[attested(1)]),
            Passed,
            "has the attestation `attestations/1` of the type `https://slsa.dev/prov",
        )
        .evidence(&["attestations/1"]),
        row(
            "none is to be added",
            any(&[]),
            Pending,
            "`tool 1.2.0` has no attestation of the type `https://slsa.dev/provenance/v1`: add one",
        )
        .evidence(&[]),
        row("one of another type is none", any(std::slice::from_ref(&sbom)), Pending, "has no attestation of the type"),
        row("one of another type beside it does not matter", any(&[sbom, attested(1)]), Passed, "`attestations/1`"),
        row(
            "one that does not verify does not count",
            any(&[broken(attested(1))]),
            Pending,
            "the attestation `attestations/1` of `tool 1.2.0` does not count, because no trusted key fits the signature: add one that does",
        )
        .evidence(&["attestations/1"]),
        row("one that does not verify beside it does not matter", any(&[broken(attested(2)), attested(1)]), Passed, "`attestations/1`"),
        row(
            "the newest that counts is taken",
            any(&[attested(1), added(-1, attested(2)), added(-2, attested(3))]),
            Passed,
            "`attestations/2`",
        ),
        row("every version needs one", any(&[attested(1)]).other_item(|_| {}), Pending, "`lib 3.0` has no attestation of the type"),
        row(
            "every version that has one passes",
            any(&[attested(1)]).other_item(|item| item.attestations = vec![attested(2)]),
            Passed,
            "`tool 1.2.0` has the attestation",
        )
        .evidence(&["attestations/1", "attestations/2"]),
    ]
}

fn signed() -> Vec<Row> {
    let identity = || by("github", "repo:group/tool@refs/heads/main", attested(1));
    vec![
        row("the name of a key counts", of(asks(&["release"], None), &[attested(1)]), Passed, "`attestations/1`"),
        row("the id of a key counts", of(asks(&["SHA256:abc"], None), &[attested(1)]), Passed, "`attestations/1`"),
        row("one of several signers is enough", of(asks(&["x", "release"], None), &[attested(1)]), Passed, "`attestations/1`"),
        row(
            "an identity counts by a pattern",
            of(asks(&["repo:group/*@refs/heads/main"], None), &[identity()]),
            Passed,
            "`attestations/1`",
        ),
        row(
            "another identity does not",
            of(asks(&["repo:group/*@refs/tags/*"], None), &[identity()]),
            Pending,
            "is signed by `github` (`repo:group/tool@refs/heads/main`): add one, signed by `repo:group/*@refs/tags/*`",
        ),
        row(
            "part of a name is not the name",
            of(asks(&["releas"], None), &[attested(1)]),
            Pending,
            "is signed by `release` (`SHA256:abc`)",
        ),
        row("who should sign is told where there is none", of(asks(&["release"], None), &[]), Pending, "add one, signed by `release`"),
        row(
            "one that is verified tells more than one that is not",
            of(asks(&["x"], None), &[added(-1, broken(attested(2))), attested(1)]),
            Pending,
            "`attestations/1` of `tool 1.2.0` is signed by `release`",
        ),
    ]
}

fn aged() -> Vec<Row> {
    let of_age = |age, attestations: &[Attested]| of(asks(&[], Some(age)), attestations);
    vec![
        row("a young one passes until it is old", of_age(2 * HOUR, &[attested(1)]), Passed, "`attestations/1`").retry(at(HOUR)),
        row("a microsecond before its age it passes", of_age(HOUR + 1, &[attested(1)]), Passed, "`attestations/1`").retry(at(1)),
        row("at its age it does not", of_age(HOUR, &[attested(1)]), Pending, "`tool 1.2.0` is as old as 1h or older: add a new one"),
        row("after its age it does not", of_age(HOUR - 1, &[attested(1)]), Pending, "add a new one"),
        row("a newer one helps", of_age(HOUR, &[attested(1), added(-1, attested(2))]), Passed, "`attestations/2`").retry(at(HOUR - 1)),
        row(
            "an old one tells more than one of another signer",
            of(asks(&["release"], Some(HOUR)), &[added(-1, by("x", "y", attested(2))), attested(1)]),
            Pending,
            "the attestation `attestations/1` of `tool 1.2.0` is as old as 1h or older: add a new one, signed by `release`",
        ),
        row(
            "the version whose attestation is old first decides when it lapses",
            of_age(2 * HOUR, &[added(-1, attested(1))]).other_item(|item| item.attestations = vec![attested(2)]),
            Passed,
            "it holds for 1 more version too",
        )
        .retry(at(HOUR)),
    ]
}
