//! Stages and promotions by the command line, against a service; and what is verified with none at hand.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use integration_tests::rest::file;
use integration_tests::{Builder, TOKEN, TestService, wait};

/// By which numbers commands end.
const NOT_FOUND: i32 = 3;
const FORBIDDEN: i32 = 4;
const CONFLICT: i32 = 5;
const UNMET: i32 = 6;
const DAMAGED: i32 = 7;
const WAITING: i32 = 10;

fn command(service: &TestService, bearer: &str, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_consign"));
    command.args(line.split(' ')).env_clear();
    command.env("CONSIGN_SERVER", format!("http://{}", service.grpc())).env("CONSIGN_TOKEN", bearer);
    command
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap().trim_end().to_owned()
}

/// What a command prints, which ends by this number.
fn ends(number: i32, output: Output) -> String {
    assert_eq!(output.status.code(), Some(number), "{output:?}");
    text(output.stdout)
}

/// A service with two versions and two stages: production comes after qa, and takes somebody's word.
struct Story {
    service: TestService,
    alice: String,
    directory: tempfile::TempDir,
}

impl Story {
    async fn begin() -> Self {
        let (service, rest) = Builder::by_default().demo().await;
        for version in ["1.0", "2.0"] {
            assert_eq!(rest.put(&file("tool", version, "bin/tool"), version).await.status, 201);
        }
        let story = Self { service, alice: String::new(), directory: tempfile::tempdir().unwrap() };
        story.root("user create alice");
        story.root("member add --project root/demo alice --role maintainer");
        let alice = story.root("token create --user alice --name laptop --scope read --scope approve");
        assert_eq!(story.root("stage set root/demo qa --rank 1"), "qa\trank 1\t-\tno gates");
        let declared = story.write(
            "stage.json",
            r#"{"rank": 2, "gates": [{"id": "before", "predecessor": {}}, {"id": "people", "approval": {"count": 1}}]}"#,
        );
        let made = story.root(&format!("stage set root/demo production --after qa --exclusive --file {declared}"));
        assert_eq!(made, "production\trank 2\tafter qa\tgates before people");
        Self { alice, ..story }
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    fn run(&self, number: i32, line: &str) -> String {
        ends(number, command(&self.service, TOKEN, line).output().unwrap())
    }

    fn root(&self, line: &str) -> String {
        self.run(0, line)
    }

    fn alice(&self, number: i32, line: &str) -> String {
        ends(number, command(&self.service, &self.alice, line).output().unwrap())
    }

    /// Places a version on a stage, and returns the promotion's number. Where it takes a word, Alice gives it.
    fn place(&self, version: &str, stage: &str) -> String {
        let number = if stage == "qa" { 0 } else { WAITING };
        let asked = self.run(number, &format!("promote root/demo tool@{version} --to {stage}"));
        let id = asked.lines().last().unwrap().split('\t').next().unwrap().to_owned();
        if stage != "qa" {
            self.alice(0, &format!("promotion approve root/demo {id}"));
        }
        id
    }
}

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

#[tokio::test(flavor = "multi_thread")]
async fn statements_and_files_are_verified_without_the_service() {
    let story = Story::begin().await;
    let mut statements = Vec::new();
    for (version, stage) in [("1.0", "qa"), ("1.0", "production"), ("2.0", "qa")] {
        let (id, path) = (story.place(version, stage), story.path(&format!("statement-{}", statements.len())));
        story.root(&format!("promotion statement root/demo {id} -o {path}"));
        statements.push(path);
    }
    let keys = story.write("keys", &story.root("audit keys --project root/demo"));
    let verify = |number: i32, paths: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_consign"));
        command.args(["verify", "--key", &keys]).args(paths).env_clear();
        let output = command.output().unwrap();
        let told = text(output.stderr.clone());
        (ends(number, output), told)
    };
    let [first, second, third] = [&statements[0], &statements[1], &statements[2]].map(String::as_str);
    story.write("version/bin/tool", "1.0");
    let directory = story.path("version");
    // In any order, and one of them twice.
    let (holds, _) = verify(0, &[third, first, second, first, &directory]);
    assert!(holds.contains(&format!("{second}: signed: `projects/1/promotions/2` placed tool@1.0 on production\n")), "{holds}");
    assert!(holds.contains("projects/1: 3 statements without a gap, from the first promotion on\n"), "{holds}");
    let places =
        "tool@1.0 on qa by `projects/1/promotions/1` until `projects/1/promotions/3`, tool@1.0 on production by `projects/1/promotions/2`";
    assert_eq!(holds.lines().last().unwrap(), format!("{directory}: {places}"));
    assert!(verify(0, &[second]).0.contains("projects/1: 1 statement, behind the record sha256:"));

    let (_, told) = verify(DAMAGED, &[first, third]);
    assert!(
        told.starts_with("projects/1: between `projects/1/promotions/1` and `projects/1/promotions/3` a statement is missing"),
        "{told}"
    );
    assert!(told.ends_with("consign: 1 of 3 do not hold"), "{told}");
    let changed = changed(&std::fs::read_to_string(second).unwrap());
    let changed = story.write("changed", &changed);
    let (_, told) = verify(DAMAGED, &[first, &changed]);
    assert!(told.starts_with(&format!("{changed}: its signature is not valid")), "{told}");
    for other in ["", "{}", "hello"] {
        verify(DAMAGED, &[&story.write("other", other)]);
    }
    story.write("version/bin/more", "");
    let (_, told) = verify(DAMAGED, &[first, &directory]);
    assert!(told.starts_with(&format!("{directory}: no statement places its content, sha256:")), "{told}");

    let strange = Builder::by_default().demo().await.0;
    let strange = text(command(&strange, TOKEN, "audit keys --project root/demo").output().unwrap().stdout);
    std::fs::write(Path::new(&keys), strange).unwrap();
    assert!(verify(DAMAGED, &[first]).1.starts_with(&format!("{first}: it is signed by none of the keys")));
    verify(1, &[&directory]);
    verify(1, &[&story.path("absent")]);
}

/// The same envelope with another payload under the old signature.
fn changed(envelope: &str) -> String {
    let start = envelope.find("\"payload\":\"").unwrap() + "\"payload\":\"".len();
    let middle = start + 40;
    let other = if envelope[middle..].starts_with('A') { "B" } else { "A" };
    format!("{}{other}{}", &envelope[..middle], &envelope[middle + 1..])
}
