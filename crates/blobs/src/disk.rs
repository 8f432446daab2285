//! The file-system calls of the blob plane, and nothing else: a simulator can stand in for this module.
//!
//! All of them block. `tokio::fs` is not used: it reports the error of a write only at the call after it, so a full disk
//! can look like success.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, IoSliceMut, Write as _};
use std::num::NonZeroU64;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

use consign_types::Timestamp;
use rustix::fs::{Advice, AtFlags, CWD, FallocateFlags, RenameFlags, StatVfsMountFlags, Timespec, Timestamps, UTIME_NOW};
use rustix::fs::{fadvise, fallocate, renameat_with, statvfs, syncfs, utimensat};
use rustix::io::{Errno, ReadWriteFlags, pread, preadv2, pwritev, retry_on_intr};

/// A new file; an error if there is one of this name.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).open(path)
}

/// Opens a file for reading.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// The size of an open file in bytes.
pub(crate) fn size(file: &File) -> io::Result<u64> {
    Ok(file.metadata()?.len())
}

/// Cuts off what an open file has behind so many bytes.
pub(crate) fn shorten(file: &File, bytes: u64) -> io::Result<()> {
    file.set_len(bytes)
}

/// Opens a file for reading and writing.
pub(crate) fn open_to_write(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(path)
}

/// All of a file.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    fs::read(path)
}

/// The size of a file and when it was last written to.
pub(crate) fn look(path: &Path) -> io::Result<(u64, Timestamp)> {
    let file = fs::metadata(path)?;
    Ok((file.len(), Timestamp::from_micros(file.mtime().saturating_mul(1_000_000).saturating_add(file.mtime_nsec() / 1000))))
}

/// Makes it look as if a file had been written to just now.
pub(crate) fn touch(path: &Path) -> io::Result<()> {
    Ok(utimensat(CWD, path, &Timestamps { last_access: NOW, last_modification: NOW }, AtFlags::empty())?)
}

const NOW: Timespec = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };

/// Whether there is something of this name.
pub(crate) fn exists(path: &Path) -> bool {
    path.exists()
}

/// Makes a file of these bytes, in place of one that is there. Its content is durable, its name is not.
pub(crate) fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    sync(&file)
}

/// Writes the end of a file, which is made if it is not there. Its content is durable, its name is not.
pub(crate) fn write_end_durably(path: &Path, offset: u64, bytes: &[u8]) -> io::Result<()> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
    file.set_len(offset)?;
    file.write_all_at(bytes, offset)?;
    sync(&file)
}

/// Writes at a position in the file: as much as the system takes in one call, since pages that two calls fill are dear.
pub(crate) fn write_at(file: &File, chunks: &[&[u8]], mut offset: u64) -> io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> = chunks.iter().map(|chunk| IoSlice::new(chunk)).collect();
    let mut rest = slices.as_mut_slice();
    IoSlice::advance_slices(&mut rest, 0);
    while !rest.is_empty() {
        let written = retry_on_intr(|| pwritev(file, &rest[..rest.len().min(MAX_SLICES)], offset))?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        IoSlice::advance_slices(&mut rest, written);
        offset += written as u64;
    }
    Ok(())
}

/// How many slices Linux takes in one call.
const MAX_SLICES: usize = 1024;

/// Gives a range of the file its place on the disk, though nothing was written to it. The file is not longer for it.
pub(crate) fn reserve(file: &File, offset: u64, length: u64) -> io::Result<()> {
    Ok(retry_on_intr(|| fallocate(file, FallocateFlags::KEEP_SIZE, offset, length))?)
}

/// Begins to write out what was written to a range of the file, and waits for nothing.
///
/// To say that the range will not be read soon is what makes Linux do that. What is not written out yet stays in the page cache.
pub(crate) fn begin_writing_out(file: &File, offset: u64, length: u64) -> io::Result<()> {
    Ok(fadvise(file, offset, NonZeroU64::new(length), Advice::DontNeed)?)
}

/// Fills the buffer from a position in the file. Returns how much of it: all, unless the file ends before.
pub(crate) fn read_at(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match retry_on_intr(|| pread(file, &mut buffer[filled..], offset + filled as u64))? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

/// Fills the buffer from a position in the file, where all of that is in memory. `false` where it is not, or where the system can't tell:
/// the file must be waited for.
pub(crate) fn read_cached(file: &File, mut offset: u64, mut buffer: &mut [u8]) -> io::Result<bool> {
    while !buffer.is_empty() {
        let read = retry_on_intr(|| preadv2(file, &mut [IoSliceMut::new(buffer)], offset, ReadWriteFlags::NOWAIT));
        match read {
            Ok(0) | Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => return Ok(false),
            read => {
                let read = read?;
                offset += read as u64;
                buffer = &mut buffer[read..];
            }
        }
    }
    Ok(true)
}

/// Reads what there is at a position in the file, up to the size of the buffer; 0 at the end.
pub(crate) fn read_some_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(buffer, offset)
}

/// Makes the content of a file durable.
pub(crate) fn sync(file: &File) -> io::Result<()> {
    file.sync_data()
}

/// Makes the entries of a directory durable.
///
/// XFS answers that a directory is synced where it shut down after the directory was opened, as it does when its device fails. It opens
/// nothing then, so that tells.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()?;
    File::open(path).map(|_| ())
}

/// Gives a file another name, in one step; an error of kind `AlreadyExists` if there is one of that name.
pub(crate) fn rename_without_replacing(from: &Path, to: &Path) -> io::Result<()> {
    Ok(renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)?)
}

/// Gives a file a second name; an error of kind `AlreadyExists` if there is one of that name.
pub(crate) fn link(from: &Path, to: &Path) -> io::Result<()> {
    fs::hard_link(from, to)
}

/// Gives a file another name, in place of one that has it.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

/// Makes a directory, unless it is there.
pub(crate) fn create_directory(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Removes a file, if it is there.
pub(crate) fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes durable all that was written to the file system of `path`, by whomever.
pub(crate) fn sync_file_system(path: &Path) -> io::Result<()> {
    Ok(syncfs(File::open(path)?)?)
}

/// The names in a directory; none where there is no directory.
pub(crate) fn list(path: &Path) -> io::Result<Vec<OsString>> {
    match fs::read_dir(path) {
        Ok(entries) => entries.map(|entry| Ok(entry?.file_name())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// The bytes that are free for us on the file system of `path`.
pub(crate) fn free_bytes(path: &Path) -> io::Result<u64> {
    let system = statvfs(path)?;
    Ok(system.f_bavail.saturating_mul(system.f_frsize))
}

/// Whether the file system of `path` takes writes.
pub(crate) fn check_writable(path: &Path) -> io::Result<()> {
    if statvfs(path)?.f_flag.contains(StatVfsMountFlags::RDONLY) {
        return Err(io::ErrorKind::ReadOnlyFilesystem.into());
    }
    Ok(())
}
