//! The gate that asks for an attestation.

use std::cmp::Reverse;

use super::super::{Attested, Item, PredicateType, Signer};
use super::finding::named;
use super::{Finding, quoted, shortened};
use crate::Timestamp;
use crate::time::Span;

/// How near an attestation comes to what is asked, the nearest first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Counts,
    TooOld,
    OtherSigner,
    NotVerified,
}

/// Whether one of the type was verified, by a signer who counts, and is young enough.
pub(super) fn find(item: &Item, wanted: &PredicateType, signers: &[Signer], maximum_age: Option<Span>, now: Timestamp) -> Finding {
    let name = named(item);
    let of_type = item.attestations.iter().filter(|attested| attested.predicate_type == *wanted);
    let nearest = of_type.min_by_key(|attested| (standing(attested, signers, maximum_age, now), Reverse(attested.time)));
    let by = if signers.is_empty() { String::new() } else { format!(", signed by {}", quoted(&texts(signers))) };
    let Some(nearest) = nearest else {
        return Finding::pending(format!("{name} has no attestation of the type `{wanted}`: add one{by}"));
    };
    let attestation = shortened(&nearest.attestation);
    let finding = match (standing(nearest, signers, maximum_age, now), &nearest.verified, maximum_age) {
        (Standing::Counts, ..) => {
            let lapses = maximum_age.map(|age| nearest.time.plus(age));
            Finding::passed(format!("{name} has the attestation `{attestation}` of the type `{wanted}`")).until(lapses)
        }
        (_, Err(why), _) => {
            let why = shortened(why);
            Finding::pending(format!("the attestation `{attestation}` of {name} does not count, because {why}: add one that does{by}"))
        }
        (Standing::TooOld, _, Some(age)) => {
            Finding::pending(format!("the attestation `{attestation}` of {name} is as old as {age} or older: add a new one{by}"))
        }
        (_, Ok(by_whom), _) => {
            let (key, signer) = (shortened(&by_whom.trusted_key), shortened(&by_whom.signer));
            Finding::pending(format!("the attestation `{attestation}` of {name} is signed by `{key}` (`{signer}`): add one{by}"))
        }
    };
    finding.resting_on([nearest.attestation.as_str()])
}

fn standing(attested: &Attested, signers: &[Signer], maximum_age: Option<Span>, now: Timestamp) -> Standing {
    let Ok(by) = &attested.verified else { return Standing::NotVerified };
    let counts = |signer: &Signer| signer.fits(&by.trusted_key) || signer.fits(&by.signer);
    if !signers.is_empty() && !signers.iter().any(counts) {
        Standing::OtherSigner
    } else if maximum_age.is_some_and(|age| attested.time.plus(age) <= now) {
        Standing::TooOld
    } else {
        Standing::Counts
    }
}

fn texts(signers: &[Signer]) -> Vec<&str> {
    signers.iter().map(Signer::as_str).collect()
}
