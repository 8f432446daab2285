//! A file in lines of bounded length, whatever it is.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use anyhow::Result;
use consign_types::signature::MAX_ENVELOPE_BYTES;

use crate::commands::audit::named;

/// The longest line that is read whole. None that is verified is longer.
const MAX_LINE_BYTES: usize = MAX_ENVELOPE_BYTES + 1;

/// The lines of a file, the first of which can be looked at before. It is read once and never goes back, so it may be a pipe.
pub(in crate::commands) struct Lines {
    path: PathBuf,
    file: BufReader<File>,
    ahead: Option<Vec<u8>>,
    is_cut: bool,
}

impl Lines {
    /// Opens a file, and reads its first line.
    pub(in crate::commands) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| named(path, error))?;
        let mut lines = Self { path: path.to_owned(), file: BufReader::new(file), ahead: None, is_cut: false };
        lines.ahead = lines.next_line()?;
        Ok(lines)
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The next line as long as it was not taken: always the first one; `None` for a file without any.
    pub(super) fn ahead(&self) -> Option<&[u8]> {
        self.ahead.as_deref()
    }

    /// The next line without its end. Of one that is too long there is the beginning, and then nothing more.
    pub(super) fn next_line(&mut self) -> Result<Option<Vec<u8>>> {
        if let Some(line) = self.ahead.take() {
            return Ok(Some(line));
        }
        if self.is_cut {
            return Ok(None);
        }
        let mut line = Vec::new();
        let most = u64::try_from(MAX_LINE_BYTES).unwrap_or(u64::MAX);
        self.file.by_ref().take(most).read_until(b'\n', &mut line).map_err(|error| named(&self.path, error))?;
        if line.is_empty() {
            return Ok(None);
        }
        if line.last() == Some(&b'\n') {
            line.pop();
        } else {
            self.is_cut = line.len() == MAX_LINE_BYTES;
        }
        Ok(Some(line))
    }

    /// Makes the first line one with all behind it, as far as a line may go.
    pub(super) fn join(&mut self) -> Result<()> {
        let mut whole = self.ahead.take().unwrap_or_default();
        while whole.len() < MAX_LINE_BYTES {
            let Some(line) = self.next_line()? else { break };
            whole.push(b'\n');
            whole.extend_from_slice(&line);
        }
        whole.truncate(MAX_LINE_BYTES);
        self.is_cut = true;
        self.ahead = Some(whole);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> Lines {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, text).unwrap();
        Lines::open(&path).unwrap()
    }

    fn all(mut lines: Lines) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| lines.next_line().unwrap()).collect()
    }

    #[test]
    fn lines_come_without_their_ends_and_as_they_are() {
        assert_eq!(lines(b"").ahead(), None);
        assert_eq!(lines(b"a\nb").ahead(), Some(b"a".as_slice()));
        assert_eq!(all(lines(b"a\r\n\n\xff\nb")), [b"a\r".to_vec(), Vec::new(), b"\xff".to_vec(), b"b".to_vec()]);
    }

    #[test]
    fn a_line_without_end_is_cut_and_nothing_follows_it() {
        let long = [vec![b'x'; 3 * MAX_LINE_BYTES], b"\nbehind\n".to_vec()].concat();
        let read: Vec<usize> = all(lines(&long)).iter().map(Vec::len).collect();
        assert_eq!(read, [MAX_LINE_BYTES]);
    }

    #[test]
    fn all_lines_become_one_that_is_no_longer_than_a_line() {
        let mut few = lines(b"{\n}\n");
        few.join().unwrap();
        assert_eq!(all(few), [b"{\n}".to_vec()]);
        let mut many = lines(&b"xxxxxxx\n".repeat(MAX_LINE_BYTES));
        many.join().unwrap();
        let read: Vec<usize> = all(many).iter().map(Vec::len).collect();
        assert_eq!(read, [MAX_LINE_BYTES]);
    }
}
