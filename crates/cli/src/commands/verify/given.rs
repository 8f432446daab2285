//! What a file is that is given to be verified. Its name says nothing: what is in it does.

use std::path::Path;

use anyhow::{Result, bail};

use super::lines::Lines;

/// How the first line of an exported audit begins.
const AUDIT: &[u8] = b"{\"chain\":";

/// How a checkpoint begins.
const CHECKPOINT: &[u8] = b"consign/";

/// What every envelope has.
const ENVELOPE: &[u8] = b"\"payloadType\"";

/// A file by what it is, before any of it is believed.
pub(super) enum Given {
    /// Envelopes, one a line.
    Statements(Lines),
    /// Entries, one a line.
    Audit(Lines),
    /// A signed note, in one piece.
    Checkpoint(Vec<u8>),
}

/// Opens a file that is one of these.
pub(super) fn open(path: &Path) -> Result<Given> {
    let mut lines = Lines::open(path)?;
    let first = lines.ahead().unwrap_or_default();
    if first.starts_with(AUDIT) {
        return Ok(Given::Audit(lines));
    }
    if first.starts_with(CHECKPOINT) {
        return Ok(Given::Checkpoint(note(lines)?));
    }
    // Another program may have spread an envelope over lines.
    if first.starts_with(b"{") && !first.trim_ascii_end().ends_with(b"}") {
        lines.join()?;
    }
    let first = lines.ahead().unwrap_or_default();
    if first.starts_with(b"{") && first.windows(ENVELOPE.len()).any(|part| part == ENVELOPE) {
        return Ok(Given::Statements(lines));
    }
    let shown = path.display();
    if first.is_empty() && lines.ahead().is_none() {
        bail!("`{shown}` is empty");
    }
    bail!("`{shown}` is none of what is verified: signed statements, an exported audit, a checkpoint of one, a directory")
}

/// All of a signed note, with the line ends that are a part of it.
pub(in crate::commands) fn note(mut lines: Lines) -> Result<Vec<u8>> {
    lines.join()?;
    let mut note = lines.next_line()?.unwrap_or_default();
    note.push(b'\n');
    Ok(note)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> &'static str {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, text).unwrap();
        match open(&path) {
            Ok(Given::Statements(_)) => "statements",
            Ok(Given::Audit(_)) => "audit",
            Ok(Given::Checkpoint(note)) if note == text.as_bytes() => "checkpoint",
            Ok(Given::Checkpoint(_)) => "another text",
            Err(_) => "neither",
        }
    }

    #[test]
    fn a_file_is_known_by_what_is_in_it() {
        for (text, expected) in [
            ("{\"chain\":\"projects/1\",\"number\":1}\n", "audit"),
            ("{\"chain\":", "audit"),
            ("consign/projects/1\n6\n\n\u{2014} consign x\n", "checkpoint"),
            ("{\"payload\":\"\",\"payloadType\":\"a\",\"signatures\":[]}\n", "statements"),
            ("{\"payloadType\":\"a\"}\n{\"payloadType\":\"a\"}", "statements"),
            ("{\n  \"payloadType\": \"a\"\n}\n", "statements"),
            ("", "neither"),
            ("\n", "neither"),
            ("{}", "neither"),
            ("{\n}", "neither"),
            ("hello\n\"payloadType\"", "neither"),
            ("consign+1a2b3c4d+AZ", "neither"),
        ] {
            assert_eq!(kind(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_never_ends_is_refused_by_its_beginning() {
        assert_eq!(kind(&"{".repeat(4 << 20)), "neither");
        assert_eq!(kind(&"\0".repeat(4 << 20)), "neither");
    }
}
