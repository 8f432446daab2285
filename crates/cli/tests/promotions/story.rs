//! A service with versions and stages, and the command line before it.

use std::process::{Command, Output};

use integration_tests::rest::file;
use integration_tests::{Builder, TOKEN, TestService};

/// By which numbers commands end.
pub(crate) const NOT_FOUND: i32 = 3;
pub(crate) const FORBIDDEN: i32 = 4;
pub(crate) const CONFLICT: i32 = 5;
pub(crate) const UNMET: i32 = 6;
pub(crate) const DAMAGED: i32 = 7;
pub(crate) const WAITING: i32 = 10;

pub(crate) fn command(service: &TestService, bearer: &str, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_consign"));
    command.args(line.split(' ')).env_clear();
    command.env("CONSIGN_SERVER", format!("http://{}", service.grpc())).env("CONSIGN_TOKEN", bearer);
    command
}

pub(crate) fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap().trim_end().to_owned()
}

/// What a command prints, which ends by this number.
pub(crate) fn ends(number: i32, output: Output) -> String {
    assert_eq!(output.status.code(), Some(number), "{output:?}");
    text(output.stdout)
}

/// A service with two versions and two stages: production comes after qa, and takes somebody's word.
pub(crate) struct Story {
    pub(crate) service: TestService,
    alice: String,
    directory: tempfile::TempDir,
}

impl Story {
    pub(crate) async fn begin() -> Self {
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

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    pub(crate) fn run(&self, number: i32, line: &str) -> String {
        ends(number, command(&self.service, TOKEN, line).output().unwrap())
    }

    pub(crate) fn root(&self, line: &str) -> String {
        self.run(0, line)
    }

    pub(crate) fn alice(&self, number: i32, line: &str) -> String {
        ends(number, command(&self.service, &self.alice, line).output().unwrap())
    }

    /// Places a version on a stage, and returns the promotion's number. Where it takes a word, Alice gives it.
    pub(crate) fn place(&self, version: &str, stage: &str) -> String {
        let number = if stage == "qa" { 0 } else { WAITING };
        let asked = self.run(number, &format!("promote root/demo tool@{version} --to {stage}"));
        let id = asked.lines().last().unwrap().split('\t').next().unwrap().to_owned();
        if stage != "qa" {
            self.alice(0, &format!("promotion approve root/demo {id}"));
        }
        id
    }
}
