//! Stages and promotions by the command line, against a service; and what is verified with none at hand.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod kept;
mod statements;
mod story;
mod verify;

use std::process::Stdio;

use integration_tests::{TOKEN, wait};
use story::{CONFLICT, FORBIDDEN, NOT_FOUND, Story, UNMET, WAITING, command, ends};

#[tokio::test(flavor = "multi_thread")]
async fn stages_are_declared_by_flags_and_by_a_file() {
    let story = Story::begin().await;
    let listed = "qa\trank 1\t-\tno gates\nproduction\trank 2\tafter qa\tgates before people";
    assert_eq!(story.root("stage list root/demo"), listed);
    let shown = story.root("stage show root/demo production");
    assert!(shown.contains("\"minimum_role\": \"maintainer\""), "{shown}");
    story.root(&format!("stage set root/demo again --file {}", story.write("again.json", &shown)));
    assert_eq!(story.root("stage show root/demo again"), shown, "what `show` prints, `set` takes");
    assert_eq!(story.root("stage set root/demo again --rank -3"), "again\trank -3\tafter qa\tgates before people");
    assert_eq!(story.root("stage set root/demo again --exclusive=false").lines().count(), 1);
    assert!(story.root("stage show root/demo again").contains("\"exclusive\": false"));

    for wrong in [r#"{"gates": [{"id": "a", "luck": {}}]}"#, r#"{"gates": [{"id": "a"}]}"#, r#"{"ranks": 1}"#, "{"] {
        story.run(1, &format!("stage set root/demo again --file {}", story.write("wrong.json", wrong)));
    }
    story.run(2, "stage set root/demo Again");
    story.run(NOT_FOUND, "stage show root/demo absent");
    story.alice(FORBIDDEN, "stage set root/demo other");
    story.root("stage delete root/demo again");
    story.run(CONFLICT, "stage delete root/demo qa");
    assert_eq!(story.root("stage list root/demo"), listed);
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_are_promoted_as_their_gates_allow() {
    let story = Story::begin().await;
    for tried in ["promote root/demo tool@1.0 --to production --dry-run", "promote root/demo tool@1.0 --to production"] {
        let told = story.run(UNMET, tried);
        assert!(told.starts_with("gate before     failed   ") && told.contains("\ngate people     waiting  "), "{told}");
    }
    assert_eq!(story.root("promotion list root/demo"), "", "nothing was recorded");
    assert!(story.root("promote root/demo tool@1.0 --to qa --dry-run").ends_with("it would be placed"));
    let placed = story.root("promote root/demo tool@1.0 --to qa --expect-current none --reason first");
    let fields: Vec<&str> = placed.split('\t').collect();
    assert_eq!((&fields[..5], fields[6]), (&["1", "placed", "qa", "tool@1.0", "root"][..], "first"), "{placed}");
    story.run(CONFLICT, "promote root/demo tool@2.0 --to qa --expect-current none");

    story.run(WAITING, "promote root/demo tool@1.0 --to production --dry-run");
    let asked = story.run(WAITING, "promote root/demo tool@1.0 --to production --wait 0");
    assert!(asked.contains("gate before     passed   ") && asked.contains("\ngate people     waiting  "), "{asked}");
    let id = asked.lines().last().unwrap().split('\t').next().unwrap();
    story.run(CONFLICT, "promote root/demo tool@1.0 --to production");
    assert!(story.root("promotion list root/demo --pending").starts_with(&format!("{id}\twaiting\tproduction\ttool@1.0\t")));
    story.run(FORBIDDEN, &format!("promotion approve root/demo {id}"));
    let approved = story.alice(0, &format!("promotion approve root/demo {id} --comment fine"));
    assert!(approved.starts_with(&format!("{id}\tplaced\t")) && approved.contains("\napproved by alice\t20"), "{approved}");
    assert!(approved.ends_with("\tfine"), "{approved}");

    story.place("2.0", "qa");
    assert_eq!(story.root("stage diff root/demo qa production"), "tool\tahead\t2.0\t1.0");
    story.root("stage hold root/demo production --reason audit");
    assert!(story.root("stage list root/demo").ends_with("\theld by root: audit"));
    story.run(UNMET, "promote root/demo tool@2.0 --to production");
    story.root("stage release root/demo production");

    let mut waiting = command(&story.service, TOKEN, "promote root/demo tool@2.0 --to production --wait 60");
    let waiting = waiting.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pending = async || Some(story.root("promotion list root/demo --pending --stage production")).filter(|listed| !listed.is_empty());
    let id = wait::until("a promotion that waits", pending).await.split('\t').next().unwrap().to_owned();
    story.alice(0, &format!("promotion approve root/demo {id}"));
    let told = ends(0, waiting.wait_with_output().unwrap());
    assert!(told.contains("gate people     passed   ") && told.contains(&format!("\n{id}\tplaced\t")), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_is_rejected_ended_reported_and_put_aside() {
    let story = Story::begin().await;
    story.place("1.0", "qa");
    let pending = || {
        let asked = story.run(WAITING, "promote root/demo tool@1.0 --to production");
        asked.lines().last().unwrap().split('\t').next().unwrap().to_owned()
    };
    let first = pending();
    let rejected = story.alice(0, &format!("promotion reject root/demo {first} --comment no"));
    assert!(rejected.starts_with(&format!("{first}\trejected\t")) && rejected.contains("\nrejected by alice\t"), "{rejected}");
    let second = pending();
    assert!(story.root(&format!("promotion cancel root/demo {second}")).starts_with(&format!("{second}\tcancelled\t")));
    story.run(CONFLICT, &format!("promotion cancel root/demo {first}"));
    story.run(1, &format!("promotion statement root/demo {second}"));
    let put_aside = "promote root/demo tool@1.0 --to production --waive people --because urgent";
    story.run(2, put_aside);
    assert!(story.root(&format!("{put_aside} --until 2099-01-01T00:00:00Z")).contains("\ngate people     waived   "));

    let scanned = story.write("scanned.json", r#"{"gates": [{"id": "scan", "status": {"check": "scanner"}}]}"#);
    story.root(&format!("stage set root/demo scanned --file {scanned}"));
    let asked = story.run(WAITING, "promote root/demo tool@1.0 --to scanned");
    let id = asked.lines().last().unwrap().split('\t').next().unwrap();
    story.run(NOT_FOUND, &format!("promotion report root/demo {id} other passed"));
    let reported = story.root(&format!("promotion report root/demo {id} scan passed --evidence https://host/scans/7"));
    assert!(reported.starts_with(&format!("{id}\tplaced\t")), "{reported}");
    assert!(story.root(&format!("promotion show root/demo {id}")).contains("\ngate scan       passed   "));
    assert_eq!(story.root("stage history root/demo production").lines().count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_goes_back_and_tells_what_stands_and_stood_there() {
    let story = Story::begin().await;
    story.run(1, "rollback root/demo production --reason broken");
    for (version, stage) in [("1.0", "qa"), ("1.0", "production"), ("2.0", "qa"), ("2.0", "production")] {
        story.place(version, stage);
    }
    let standing = |line: &str| {
        let told = story.root(line);
        let first = |line: &str| line.split('\t').take(3).collect::<Vec<_>>().join(" ");
        told.lines().map(first).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(standing("stage status root/demo"), "qa tool 2.0, production tool 2.0");
    assert_eq!(standing("stage status root/demo production --at 2099-01-01T00:00:00Z"), "production tool 2.0");
    assert_eq!(standing("stage status root/demo --sequence 0"), "qa -, production -");
    let undone = story.root("rollback root/demo production --reason broken");
    assert!(undone.contains("\tplaced\tproduction\ttool@1.0\troot\t") && undone.ends_with("\tbroken"), "{undone}");
    assert_eq!(standing("stage status root/demo"), "qa tool 2.0, production tool 1.0");
    assert!(story.root("stage history root/demo production").lines().nth(1).unwrap().contains("\trolled back\t"));

    assert_eq!(standing("where root/demo tool@1.0"), "production tool 1.0");
    assert_eq!(story.root("where root/demo tool@1.0 --past").lines().count(), 3);
    let tool = story.write("version/bin/tool", "1.0");
    for what in [tool.as_str(), &story.path("version")] {
        assert_eq!(standing(&format!("where root/demo {what}")), "production tool 1.0", "{what}");
    }
    let digest = consign_types::Digest::of(b"2.0");
    assert_eq!(standing(&format!("where root/demo sha256:{digest}")), "qa tool 2.0");
    story.run(1, "where root/demo nothing-of-that-name");
    story.run(NOT_FOUND, "where root/demo tool@9.9");
    story.root("rollback root/demo production --to 4 --reason repaired");
    assert_eq!(standing("stage status root/demo production"), "production tool 2.0");
}
