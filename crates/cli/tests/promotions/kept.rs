//! What somebody has who verifies with no service at hand.

use std::process::Command;

use consign_types::audit::{Record, START};
use integration_tests::grpc::Grpc;
use integration_tests::publishing::{brought, publish};
use integration_tests::wait;

use crate::story::{DAMAGED, Story, WAITING, text};

/// What is kept elsewhere, to verify by it.
pub(crate) struct Kept {
    pub(crate) story: Story,
    pub(crate) keys: String,
    pub(crate) statements: String,
    pub(crate) audit: String,
    pub(crate) checkpoint: String,
    /// One of before the promotions.
    pub(crate) earlier: String,
}

/// What a command prints, and what it tells people.
pub(crate) struct Said {
    pub(crate) holds: String,
    pub(crate) wrong: String,
}

impl Kept {
    /// After versions were placed in each of the ways in which they can be: at once, by a person, by a checker, by the clock, by going back.
    pub(crate) async fn begin() -> Self {
        let story = Story::begin().await;
        let sealed = brought(&Grpc::to(story.service.grpc()), "projects/1/packages/sealed", "1.0", &[("a", b"a"), ("b", b"b")]).await;
        publish(&Grpc::to(story.service.grpc()), sealed).await.unwrap();
        let noted = |name: &str| story.write(name, &format!("{}\n", story.root("audit checkpoint --project root/demo")));
        let earlier = noted("earlier");
        for (version, stage) in [("1.0", "qa"), ("1.0", "production"), ("2.0", "qa"), ("2.0", "production")] {
            story.place(version, stage);
        }
        story.root("rollback root/demo production --reason broken");
        let gates = r#"{"gates": [{"id": "scan", "status": {"check": "scanner"}}]}"#;
        story.root(&format!("stage set root/demo scanned --file {}", story.write("scanned.json", gates)));
        story.run(WAITING, "promote root/demo tool@1.0 sealed@1.0 --to scanned");
        story.root("promotion report root/demo 6 scan passed");
        let gates = r#"{"gates": [{"id": "old", "age": {"minimum_age": "7d"}}]}"#;
        story.root(&format!("stage set root/demo aged --file {}", story.write("aged.json", gates)));
        story.run(WAITING, "promote root/demo sealed@1.0 --to aged");
        story.root(&format!("stage set root/demo aged --file {}", story.write("aged.json", r#"{"gates": []}"#)));
        wait::until("a promotion that nobody calls for", async || {
            story.root("promotion list root/demo --pending").is_empty().then_some(())
        })
        .await;

        let keys = story.write("keys", &story.root("audit keys --project root/demo"));
        let statements = story.write("statements", &story.root("promotion export root/demo"));
        let audit = story.write("audit", &story.root("audit export --project root/demo"));
        let checkpoint = noted("checkpoint");
        let entries: Vec<Record> = Self::lines(&audit).iter().map(|line| line.parse().unwrap()).collect();
        for method in ["CreatePromotion", "ReviewPromotion", "RollbackStage", "ReportGate", "ApplyPromotion"] {
            assert!(entries.iter().any(|record| record.entry.method == method), "{method}");
        }
        Self { story, keys, statements, audit, checkpoint, earlier }
    }

    pub(crate) fn verify(&self, number: i32, paths: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_consign"));
        let output = command.args(["verify", "--key", &self.keys]).args(paths).env_clear().output().unwrap();
        assert_eq!(output.status.code(), Some(number), "{paths:?}: {output:?}");
        Said { holds: text(output.stdout), wrong: text(output.stderr) }
    }

    /// That what was kept does not hold with something else in place of the statements or the audit, as these words say.
    pub(crate) fn is_broken(&self, statements: &str, audit: &str, expected: &str) {
        let said = self.verify(DAMAGED, &[statements, audit, &self.checkpoint]);
        assert!(said.wrong.contains(expected), "{expected}:\n{}", said.wrong);
    }

    pub(crate) fn lines(path: &str) -> Vec<String> {
        std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
    }

    /// How many entries are before the one by which a promotion was applied.
    pub(crate) fn position(entries: &[String], promotion: i64) -> usize {
        entries.iter().position(|line| applies(&line.parse().unwrap(), promotion)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, lines: &[String]) -> String {
        self.story.write(name, &format!("{}\n", lines.join("\n")))
    }

    /// The audit, changed by somebody who computes all hashes anew.
    pub(crate) fn rewritten(&self, change: impl FnOnce(&mut Vec<Record>)) -> String {
        let mut records: Vec<Record> = Self::lines(&self.audit).iter().map(|line| line.parse().unwrap()).collect();
        change(&mut records);
        let mut previous = START;
        for (number, record) in (1..).zip(&mut records) {
            record.entry.number = number;
            record.previous = previous;
            record.hash = record.entry.hash(previous);
            previous = record.hash;
        }
        self.write("rewritten", &records.iter().map(ToString::to_string).collect::<Vec<_>>())
    }
}

/// Whether an entry is the one by which a promotion was applied.
pub(crate) fn applies(record: &Record, promotion: i64) -> bool {
    record.entry.detail.contains(&format!("{{\"promotion\":{promotion},")) && !record.entry.detail.contains("\"record_hash\":null")
}
