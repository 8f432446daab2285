//! Ranges of bytes (RFC 9110, section 14), one at a time, as S3 has them.

use std::ops::Range;

use super::refusal::{Refusal, Result};

/// The part that is asked for. `None` where all of it is: what can't be read as one range counts as not being there.
pub(super) fn asked(header: Option<&str>, size: usize) -> Result<Option<Range<usize>>> {
    let Some((first, last)) = header.and_then(|text| text.strip_prefix("bytes=")).and_then(|text| text.split_once('-')) else {
        return Ok(None);
    };
    let range = match (first.parse::<usize>().ok(), last.parse::<usize>().ok()) {
        (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(size),
        (Some(first), None) if last.is_empty() => first..size,
        (None, Some(length)) if first.is_empty() => size - length.min(size)..size,
        _ => return Ok(None),
    };
    if range.is_empty() { Err(Refusal::InvalidRange { size }) } else { Ok(Some(range)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_to_what_is_there() {
        for (header, range) in [
            ("bytes=0-0", Some(0..1)),
            ("bytes=2-4", Some(2..5)),
            ("bytes=8-99", Some(8..10)),
            ("bytes=9-18446744073709551615", Some(9..10)),
            ("bytes=3-", Some(3..10)),
            ("bytes=-4", Some(6..10)),
            ("bytes=-99", Some(0..10)),
            ("bytes=4-2", None),
            ("bytes=0-1,3-4", None),
            ("bytes=-", None),
            ("bytes=a-b", None),
            ("lines=0-1", None),
        ] {
            assert_eq!(asked(Some(header), 10), Ok(range), "{header}");
        }
        assert_eq!(asked(None, 10), Ok(None));
    }

    #[test]
    fn a_range_outside_is_refused() {
        for (header, size) in [("bytes=10-", 10), ("bytes=10-20", 10), ("bytes=-0", 10), ("bytes=0-", 0), ("bytes=-1", 0)] {
            assert_eq!(asked(Some(header), size), Err(Refusal::InvalidRange { size }), "{header} of {size}");
        }
    }
}
