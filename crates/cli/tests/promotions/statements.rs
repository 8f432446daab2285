//! What `consign verify` says of statements and files alone.

use std::path::Path;
use std::process::Command;

use integration_tests::{Builder, TOKEN};

use crate::story::{DAMAGED, Story, command, ends, text};

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
    assert!(holds.contains(&format!("\n{directory}: {places}\n")), "{holds}");
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
