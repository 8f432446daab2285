//! What surrounds the files in a zip archive, as PKWARE's APPNOTE 6.3.10 has it: files are stored, their checksums and sizes stand behind them
//! (section 4.3.9), and what is too large for 32 bits is told by Zip64 (4.3.14, 4.3.15, 4.5.3).

use axum::body::Bytes;
use crc32fast::Hasher;

use super::packing::Entry;

/// How many files an archive has at most: the number that needs no Zip64. The directory is held until the end, with less than 1200 bytes of
/// each of them, and about 100 as a rule.
pub(super) const MAX_FILES: i64 = 0xFFFF;

const LOCAL_HEADER: u32 = 0x0403_4b50;
const DESCRIPTOR: u32 = 0x0807_4b50;
const DIRECTORY_HEADER: u32 = 0x0201_4b50;
const DIRECTORY_END: u32 = 0x0605_4b50;
const DIRECTORY_END_64: u32 = 0x0606_4b50;
const LOCATOR_64: u32 = 0x0706_4b50;

/// Bit 3: checksum and sizes come behind the file. Bit 11: the path is UTF-8.
const FLAGS: u16 = 1 << 3 | 1 << 11;
const STORED: u16 = 0;

/// The versions that can read a file, the second of them with Zip64; made by 4.5 on Unix, where modes are known.
const VERSION: u16 = 20;
const VERSION_64: u16 = 45;
const MADE_BY: u16 = 3 << 8 | VERSION_64;
const MODE: u32 = 0o100_644 << 16;

/// Extra fields: that of Zip64, and the time in seconds.
const EXTRA_64: u16 = 0x0001;
const EXTRA_TIME: u16 = 0x5455;

/// Stands for what is told by Zip64.
const ELSEWHERE: u32 = u32::MAX;

/// What is kept of an archive while it is made.
#[derive(Debug, Default)]
pub(super) struct Zip {
    /// Where the next record begins.
    offset: u64,
    /// Where the file that is being sent begins.
    start: u64,
    sum: Hasher,
    files: i64,
    directory: Vec<u8>,
}

impl Zip {
    /// The header of a file; `None` where there are too many.
    pub(super) fn begin(&mut self, entry: &Entry) -> Option<Bytes> {
        self.files += 1;
        if self.files > MAX_FILES {
            return None;
        }
        let mut extra = time_extra(entry);
        let size = if is_large(entry.size) {
            extra.field(EXTRA_64, &[0; 16]);
            ELSEWHERE
        } else {
            0
        };
        let mut header = Record::of(LOCAL_HEADER);
        header.common(entry);
        // The checksum is not known yet, and so the sizes are not told here either.
        header.u32(0).u32(size).u32(size);
        header.u16(length(&entry.path)?).u16(length(&extra.0)?);
        header.bytes(entry.path.as_bytes()).bytes(&extra.0);
        self.start = self.offset;
        self.sum = Hasher::new();
        Some(self.sent(header))
    }

    /// Bytes of the file.
    pub(super) fn pass(&mut self, bytes: &[u8]) {
        self.sum.update(bytes);
        self.offset += bytes.len() as u64;
    }

    /// The checksum and the sizes of a file, which goes into the directory too.
    pub(super) fn end(&mut self, entry: &Entry) -> Bytes {
        let sum = self.sum.clone().finalize();
        self.list(entry, sum);
        let mut record = Record::of(DESCRIPTOR);
        record.u32(sum);
        for size in [entry.size, entry.size] {
            if is_large(size) {
                record.u64(size)
            } else {
                record.u32(short(size))
            };
        }
        self.sent(record)
    }

    fn list(&mut self, entry: &Entry, sum: u32) {
        let mut extra = time_extra(entry);
        let mut large = Record::default();
        for value in [entry.size, entry.size, self.start].into_iter().filter(|value| is_large(*value)) {
            large.u64(value);
        }
        if !large.0.is_empty() {
            extra.field(EXTRA_64, &large.0);
        }
        let mut header = Record::of(DIRECTORY_HEADER);
        header.u16(MADE_BY).common(entry);
        header.u32(sum).u32(short(entry.size)).u32(short(entry.size));
        header.u16(length(&entry.path).unwrap_or_default()).u16(length(&extra.0).unwrap_or_default());
        // No comment, the first disk, and bytes of which nothing is known.
        header.u16(0).u16(0).u16(0).u32(MODE).u32(short(self.start));
        header.bytes(entry.path.as_bytes()).bytes(&extra.0);
        self.directory.append(&mut header.0);
    }

