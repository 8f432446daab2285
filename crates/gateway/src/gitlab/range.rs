//! The ranges of a `Range` header: RFC 9110, section 14.

use std::ops::Range;

/// How many ranges one answer has at most. A header with more is passed over, as the standard allows (section 14.2).
const MAX_RANGES: usize = 16;

/// Which bytes of a file are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of them: no range was asked for, or none that is understood, or too many.
    Whole,
    /// These, which are within the file and at least one.
    Bytes(Range<u64>),
    /// These, several of them, in the order in which they are wanted; together they are no longer than the file.
    Several(Vec<Range<u64>>),
    /// None that the file has.
    Unsatisfiable,
}

/// Reads a `Range` header for a file of `size` bytes. An empty file has no ranges, and is sent as it is.
///
/// Of several ranges, those that the file does not have are left out. Where they overlap so much that the whole file is shorter, that is
/// sent.
pub(crate) fn part(header: Option<&str>, size: u64) -> Part {
    let Some(asked) = header.and_then(ranges).filter(|_| size > 0) else {
        return Part::Whole;
    };
    let mut found: Vec<Range<u64>> = asked.into_iter().filter_map(|positions| within(positions, size)).collect();
    let length = found.iter().fold(0_u64, |sum, range| sum.saturating_add(range.end - range.start));
    match found.len() {
        0 => Part::Unsatisfiable,
        1 => Part::Bytes(found.remove(0)),
        _ if length > size => Part::Whole,
        _ => Part::Several(found),
    }
}

/// The first and the last position of a range, either of which may be missing.
type Positions = (Option<u64>, Option<u64>);

/// The bytes that a range has in a file of `size`, if any.
fn within(positions: Positions, size: u64) -> Option<Range<u64>> {
    match positions {
        (Some(first), _) if first >= size => None,
        (Some(first), last) => Some(first..last.map_or(size, |last| last.saturating_add(1).min(size))),
        (None, Some(0) | None) => None,
        (None, Some(suffix)) => Some(size.saturating_sub(suffix)..size),
    }
}

/// The ranges of a header; `None` where one of them is none, or there are too many.
fn ranges(header: &str) -> Option<Vec<Positions>> {
    // Empty elements of a list are passed over (section 5.6.1).
    let elements = header.trim().strip_prefix("bytes=")?.split(',').map(str::trim).filter(|element| !element.is_empty());
    let ranges = elements.take(MAX_RANGES + 1).map(one_range).collect::<Option<Vec<_>>>()?;
    Some(ranges).filter(|ranges| (1..=MAX_RANGES).contains(&ranges.len()))
}

/// The positions of `<first>-<last>`; `None` for anything else.
fn one_range(element: &str) -> Option<Positions> {
    let (first, last) = element.split_once('-')?;
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

    fn many(count: u64) -> String {
        format!("bytes={}", (0..count).map(|n| format!("{0}-{0}", n * 2)).collect::<Vec<_>>().join(","))
    }

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
            ("bytes=0-1,4-5", 10, Part::Several(vec![0..2, 4..6])),
            ("bytes= 4-5 ,, -2,0-0", 10, Part::Several(vec![4..6, 8..10, 0..1])),
            ("bytes=0-1,10-", 10, Part::Bytes(0..2)),
            ("bytes=10-,-0", 10, Part::Unsatisfiable),
            ("bytes=0-4,5-", 10, Part::Several(vec![0..5, 5..10])),
            ("bytes=0-5,5-", 10, Part::Whole),
            ("bytes=0-,0-,0-", 10, Part::Whole),
            ("bytes=0-1,5-3", 10, Part::Whole),
            ("bytes=,", 10, Part::Whole),
            (&many(16), 100, Part::Several((0..16).map(|n| n * 2..n * 2 + 1).collect())),
            (&many(17), 100, Part::Whole),
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
