//! What commands print.

/// The last word of an enum's value, as people write it.
pub(crate) fn word(name: &str) -> String {
    name.rsplit_once('_').map_or(name, |(_, word)| word).to_lowercase()
}

/// An instant for people.
pub(crate) fn shown(time: &prost_types::Timestamp) -> String {
    jiff::Timestamp::from_second(time.seconds).map_or_else(|_| "?".to_owned(), |time| time.to_string())
}

/// A line of the answer.
#[expect(clippy::print_stdout, reason = "the output of the command")]
pub(crate) fn print(text: &str) {
    println!("{text}");
}
