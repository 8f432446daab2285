//! What entries of the audit tell of promotions and publishes.

use consign_types::audit::Record;
use consign_types::promotion::StageName;
use consign_types::{ContentDigest, Digest, FilePath};
use serde::Deserialize;
use serde_json::Value;

/// The methods that apply promotions: at once, by the last word of a person or a checker, by time, or to go back.
const APPLYING: [&str; 5] = ["CreatePromotion", "ReviewPromotion", "ReportGate", "ApplyPromotion", "RollbackStage"];

/// The method that publishes.
const PUBLISHING: &str = "PublishVersion";

/// What an entry tells of a promotion.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// It was applied.
    Applied(Applied),
    /// Too little: details beyond a length are kept by their digest alone.
    Withheld,
    /// Nothing: it is about something else, or the promotion went on waiting or ended.
    Nothing,
}

/// A promotion that was applied.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Applied {
    pub(super) promotion: i64,
    pub(super) stage: StageName,
    pub(super) policy: Digest,
    pub(super) hash: Digest,
}

#[derive(Deserialize)]
struct Detail {
    promotion: i64,
    stage: StageName,
    policy_digest: Digest,
    record_hash: Option<Digest>,
}

/// What an entry tells of a promotion that was applied. It may tell besides what somebody said, and is a list then.
pub(super) fn applied(record: &Record) -> Told {
    if !APPLYING.contains(&record.entry.method.as_str()) {
        return Told::Nothing;
    }
    let detail = match serde_json::from_str(&record.entry.detail) {
        Ok(Value::Array(list)) => list.into_iter().next(),
        detail => detail.ok(),
    };
    match detail.map(serde_json::from_value::<Detail>) {
        Some(Ok(Detail { promotion, stage, policy_digest, record_hash: Some(hash) })) => {
            Told::Applied(Applied { promotion, stage, policy: policy_digest, hash })
        }
        Some(Ok(_)) => Told::Nothing,
        _ => Told::Withheld,
    }
}

#[derive(Deserialize)]
struct Publish {
    content_digest: Option<ContentDigest>,
    added: usize,
    added_digest: Option<ContentDigest>,
    files: Vec<Added>,
}

#[derive(Deserialize)]
struct Added {
    path: FilePath,
    sha256: Digest,
    size_bytes: i64,
}

/// The contents that an entry tells of: that of a version which it sealed, and that of all files which it added.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Published {
    pub(super) sealed: Option<ContentDigest>,
    pub(super) added: Option<ContentDigest>,
}

/// What an entry tells of the content of what was published.
pub(super) fn published(record: &Record) -> Published {
    if record.entry.method != PUBLISHING {
        return Published::default();
    }
    let Ok(Publish { content_digest, added, added_digest, files }) = serde_json::from_str(&record.entry.detail) else {
        return Published::default();
    };
    let is_told = added > 0 && files.len() == added;
    let of = || ContentDigest::of(files.iter().map(|file| (&file.path, &file.sha256, file.size_bytes)));
    Published { sealed: content_digest, added: added_digest.or_else(|| is_told.then(of)) }
}

#[cfg(test)]
mod tests {
    use consign_types::Timestamp;
    use consign_types::audit::{Entry, START};

    use super::*;

    fn record(method: &str, detail: &str) -> Record {
        let entry = Entry {
            project: 7,
            number: 1,
            time: Timestamp::from_micros(1),
            actor: "root".parse().unwrap(),
            token: 1,
            method: method.to_owned(),
            resource: String::new(),
            detail: detail.to_owned(),
            request_id: String::new(),
        };
        Record { hash: entry.hash(START), entry, previous: START }
    }

    #[test]
    fn an_entry_tells_of_a_promotion_that_was_applied() {
        let (policy, hash) = (Digest::of(b"policy"), Digest::of(b"record"));
        let detail = |hash: &str| format!(r#"{{"promotion":3,"stage":"qa","state":"x","policy_digest":"{policy}","record_hash":{hash}}}"#);
        let (whole, waiting) = (detail(&format!("\"{hash}\"")), detail("null"));
        let applied = || Told::Applied(Applied { promotion: 3, stage: "qa".parse().unwrap(), policy, hash });
        for (method, detail, expected) in [
            ("CreatePromotion", whole.as_str(), applied()),
            ("RollbackStage", &format!("[{whole},\"broken\"]"), applied()),
            ("ApplyPromotion", &format!("[{whole},null]"), applied()),
            ("ReviewPromotion", &format!("[{waiting},{{}}]"), Told::Nothing),
            ("CancelPromotion", &whole, Told::Nothing),
            ("PublishVersion", &whole, Told::Nothing),
            ("CreatePromotion", &format!(r#"{{"detail_sha256":"{hash}","detail_bytes":5000}}"#), Told::Withheld),
            ("CreatePromotion", &whole.replace("promotion", "other"), Told::Withheld),
            ("ReportGate", "[]", Told::Withheld),
            ("ReportGate", "", Told::Withheld),
        ] {
            assert_eq!(super::applied(&record(method, detail)), expected, "{method} {detail}");
        }
    }

    #[test]
    fn an_entry_tells_which_content_was_published() {
        let (path, file): (FilePath, Digest) = ("bin/tool".parse().unwrap(), Digest::of(b"x"));
        let content = ContentDigest::of([(&path, &file, 1)]);
        let files = format!(r#"[{{"id":1,"path":"bin/tool","sha256":"{file}","size_bytes":1}}]"#);
        let detail = |content: &str, count: usize, digest: &str, files: &str| {
            format!(r#"{{"version_id":1,"content_digest":{content},"added":{count},"added_digest":{digest},"files":{files}}}"#)
        };
        let quoted = format!("\"{content}\"");
        for (detail, sealed, added) in [
            (detail(&quoted, 1, "null", &files), Some(content), Some(content)),
            (detail("null", 1, "null", &files), None, Some(content)),
            (detail("null", 20, &quoted, "[]"), None, Some(content)),
            (detail("null", 2, "null", &files), None, None),
            (detail(&quoted, 0, "null", "[]"), Some(content), None),
            (String::new(), None, None),
        ] {
            assert_eq!(published(&record("PublishVersion", &detail)), Published { sealed, added }, "{detail}");
        }
        assert_eq!(published(&record("UpdateVersion", &detail(&quoted, 1, "null", &files))), Published::default());
    }
}
