//! Signed notes and secrets that are not quite those that were given out: none is believed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use consign_metadata::{Config, CreateToken, Error, Metadata, Principal, Rules};
use consign_types::access::{Scope, ScopeNames};
use consign_types::audit::{Checkpoint, Head};
use consign_types::note::{Keyring, Note};
use consign_types::receipt::Receipt;
use consign_types::settings::{DedupScope, DuplicateSetting, InForce, VersionMode};
use consign_types::signature::{self, SigningKeys};
use consign_types::ticket::{AdminTicket, DownloadTicket, UploadTicket};
use consign_types::token::TokenKind;
use consign_types::version::Visibility;
use consign_types::{Digest, Timestamp};
use integration_tests::{Database, Engine, load};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

const NOW: Timestamp = Timestamp::from_micros(1_760_000_000_000_000);

/// Bytes that differ from `given` in one or a few places: changed, left out, added, moved, or taken from `other`.
fn mutated(given: &[u8], other: &[u8], random: &mut StdRng) -> Vec<u8> {
    let mut bytes = given.to_vec();
    while bytes == given {
        let at = random.random_range(0..bytes.len());
        match random.random_range(0..7) {
            0 => bytes[at] ^= 1 << random.random_range(0..8),
            1 => bytes[at] = random.random(),
            2 => bytes.truncate(at),
            3 => drop(bytes.remove(at)),
            4 => bytes.insert(at, random.random()),
            5 => bytes.extend((0..random.random_range(1..9)).map(|_| random.random::<u8>())),
            _ => {
                let end = other.len().min(bytes.len());
                let from = at.min(end);
                bytes[from..end].copy_from_slice(&other[from..end]);
            }
        }
        if bytes.is_empty() {
            bytes.push(0);
        }
    }
    bytes
}

/// Tries so many mutations of two notes of a kind; none is read, whatever it says.
fn attack<N: Note>(ring: &Keyring, notes: [N; 2], count: u64, random: &mut StdRng) {
    attack_signed(notes.map(|note| ring.sign(&note)), |bytes| ring.open::<N>(bytes).is_ok(), count, random);
}

fn attack_signed([one, other]: [Vec<u8>; 2], is_believed: impl Fn(&[u8]) -> bool, count: u64, random: &mut StdRng) {
    assert!(is_believed(&one) && is_believed(&other));
    for _ in 0..count {
        let bytes = mutated(&one, &other, random);
        assert!(bytes == other || !is_believed(&bytes), "{one:02x?} was believed as {bytes:02x?}");
    }
}

#[test]
fn no_mutation_of_a_note_is_believed() {
    let (seed, count) = (load::seed(), load::mutations() / 5);
    load::report(&format!("{count} mutations of each kind of note, seed {seed}"));
    let (ring, random) = (Keyring::generate(), &mut StdRng::seed_from_u64(seed));
    let (expires, digest) = (NOW, Digest::of(b"x"));
    let upload =
        |upload| UploadTicket { upload, project: 3, max_bytes: 10, digest: Some(digest), size: Some(1), min_generation: 2, expires };
    attack(&ring, [upload(7), upload(8)], count, random);
    let download = |generation| DownloadTicket { project: 3, digest, generation, size: 1, expires };
    attack(&ring, [download(2), download(3)], count, random);
    let receipt = |upload| Receipt { upload, project: 3, digest, size: 1, generation: 7, expires };
    attack(&ring, [receipt(7), receipt(8)], count, random);
    attack(&ring, [AdminTicket { expires }, AdminTicket { expires: expires.plus_seconds(1) }], count, random);
    let keys = SigningKeys::generate();
    let checkpoint =
        |number| keys.sign(&Checkpoint { project: 3, head: Head { number, hash: digest }, time: NOW }.to_string()).into_bytes();
    let is_believed = |bytes: &[u8]| str::from_utf8(bytes).is_ok_and(|note| signature::open(note, &keys.public_keys()).is_ok());
    attack_signed([checkpoint(7), checkpoint(8)], is_believed, count, random);
}

#[tokio::test]
async fn no_mutation_of_a_secret_is_believed() {
    let (seed, count) = (load::seed(), load::mutations());
    load::report(&format!("{count} mutations of a secret, seed {seed}"));
    let random = &mut StdRng::seed_from_u64(seed);
    let database = Database::create(Engine::Sqlite);
    let defaults = InForce {
        duplicate_policy: DuplicateSetting { allowed: true, exception: String::new(), reject_identical: false },
        max_file_bytes: 1 << 40,
        quota_bytes: None,
        default_version_mode: VersionMode::Open,
        visibility: Visibility::Private,
        dedup_scope: DedupScope::Readable,
        keep_revisions: None,
    };
    let config = Config { database_url: database.url().to_owned(), allow_plaintext: true, connections: 2 };
    let metadata = Metadata::open(&config, Rules::new(defaults, 0), || NOW).await.unwrap();
    metadata.ensure_admin_token(None, "an administrator's own").await.unwrap();
    let principal = Principal::operator("root".parse().unwrap());
    let wanted = CreateToken {
        principal,
        parent: "users/root".parse().unwrap(),
        kind: TokenKind::Personal,
        display_name: "test".parse().unwrap(),
        description: "".parse().unwrap(),
        username: None,
        role: None,
        scopes: Scope::ALL.into(),
        scope_names: ScopeNames::default(),
        packages: Vec::new(),
        stages: Vec::new(),
        expires_at: None,
        request_id: None,
    };
    let (_, one) = metadata.create_token(wanted.clone()).await.unwrap();
    let (_, other) = metadata.create_token(wanted).await.unwrap();
    assert!(metadata.authenticate(one.expose()).await.is_ok());

    for _ in 0..count {
        let bytes = mutated(one.expose().as_bytes(), other.expose().as_bytes(), random);
        let text = String::from_utf8_lossy(&bytes);
        if text != other.expose() {
            let answer = metadata.authenticate(&text).await;
            assert!(matches!(answer, Err(Error::TokenInvalid)), "{text}: {answer:?}");
        }
    }
}
