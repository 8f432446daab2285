//! Hostile input: what somebody sends who means no good, or a program that has gone wrong. The same number makes the same input.
//!
//! - [`calls`]: calls with one hostile field each: names, fields that are none, and [`lists`]
//! - [`masses`]: calls with far more of something than there may be
//! - [`furniture`]: the stages, promotions and attestations that they are about

/// Sends a request; that it is answered makes no row.
macro_rules! send {
    ($client:expr, $method:ident, $request:expr) => {
        $client.$method(authorized($request)).await.map(|_| Vec::new())
    };
}

mod attestations;
pub mod calls;
mod events;
mod fields;
pub mod furniture;
pub mod lists;
pub mod masses;
mod promotions;
mod stages;
mod words;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use words::{CHARACTERS, CRON_FIELDS, DOCUMENTS, NUMBERS, PATHS, PATTERNS, RANGES, SECONDS, STATEMENTS, TIMES};

/// One source of hostile input.
#[derive(Debug)]
pub struct Hostile {
    random: StdRng,
}

impl Hostile {
    /// The source of this number.
    pub fn numbered(number: u64) -> Self {
        Self { random: StdRng::seed_from_u64(number) }
    }

    /// One of these.
    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.random.random_range(0..choices.len())]
    }

    /// One of the first `count` numbers.
    pub fn below(&mut self, count: usize) -> usize {
        self.random.random_range(0..count)
    }

    /// A text for a field that takes such as these: at times one of them, often almost one.
    pub fn text(&mut self, valid: &[&str]) -> String {
        let valid = self.one_of(valid);
        match self.below(10) {
            0 => valid.to_owned(),
            1..=3 => self.changed(valid),
            4..=6 => self.grafted(valid),
            _ => self.strange(),
        }
    }

    /// A comparison of a field that one of these filters begins with: it can be read, and what it compares with is strange.
    pub fn comparison(&mut self, filters: &[&str]) -> String {
        let field = self.one_of(filters).split_once(' ').map_or("id", |(field, _)| field);
        let operator = self.one_of(&["=", "!=", "<", "<=", ">", ">=", ":"]);
        let value = match self.below(3) {
            0 => self.number().to_string(),
            1 => self.one_of(TIMES).to_owned(),
            _ => self.strange().replace('\\', "\\\\").replace('"', "\\\""),
        };
        format!("{field} {operator} \"{value}\"")
    }

    /// The text with one character more, less or another.
    fn changed(&mut self, valid: &str) -> String {
        let mut characters: Vec<char> = valid.chars().collect();
        let (place, strange) = (self.below(characters.len() + 1), self.one_of(CHARACTERS));
        match (self.below(3), place < characters.len()) {
            (0, true) => drop(characters.remove(place)),
            (1, true) => characters[place] = strange,
            _ => characters.insert(place, strange),
        }
        characters.into_iter().collect()
    }

    /// The text with something strange in place of what stands between two of its separators.
    fn grafted(&mut self, valid: &str) -> String {
        let strange = self.strange();
        let parts: Vec<&str> = valid.split_inclusive(['/', ' ', '=', '.', ',', '-']).collect();
        let place = self.below(parts.len().max(1));
        let part = |(index, part): (usize, &&str)| {
            let separator = part.strip_suffix(|c: char| !c.is_alphanumeric()).map_or("", |word| &part[word.len()..]);
            if index == place { format!("{strange}{separator}") } else { (*part).to_owned() }
        };
        parts.iter().enumerate().map(part).collect()
    }

    /// A text that is good for nothing.
    fn strange(&mut self) -> String {
        let length = self.one_of(&[1, 2, 3, 10, 64, 255, 256, 1024, 1025, 2049, 4097, 20_000]);
        match self.below(13) {
            0 => self.one_of(PATHS).to_owned(),
            1 => self.one_of(STATEMENTS).to_owned(),
            2 => self.one_of(PATTERNS).to_owned(),
            3 => self.one_of(RANGES).to_owned(),
            4 => self.one_of(DOCUMENTS).to_owned(),
            5 => self.one_of(NUMBERS).to_string(),
            6 => String::from(self.one_of(CHARACTERS)).repeat(length),
            7 => self.one_of(PATTERNS).repeat(length.min(300)),
            8 => (0..length.min(300)).map(|_| self.one_of(CHARACTERS)).collect(),
            9 => (0..length.min(300)).map(|_| self.random.random::<char>()).collect(),
            10 => format!("e{}", "\u{301}".repeat(length)),
            11 => self.nested(length),
            _ => BASE64_URL_SAFE_NO_PAD.encode(self.bytes()),
        }
    }

    fn nested(&mut self, depth: usize) -> String {
        let (open, core, close) =
            self.one_of(&[("(", "id=1", ")"), ("NOT (", "id=1", ")"), ("-(", "a=1", ")"), ("[", "a", "]"), ("(?:", "a", ")*")]);
        format!("{}{core}{}", open.repeat(depth), close.repeat(depth))
    }

    /// The target of a request of HTTP, as it stands in its first line.
    pub fn url(&mut self, valid: &[&str]) -> String {
        let target = self.text(valid);
        match self.below(4) {
            0 => format!("{target}?{}={}", self.text(&["select", "per_page"]), self.text(&["package_file", "1"])),
            1 => hexadecimal("%", target.as_bytes()),
            _ if target.starts_with('/') => target,
            _ => format!("/{target}"),
        }
    }

    /// A number from the edges of what numbers can be.
    pub fn number(&mut self) -> i64 {
        if self.below(4) == 0 { self.random.random() } else { self.one_of(NUMBERS) }
    }

    /// The same in 32 bits.
    pub fn small_number(&mut self) -> i32 {
        let number = self.number();
        i32::try_from(number).unwrap_or(if number < 0 { i32::MIN } else { i32::MAX })
    }

    /// A time from the edges of what times can be; at times none.
    pub fn time(&mut self) -> Option<prost_types::Timestamp> {
        let nanos = self.one_of(&[0, 0, 1, 999_999_999, 1_000_000_000, -1]);
        let seconds = if self.below(3) == 0 { self.one_of(SECONDS) } else { self.number() };
        (self.below(12) > 0).then_some(prost_types::Timestamp { seconds, nanos })
    }

    /// A length of time, likewise.
    pub fn duration(&mut self) -> Option<prost_types::Duration> {
        self.time().map(|prost_types::Timestamp { seconds, nanos }| prost_types::Duration { seconds, nanos })
    }

    /// Five fields of a cron line, some of them strange.
    pub fn cron(&mut self) -> String {
        let fields: Vec<String> = (0..5).map(|_| if self.below(2) == 0 { self.text(CRON_FIELDS) } else { "*".to_owned() }).collect();
        fields.join(" ")
    }

    /// A list of texts such as these: with a hostile one in it, or far too long.
    pub fn many(&mut self, valid: &[&str]) -> Vec<String> {
        let length = self.one_of(&[0, 1, 2, 3, 49, 50, 51, 999, 1000, 1001, 10_001]);
        let mut texts: Vec<String> =
            (0..length).map(|index| if index == 0 { self.text(valid) } else { self.one_of(valid).to_owned() }).collect();
        if self.below(3) == 0 {
            texts.reverse();
        }
        texts
    }

    /// Bytes of any length.
    pub fn bytes(&mut self) -> Vec<u8> {
        let length = self.one_of(&[0, 1, 7, 8, 9, 31, 32, 33, 64, 100, 1000]);
        (0..length).map(|_| self.random.random()).collect()
    }

    /// A page token that was not given: out of nothing, or out of one that was.
    pub fn token(&mut self, given: &str) -> String {
        let Ok(bytes) = BASE64_URL_SAFE_NO_PAD.decode(given) else { return self.text(&[given]) };
        let (bound, key) = bytes.split_at(bytes.len().min(8));
        let key = String::from_utf8_lossy(key).into_owned();
        match self.below(10) {
            0 => self.text(&[given]),
            1 => BASE64_STANDARD.encode([bound, key.as_bytes()].concat()),
            2 => BASE64_URL_SAFE_NO_PAD.encode([self.bytes().as_slice(), key.as_bytes()].concat()),
            3 => BASE64_URL_SAFE_NO_PAD.encode([bound, self.bytes().as_slice()].concat()),
            4 => BASE64_URL_SAFE_NO_PAD.encode([bound, self.text(&[&key]).as_bytes()].concat()),
            _ => BASE64_URL_SAFE_NO_PAD.encode([bound, self.key(&key).as_bytes()].concat()),
        }
    }

    /// The key of a list with one of its lines replaced by one of another kind, or of the same with another value.
    fn key(&mut self, key: &str) -> String {
        let mut lines: Vec<String> = key.split('\n').map(str::to_owned).collect();
        let place = self.below(lines.len() + 1);
        let line = match self.below(6) {
            0 => self.number().to_string(),
            1 => format!("n{}", self.number()),
            2 => format!("t{}", self.number()),
            3 => format!("s{}", self.strange()),
            4 => format!("b{}", hexadecimal("", &self.bytes())),
            _ => self.changed(key),
        };
        match lines.get_mut(place) {
            // The kind of a value is its first letter, which stays every other time.
            Some(old) if old.starts_with('t') && self.below(2) == 0 => *old = format!("t{}", self.number()),
            Some(old) => *old = line,
            None => lines.push(line),
        }
        lines.join("\n")
    }
}

fn hexadecimal(before_each: &str, bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{before_each}{byte:02x}")).collect::<Vec<_>>().concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_number_makes_the_same_input_and_another_another() {
        let inputs = |number| {
            let mut hostile = Hostile::numbered(number);
            (0..50).map(|_| (hostile.text(&["projects/1"]), hostile.number(), hostile.bytes())).collect::<Vec<_>>()
        };
        assert_eq!(inputs(1), inputs(1));
        assert_ne!(inputs(1), inputs(2));
    }
}
