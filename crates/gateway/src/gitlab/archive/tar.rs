//! What surrounds a file in a tar archive.

use ::tar::{Builder, EntryType, Header};
use axum::body::Bytes;

use super::packing::Entry;

/// Archives are made of blocks of this size, and end by two empty ones.
const BLOCK: usize = 512;

/// The headers of a file: of GNU's kind, with one more before where the path is long.
pub(super) fn begin(entry: &Entry) -> Option<Bytes> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(entry.size);
    header.set_mtime(entry.time.unsigned_abs());
    let mut builder = Builder::new(Vec::new());
    builder.append_data(&mut header, &entry.path, std::io::empty()).ok()?;
    // The end that the builder would add belongs behind the last file.
    Some(Bytes::from(builder.get_ref().clone()))
}

/// Fills the last block of a file.
pub(super) fn end(entry: &Entry) -> Bytes {
    const ZEROS: [u8; BLOCK] = [0; BLOCK];
    let over = usize::try_from(entry.size % BLOCK as u64).expect("less than a block");
    Bytes::from_static(&ZEROS[..(BLOCK - over) % BLOCK])
}

/// The end of an archive.
pub(super) fn finish() -> Bytes {
    Bytes::from_static(&[0; 2 * BLOCK])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_tells_paths_and_sizes_of_any_length() {
        for (path, size) in [("f", 0), ("dir/ä+b@1~c", 1), (&"long/".repeat(200)[..999], 511), ("huge", 1 << 40)] {
            let entry = Entry { path: path.to_owned(), size, time: 1_700_000_000 };
            let bytes = [begin(&entry).unwrap(), finish()].concat();
            let mut archive = ::tar::Archive::new(bytes.as_slice());
            let found = archive.entries().unwrap().next().unwrap().unwrap();
            assert_eq!((found.path().unwrap().to_str(), found.size()), (Some(path), size));
            assert_eq!((found.header().mode().unwrap(), found.header().mtime().unwrap()), (0o644, 1_700_000_000));
            assert_eq!((size + end(&entry).len() as u64) % 512, 0);
        }
    }
}
