//! What `consign verify` says of statements, audits, checkpoints and files together.

use std::process::{Command, Stdio};

use consign_types::audit::Record;
use consign_types::{ContentDigest, Digest};
use integration_tests::rest::{Rest, file};
use integration_tests::{Builder, TOKEN};

use crate::kept::{Kept, applies};
use crate::story::{DAMAGED, Story, command, ends, text};

#[tokio::test(flavor = "multi_thread")]
async fn promotions_their_audit_and_files_are_verified_at_once() {
    let kept = Kept::begin().await;
    let Kept { story, statements, audit, checkpoint, .. } = &kept;
    let count = Kept::lines(audit).len();
    assert_eq!(Kept::lines(statements).len(), 7);
    story.write("sealed/a", "a");
    story.write("sealed/b", "b");
    story.write("version/bin/tool", "1.0");
    let (sealed, version) = (story.path("sealed"), story.path("version"));
    let holds = kept.verify(0, &[&sealed, checkpoint, audit, statements, &version]).holds;
    assert!(holds.contains(&format!("{statements}: line 2: signed: `projects/1/promotions/2` placed tool@1.0 on production\n")), "{holds}");
    assert!(holds.contains("\nprojects/1: 7 statements without a gap, from the first promotion on\n"), "{holds}");
    assert!(holds.contains(&format!("{checkpoint}: signed: the audit of projects/1 had {count} entries at 20")), "{holds}");
    assert!(holds.contains(&format!("\nprojects/1: entries 1 to {count} are as they were at 20")), "{holds}");
    assert!(holds.contains("\nprojects/1: the audit tells of 7 promotions by the same records as their statements\n"), "{holds}");
    let told = |directory: &str| holds.lines().find(|line| line.starts_with(&format!("{directory}: "))).unwrap().to_owned();
    let on = "sealed@1.0 on scanned by `projects/1/promotions/6`, sealed@1.0 on aged by `projects/1/promotions/7`";
    let publish = "sealed as `projects/1/packages/sealed/versions/1.0` by root on 20";
    assert!(told(&sealed).starts_with(&format!("{sealed}: {on}; {publish}")), "{holds}");
    assert!(told(&version).contains("; added in one go to `"), "{holds}");
    assert!(!holds.contains("not verified"), "{holds}");

    let content = ContentDigest::of([(&"bin/tool".parse().unwrap(), &Digest::of(b"2.0"), 3)]);
    let holds = kept.verify(0, &["--content", &format!("sha256:{content}"), statements, audit]).holds;
    let places =
        "tool@2.0 on qa by `projects/1/promotions/3`, tool@2.0 on production by `projects/1/promotions/4` until `projects/1/promotions/5`";
    assert!(holds.contains(&format!("\nsha256:{content}: {places}; added in one go to `")), "{holds}");
    assert!(holds.ends_with(", for which no checkpoint vouches"), "{holds}");
    kept.verify(DAMAGED, &["--content", &format!("sha256:{}", Digest::of(b"2.0")), statements]);
    kept.verify(2, &["--content", "2.0", statements]);
    // What comes through a pipe is read as it comes.
    let mut piped = Command::new(env!("CARGO_BIN_EXE_consign"));
    piped.args(["verify", "--key", &kept.keys, statements, "/dev/stdin"]).stdin(std::fs::File::open(audit).unwrap());
    assert_eq!(piped.output().unwrap().status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_given_is_not_claimed() {
    let kept = Kept::begin().await;
    let Kept { story, statements, audit, checkpoint, .. } = &kept;
    let (lines, entries) = (Kept::lines(statements), Kept::lines(audit));
    let open = |paths: &[&str]| {
        let holds = kept.verify(0, paths).holds;
        holds.lines().filter(|line| line.starts_with("not verified: ")).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(
        open(&[statements]),
        "not verified: projects/1: whether the audit tells of these promotions, and of later ones: no audit was given"
    );
    assert_eq!(open(&[audit]), "not verified: projects/1: what 7 promotions of its audit placed: no statement was given");
    assert!(kept.verify(0, &[audit]).holds.contains("without a checkpoint nobody vouches for them"));
    assert_eq!(open(&[checkpoint]), "not verified: projects/1: whether the audit fits its checkpoint: no audit was given");
    let some = kept.write("some", &lines[2..4]);
    let told = open(&[&some, audit, checkpoint]);
    assert_eq!(
        told.replace("not verified: projects/1: ", ""),
        "2 earlier promotions that the audit tells of: their statements were not given\n\
         3 later promotions that the audit tells of: their statements were not given"
    );

    // An audit in parts, which go together; and the last of them alone.
    let behind = Kept::position(&entries, 3);
    let (early, late) = (kept.write("early", &entries[..behind]), kept.write("late", &entries[behind..]));
    assert_eq!(open(&[&late, statements, checkpoint, &early]), "");
    let told = open(&[&late, statements, checkpoint]);
    assert_eq!(told.lines().count(), 2, "{told}");
    assert!(told.starts_with("not verified: projects/1/promotions/1: whether the audit tells of it: what was given of that begins later"));
    let twice = kept.verify(1, &[&early, audit, statements]).wrong;
    assert!(twice.contains(&format!("entries from 1 to {behind} are in another file too")), "{twice}");
    let rest = kept.write("rest", &entries[behind + 1..]);
    kept.is_broken(&rest, &early, &format!("projects/1: entry {}: an entry is missing, or one too many", behind + 1));

    // A checkpoint of before what was given says nothing of it; several each say what they say.
    let Kept { earlier, .. } = &kept;
    let told = open(&[&late, statements, earlier, checkpoint]);
    assert!(told.starts_with("not verified: projects/1: the checkpoint of 20"), "{told}");
    assert!(told.lines().next().unwrap().ends_with("Z: what was given of the audit begins later"), "{told}");
    assert_eq!(open(&[audit, statements, checkpoint, earlier]), "");

    // Without statements, a content is vouched for by a checkpoint alone.
    story.write("sealed/a", "a");
    story.write("sealed/b", "b");
    let sealed = story.path("sealed");
    let told = open(&[&sealed, audit, checkpoint]);
    assert!(told.contains(&format!("not verified: {sealed}: whether it was placed on a stage: no statement was given")), "{told}");
    assert!(kept.verify(DAMAGED, &[&sealed, audit]).wrong.contains(", for which no checkpoint vouches"));
    assert!(kept.verify(DAMAGED, &[&sealed, checkpoint]).wrong.contains("nothing that was given tells of its content"));
    assert!(open(&[&sealed, statements]).ends_with("which publish made it: no audit that holds was given"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_of_which_the_audit_keeps_a_digest_alone_is_left_open() {
    let story = Story::begin().await;
    let rest = Rest::to(story.service.http());
    let names: Vec<String> = (0..16).map(|number| format!("{number}{}", "x".repeat(200))).collect();
    for name in &names {
        assert_eq!(rest.put(&file(name, &"1".repeat(200), "f"), "x").await.status, 201);
    }
    let items: Vec<String> = names.iter().map(|name| format!("{name}@{}", "1".repeat(200))).collect();
    story.place("1.0", "qa");
    story.root(&format!("promote root/demo {} --to qa", items.join(" ")));
    let audit = story.root("audit export --project root/demo");
    let entries: Vec<Record> = audit.lines().map(|line| line.parse().unwrap()).collect();
    let withheld: Vec<&Record> = entries.iter().filter(|record| record.entry.detail.starts_with("{\"detail_sha256\":")).collect();
    assert_eq!(withheld.len(), 1, "{audit}");
    let keys = story.write("keys", &story.root("audit keys --project root/demo"));
    let statements = story.write("statements", &story.root("promotion export root/demo"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_consign"));
    command.args(["verify", "--key", &keys, &statements, &story.write("audit", &audit)]).env_clear();
    let holds = ends(0, command.output().unwrap());
    assert!(holds.contains("projects/1: the audit tells of 1 promotion by the same record as its statement\n"), "{holds}");
    let number = withheld[0].entry.number;
    let open = format!("projects/1/promotions/2: its record: entry {number} of the audit keeps its detail by its digest alone");
    assert!(holds.ends_with(&format!("\nnot verified: {open}")), "{holds}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_hold_is_named() {
    let kept = Kept::begin().await;
    let Kept { story, statements, audit, checkpoint, .. } = &kept;
    let (lines, entries) = (Kept::lines(statements), Kept::lines(audit));
    let count = entries.len();
    let swapped = [&entries[..2], &[entries[3].clone(), entries[2].clone()], &entries[4..]].concat();
    let whole = entries.join("\n");
    for (broken, expected) in [
        (vec![whole.replacen("\"actor\":\"root\"", "\"actor\":\"toor\"", 1)], "entry 1: the entry is another one than it was".to_owned()),
        (
            vec![whole.replacen("{\"chain\":\"projects/1\"", "{\"chain\":\"projects/01\"", 1)],
            "the first line: it is not an entry".to_owned(),
        ),
        ([&entries[..2], &entries[3..]].concat(), "entry 3: an entry is missing, or one too many".to_owned()),
        (swapped, "entry 3: an entry is missing, or one too many".to_owned()),
        (entries[..count - 1].to_vec(), format!("entry {count}: the checkpoint says that there were {count} entries")),
    ] {
        kept.is_broken(statements, &kept.write("broken", &broken), &expected);
    }
    let said = kept.verify(DAMAGED, &[statements, &kept.write("broken", &entries[..count - 1]), checkpoint]);
    assert!(said.holds.ends_with("not verified: projects/1: whether the audit tells of these promotions: it is not as it was"));

    let without = [&lines[..1], &lines[2..]].concat();
    let without = kept.write("without", &without);
    kept.is_broken(&without, audit, "projects/1: between `projects/1/promotions/1` and `projects/1/promotions/3` a statement is missing");
    kept.is_broken(&without, audit, "whose statements are missing between those given: `projects/1/promotions/2`");
    let tail = kept.write("tail", &[lines.clone(), vec!["x".repeat(3 << 20)]].concat());
    kept.is_broken(&tail, audit, &format!("{tail}: line 8: it is not in the form of a signed note or envelope"));

    story.write("version/bin/tool", "1.0 but changed");
    let said = kept.verify(DAMAGED, &[&story.path("version"), statements, audit, checkpoint]);
    assert!(said.wrong.starts_with(&format!("{}: no statement places its content, sha256:", story.path("version"))), "{}", said.wrong);
    let strange = Builder::by_default().demo().await.0;
    let strange = text(command(&strange, TOKEN, "audit checkpoint --project root/demo").output().unwrap().stdout);
    let strange = story.write("strange", &format!("{strange}\n"));
    let said = kept.verify(DAMAGED, &[statements, audit, &strange]);
    assert!(said.wrong.starts_with(&format!("{strange}: it is signed by none of the keys\n")), "{}", said.wrong);
    let forged = std::fs::read_to_string(checkpoint).unwrap().replacen(&format!("\n{count}\n"), "\n1\n", 1);
    let forged = story.write("forged", &forged);
    assert!(kept.verify(DAMAGED, &[audit, &forged]).wrong.starts_with(&format!("{forged}: its signature is not valid\n")));
}

/// By who can write to the database: the hashes fit each other.
#[tokio::test(flavor = "multi_thread")]
async fn an_audit_that_was_computed_anew_is_told_by_statements_and_checkpoints() {
    let kept = Kept::begin().await;
    let Kept { statements, audit, .. } = &kept;
    let entries = Kept::lines(audit);
    let count = entries.len();
    let unknown = kept.rewritten(|records| records.retain(|record| !applies(record, 2)));
    let said = kept.verify(DAMAGED, &[statements, &unknown]);
    assert!(
        said.wrong.starts_with("projects/1/promotions/2: the audit does not tell of it, though its statement is signed\n"),
        "{}",
        said.wrong
    );
    kept.is_broken(statements, &unknown, &format!("entry {count}: the checkpoint says that there were {count} entries"));
    let changes: [fn(&str) -> String; 2] = [
        |detail| detail.replace("record_hash", "x").replace("policy_digest", "record_hash").replace("\"x\"", "\"policy_digest\""),
        |detail| detail.replacen("\"stage\":\"qa\"", "\"stage\":\"production\"", 1),
    ];
    for change in changes {
        let otherwise = kept.rewritten(|records| {
            let record = records.iter_mut().find(|record| applies(record, 3)).unwrap();
            record.entry.detail = change(&record.entry.detail);
        });
        let (said, number) = (kept.verify(DAMAGED, &[statements, &otherwise]), 1 + Kept::position(&entries, 3));
        let expected = format!("projects/1: the audit tells otherwise than the statements: entry {number} of `projects/1/promotions/3`\n");
        assert!(said.wrong.starts_with(&expected), "{}", said.wrong);
        assert!(said.holds.contains("the audit tells of 6 promotions by the same records"), "{}", said.holds);
    }

    let said = kept.verify(DAMAGED, &[statements, &kept.rewritten(|records| records[0].entry.token += 1), &kept.earlier]);
    assert!(said.wrong.contains(": the checkpoint has another hash\n"), "{}", said.wrong);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_none_of_these_or_never_ends_is_refused() {
    let story = Story::begin().await;
    story.place("1.0", "qa");
    let keys = story.write("keys", &story.root("audit keys --project root/demo"));
    let statements = story.write("statements", &story.root("promotion export root/demo"));
    let audit = story.write("audit", &format!("{}\n", story.root("audit export --project root/demo")));
    let refused = |path: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_consign"));
        let output = command.args(["verify", "--key", &keys, &statements, path]).env_clear().output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        text(output.stderr)
    };
    let none = "is none of what is verified: signed statements, an exported audit, a checkpoint of one, a directory";
    for other in ["{}", "hello", "\n", "\u{0}"] {
        let path = story.write("other", other);
        assert_eq!(refused(&path), format!("consign: `{path}` {none}"));
    }
    assert_eq!(refused(&keys), format!("consign: `{keys}` {none}"));
    assert_eq!(refused("/dev/zero"), format!("consign: `/dev/zero` {none}"));
    assert_eq!(refused("/dev/null"), "consign: `/dev/null` is empty");

    for (begin, expected) in [(&audit, "it is not an entry of an exported audit"), (&statements, "it is not in the form of a signed note")]
    {
        let mut endless = Command::new("cat");
        let mut endless = endless.args([begin, "/dev/zero"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_consign"));
        command.args(["verify", "--key", &keys, "/dev/stdin"]).env_clear().stdin(endless.stdout.take().unwrap());
        let output = command.output().unwrap();
        drop(command);
        endless.wait().unwrap();
        assert_eq!(output.status.code(), Some(DAMAGED), "{output:?}");
        assert!(text(output.stderr).contains(expected), "{begin}");
    }
}
