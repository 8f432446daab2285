//! The one range of a `Range` header: RFC 9110, section 14.

use std::ops::Range;

/// Which bytes of a file are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of them: no range was asked for, or none that is understood, or more than one.
    Whole,
    /// These, which are within the file and at least one.
    Bytes(Range<u64>),
    /// None that the file has.
    Unsatisfiable,
}

/// Reads a `Range` header for a file of `size` bytes. An empty file has no ranges, and is sent as it is.
pub(crate) fn part(header: Option<&str>, size: u64) -> Part {
    let Some((first, last)) = header.and_then(one_range).filter(|_| size > 0) else {
        return Part::Whole;
    };
    match (first, last) {
        (Some(first), _) if first >= size => Part::Unsatisfiable,
        (Some(first), last) => Part::Bytes(first..last.map_or(size, |last| last.saturating_add(1).min(size))),
        (None, Some(0) | None) => Part::Unsatisfiable,
        (None, Some(suffix)) => Part::Bytes(size.saturating_sub(suffix)..size),
    }
}

/// The positions of `bytes=<first>-<last>`, where either may be missing; `None` for anything else.
fn one_range(header: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (first, last) = header.trim().strip_prefix("bytes=")?.trim().split_once('-')?;
    let (first, last) = (position(first).ok()?, position(last).ok()?);
    let backwards = first.zip(last).is_some_and(|(first, last)| last < first);
    if backwards || (first, last) == (None, None) { None } else { Some((first, last)) }
}

/// Digits, or nothing; an error for anything else. Positions beyond 64 bits are beyond every file.
fn position(text: &str) -> Result<Option<u64>, ()> {
    let text = text.trim();
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(());
    }
    Ok((!text.is_empty()).then(|| text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_as_the_standard_says() {
        for (header, size, expected) in [
            ("bytes=0-4", 10, Part::Bytes(0..5)),
            ("bytes=3-", 10, Part::Bytes(3..10)),
            ("bytes=-3", 10, Part::Bytes(7..10)),
            ("bytes=-30", 10, Part::Bytes(0..10)),
            ("bytes=9-99999999999999999999999", 10, Part::Bytes(9..10)),
            ("bytes=10-", 10, Part::Unsatisfiable),
            ("bytes=99999999999999999999999-", 10, Part::Unsatisfiable),
            ("bytes=-0", 10, Part::Unsatisfiable),
            ("bytes=5-3", 10, Part::Whole),
            ("bytes=-", 10, Part::Whole),
            ("bytes=0-1,4-5", 10, Part::Whole),
            ("bytes=a-b", 10, Part::Whole),
            ("bytes=+1-2", 10, Part::Whole),
            ("lines=0-1", 10, Part::Whole),
            ("bytes=0-", 0, Part::Whole),
            ("bytes=-1", 0, Part::Whole),
        ] {
            assert_eq!(part(Some(header), size), expected, "{header} of {size}");
        }
        assert_eq!(part(None, 10), Part::Whole);
    }
}