    /// The directory, and where it is.
    pub(super) fn finish(self) -> Bytes {
        let (start, size) = (self.offset, self.directory.len() as u64);
        let files = u16::try_from(self.files).unwrap_or(u16::MAX);
        let mut end = Record(self.directory);
        if is_large(start) || is_large(size) {
            end.u32(DIRECTORY_END_64).u64(44).u16(MADE_BY).u16(VERSION_64).u32(0).u32(0);
            end.u64(files.into()).u64(files.into()).u64(size).u64(start);
            end.u32(LOCATOR_64).u32(0).u64(start + size).u32(1);
        }
        end.u32(DIRECTORY_END).u16(0).u16(0).u16(files).u16(files).u32(short(size)).u32(short(start)).u16(0);
        Bytes::from(end.0)
    }

    fn sent(&mut self, record: Record) -> Bytes {
        self.offset += record.0.len() as u64;
        Bytes::from(record.0)
    }
}

fn is_large(value: u64) -> bool {
    value >= ELSEWHERE.into()
}

fn short(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(ELSEWHERE)
}

fn length(bytes: impl AsRef<[u8]>) -> Option<u16> {
    u16::try_from(bytes.as_ref().len()).ok()
}

/// The time in seconds, while it fits.
fn time_extra(entry: &Entry) -> Record {
    let mut extra = Record::default();
    if let Ok(seconds) = i32::try_from(entry.time) {
        let [a, b, c, d] = seconds.to_le_bytes();
        extra.field(EXTRA_TIME, &[1, a, b, c, d]);
    }
    extra
}

/// The time and the date of MS-DOS, in UTC: two seconds are the least, and 1980 the first year.
fn dos_time(seconds: i64) -> (u16, u16) {
    let time = jiff::Timestamp::from_second(seconds).unwrap_or_default().to_zoned(jiff::tz::TimeZone::UTC).datetime();
    let bits = |value: i8, shift: u16| u16::from(value.unsigned_abs()) << shift;
    let Some(year) = u16::try_from(time.year() - 1980).ok().filter(|year| *year < 128) else { return (0, 1 << 5 | 1) };
    let clock = bits(time.hour(), 11) | bits(time.minute(), 5) | bits(time.second() / 2, 0);
    (clock, year << 9 | bits(time.month(), 5) | bits(time.day(), 0))
}

/// A record, whose numbers are little-endian.
#[derive(Debug, Default)]
struct Record(Vec<u8>);

impl Record {
    fn of(signature: u32) -> Self {
        Self(signature.to_le_bytes().to_vec())
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn u16(&mut self, value: u16) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    fn u64(&mut self, value: u64) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    /// What both headers of a file begin with.
    fn common(&mut self, entry: &Entry) -> &mut Self {
        let (time, date) = dos_time(entry.time);
        let version = if is_large(entry.size) { VERSION_64 } else { VERSION };
        self.u16(version).u16(FLAGS).u16(STORED).u16(time).u16(date)
    }

    /// An extra field.
    fn field(&mut self, id: u16, value: &[u8]) -> &mut Self {
        self.u16(id).u16(length(value).unwrap_or_default()).bytes(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_ms_dos() {
        for (seconds, expected) in [
            (0, (0, 33)),
            (315_532_800, (0, 33)),
            (1_700_000_000, ((22 << 11) + (13 << 5) + 10, (43 << 9) + (11 << 5) + 14)),
            (5_000_000_000, (0, 33)),
        ] {
            assert_eq!(dos_time(seconds), expected, "{seconds}");
        }
    }

    #[test]
    fn what_lies_beyond_32_bits_is_told_by_zip64() {
        let mut zip = Zip::default();
        let large = Entry { path: "large".to_owned(), size: 5 << 30, time: 1_700_000_000 };
        let header = zip.begin(&large).unwrap();
        assert_eq!(header[18..26], [0xFF; 8]);
        zip.offset += large.size;
        assert_eq!(zip.end(&large).len(), 24);
        let small = Entry { path: "small".to_owned(), size: 0, time: 1_700_000_000 };
        zip.begin(&small).unwrap();
        assert_eq!(zip.end(&small).len(), 16);
        let start = zip.offset;
        let end = zip.finish();
        let records = &end[end.len() - 22 - 20 - 56..];
        assert_eq!(records[..4], DIRECTORY_END_64.to_le_bytes());
        assert_eq!(records[48..56], start.to_le_bytes());
        assert_eq!(records[56 + 20..][..4], DIRECTORY_END.to_le_bytes());
        assert_eq!(records[56 + 20 + 16..][..4], [0xFF; 4]);
    }

    #[test]
    fn more_files_than_its_directory_may_hold_are_refused() {
        let entry = Entry { path: "f".to_owned(), size: 0, time: 0 };
        let mut zip = Zip { files: MAX_FILES - 1, ..Zip::default() };
        assert!(zip.begin(&entry).is_some());
        assert!(zip.begin(&entry).is_none());
    }
}
