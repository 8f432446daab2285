//! What commands print.

use std::io::Write as _;

/// The last word of an enum's value, as people write it.
pub(crate) fn word(name: &str) -> String {
    name.rsplit_once('_').map_or(name, |(_, word)| word).to_lowercase()
}

/// An instant for people.
pub(crate) fn shown(time: &prost_types::Timestamp) -> String {
    jiff::Timestamp::from_second(time.seconds).map_or_else(|_| "?".to_owned(), |time| time.to_string())
}

/// What somebody wrote, in a line, without what would steer a terminal.
pub(crate) fn one_line(text: &str) -> String {
    text.chars()
        .map(|character| if character.is_control() { character.escape_default().to_string() } else { character.to_string() })
        .collect()
}

/// A line of the answer. Where nobody reads on, as in `… | head`, the command ends; where it can't be written, it fails.
pub(crate) fn print(text: &str) {
    if let Err(error) = writeln!(std::io::stdout().lock(), "{text}") {
        let is_closed = error.kind() == std::io::ErrorKind::BrokenPipe;
        if !is_closed {
            warn(&format!("consign: cannot write the answer: {error}"));
        }
        std::process::exit(i32::from(!is_closed));
    }
}

/// A line for people, beside the answer that a script takes.
#[expect(clippy::print_stderr, reason = "what people are told beside the output")]
pub(crate) fn warn(text: &str) {
    eprintln!("{text}");
}
