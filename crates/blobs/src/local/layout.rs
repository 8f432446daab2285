//! Which file is where, and what happens to whole copies.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use consign_types::{CopyName, Digest, Timestamp};

use super::blob::has_bytes;
use crate::disk;
use crate::error::{Error, Result};
use crate::session::lock;
use crate::store::StoredCopy;

/// The file that holds where scrubbing is.
const SCRUBBED: &str = "scrubbed";

/// The directory of a store.
#[derive(Debug)]
pub(super) struct Layout {
    directory: PathBuf,
    /// Directories whose own names this process has synced. Finding a directory is not enough: whoever made it may not have
    /// come to sync it.
    durable: Mutex<HashSet<PathBuf>>,
}

impl Layout {
    /// Opens it, and makes what is missing.
    pub(super) fn open(directory: PathBuf) -> Result<Self> {
        let layout = Self { directory, durable: Mutex::default() };
        for directory in [layout.spools(), layout.blobs(), layout.trash(), layout.quarantined()] {
            layout.make(&directory)?;
            layout.sync(&directory)?;
        }
        Ok(layout)
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn spools(&self) -> PathBuf {
        self.directory.join("spool")
    }

    fn blobs(&self) -> PathBuf {
        self.directory.join("blobs")
    }

    fn trash(&self) -> PathBuf {
        self.directory.join("trash")
    }

    fn quarantined(&self) -> PathBuf {
        self.directory.join("quarantine")
    }

    pub(super) fn shelf(&self, digest: &Digest) -> PathBuf {
        let digest = digest.to_string();
        self.blobs().join(&digest[..2]).join(&digest[2..4])
    }

    pub(super) fn copy(&self, name: CopyName) -> PathBuf {
        self.shelf(&name.digest).join(name.to_string())
    }

    pub(super) fn sums(&self, name: CopyName) -> PathBuf {
        self.shelf(&name.digest).join(format!("{name}.sums"))
    }

    /// Where a damaged copy is kept.
    pub(super) fn quarantine_place(&self, name: CopyName) -> PathBuf {
        self.quarantined().join(name.to_string())
    }

    /// Where a damaged copy is kept whose name has good bytes again.
    pub(super) fn healed_place(&self, name: CopyName) -> PathBuf {
        self.quarantined().join(format!("{name}.healed"))
    }

    /// A name that was quarantined has good bytes again.
    pub(super) fn note_healed(&self, name: CopyName) -> Result<()> {
        match disk::rename(&self.quarantine_place(name), &self.healed_place(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::disk("keep a damaged blob")(error)),
            _ => Ok(()),
        }
    }

    pub(super) fn find_quarantined(&self, digest: &Digest, min_generation: i64) -> Result<Option<i64>> {
        let names = self.list_quarantined()?.into_iter().filter(|name| name.digest == *digest);
        Ok(names.map(|name| name.generation).filter(|generation| *generation >= min_generation).max())
    }

    pub(super) fn is_quarantined(&self, name: CopyName) -> bool {
        disk::exists(&self.quarantine_place(name))
    }

    /// Makes a directory and those above it where they are missing. Their names are durable after [`Layout::sync`].
    pub(super) fn make(&self, path: &Path) -> Result<()> {
        if lock(&self.durable).contains(path) {
            return Ok(());
        }
        let failed = |source: io::Error| Error::disk(format!("make the directory `{}`", path.display()))(source);
        match disk::create_directory(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.make(parent(path))?;
                disk::create_directory(path).map_err(failed)
            }
            result => result.map_err(failed),
        }
    }

    /// Makes the entries of a directory durable, and its own name. The directories above are synced last: that costs nothing where the
    /// file system has made them durable together with it.
    pub(super) fn sync(&self, path: &Path) -> Result<()> {
        let failed = |source: io::Error| Error::disk(format!("sync the directory `{}`", path.display()))(source);
        disk::sync_directory(path).map_err(failed)?;
        let mut above = path;
        while !lock(&self.durable).contains(above) {
            disk::sync_directory(parent(above)).map_err(failed)?;
            lock(&self.durable).insert(above.to_owned());
            if above == self.directory {
                break;
            }
            above = parent(above);
        }
        Ok(())
    }

    /// The youngest copy of some bytes that may be used.
    pub(super) fn find(&self, digest: &Digest, min_generation: i64) -> Result<Option<i64>> {
        let names = disk::list(&self.shelf(digest)).map_err(Error::disk("list a directory of blobs"))?;
        let copies = names.iter().filter_map(|name| CopyName::parse(name.to_str()?));
        let generations = copies.filter(|name| name.digest == *digest).map(|name| name.generation);
        Ok(generations.filter(|generation| *generation >= min_generation).max())
    }

    /// Directories before that of `after` are not looked at.
    pub(super) fn list(&self, after: Option<CopyName>, limit: usize) -> Result<Vec<StoredCopy>> {
        let failed = || Error::disk("list the directories of blobs");
        let first = after.map(|after| after.digest.to_string());
        let (top, below) = first.as_deref().map_or(("", ""), |digest| (&digest[..2], &digest[2..4]));
        let mut found = Vec::new();
        for outer in list_sorted(&self.blobs(), top).map_err(failed())? {
            let from = if outer == top { below } else { "" };
            let directory = self.blobs().join(&outer);
            for inner in list_sorted(&directory, from).map_err(failed())? {
                list_shelf(&directory.join(inner), after, limit, &mut found)?;
                if found.len() == limit {
                    return Ok(found);
                }
            }
        }
        Ok(found)
    }

    pub(super) fn discard(&self, name: CopyName) -> Result<()> {
        // Its generation is over, so nothing is to bring it back.
        self.note_healed(name)?;
        let to = self.trash().join(name.to_string());
        if self.move_away(name, &to)? { self.note_moved(name, &to) } else { Ok(()) }
    }

    pub(super) fn quarantine(&self, name: CopyName) -> Result<()> {
        let to = self.quarantine_place(name);
        if !self.move_away(name, &to)? {
            return Ok(());
        }
        // An upload may have healed it since it was found damaged.
        if has_bytes(&to, name)? == Some(true) {
            return match disk::rename_without_replacing(&to, &self.copy(name)) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(Error::disk("move a blob back")(error)),
                _ => Ok(()),
            };
        }
        self.note_moved(name, &to)
    }

    /// Takes its name from a copy; `false` where it is gone.
    fn move_away(&self, name: CopyName, to: &Path) -> Result<bool> {
        match disk::rename(&self.copy(name), to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            result => result.map(|()| true).map_err(Error::disk("move a blob away")),
        }
    }

    fn note_moved(&self, name: CopyName, to: &Path) -> Result<()> {
        // The trash is emptied by the time at which bytes came there.
        disk::touch(to).map_err(Error::disk("move a blob away"))?;
        disk::remove_if_there(&self.sums(name)).map_err(Error::disk("remove the checksums of a blob"))?;
        self.sync(parent(to))?;
        self.sync(&self.shelf(&name.digest))
    }

    pub(super) fn list_quarantined(&self) -> Result<Vec<CopyName>> {
        let names = disk::list(&self.quarantined()).map_err(Error::disk("list the quarantine"))?;
        Ok(names.iter().filter_map(|name| CopyName::parse(name.to_str()?)).collect())
    }

    pub(super) fn list_trash(&self, before: Timestamp, limit: usize) -> Result<Vec<CopyName>> {
        let names = disk::list(&self.trash()).map_err(Error::disk("list the trash"))?;
        let copies = names.iter().filter_map(|name| CopyName::parse(name.to_str()?));
        let is_old = |name: &CopyName| disk::look(&self.trash().join(name.to_string())).is_ok_and(|(_, moved)| moved < before);
        Ok(copies.filter(is_old).take(limit).collect())
    }

    pub(super) fn remove_trash(&self, name: CopyName) -> Result<()> {
        disk::remove_if_there(&self.trash().join(name.to_string())).map_err(Error::disk("empty the trash"))
    }

    pub(super) fn find_scrub_cursor(&self) -> Result<Option<CopyName>> {
        match disk::read(&self.directory.join(SCRUBBED)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            // One that can't be read starts a pass anew.
            text => Ok(std::str::from_utf8(&text.map_err(Error::disk("read where scrubbing is"))?).ok().and_then(CopyName::parse)),
        }
    }

    pub(super) fn save_scrub_cursor(&self, cursor: Option<CopyName>) -> Result<()> {
        let text = cursor.map(|cursor| cursor.to_string()).unwrap_or_default();
        let (new, path) = (self.directory.join("scrubbed-new"), self.directory.join(SCRUBBED));
        let saved = disk::write_durably(&new, text.as_bytes()).and_then(|()| disk::rename(&new, &path));
        saved.map_err(Error::disk("keep where scrubbing is"))
    }

    /// The directories that hold copies, with their names, in order.
    pub(super) fn list_shelves(&self) -> Result<Vec<PathBuf>> {
        let failed = || Error::disk("list the directories of blobs");
        let mut shelves = Vec::new();
        for outer in list_sorted(&self.blobs(), "").map_err(failed())? {
            let directory = self.blobs().join(outer);
            shelves.extend(list_sorted(&directory, "").map_err(failed())?.into_iter().map(|inner| directory.join(inner)));
        }
        Ok(shelves)
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The names in a directory of two-digit names, in order, from one on.
fn list_sorted(directory: &Path, from: &str) -> io::Result<Vec<String>> {
    let names = disk::list(directory)?.into_iter().filter_map(|name| name.into_string().ok());
    let mut names: Vec<String> = names.filter(|name| name.len() == 2 && name.as_str() >= from).collect();
    names.sort_unstable();
    Ok(names)
}

/// Adds the copies of one directory, as far as there is room.
fn list_shelf(shelf: &Path, after: Option<CopyName>, limit: usize, found: &mut Vec<StoredCopy>) -> Result<()> {
    let names = disk::list(shelf).map_err(Error::disk("list a directory of blobs"))?;
    let mut names: Vec<CopyName> = names.iter().filter_map(|name| CopyName::parse(name.to_str()?)).collect();
    names.retain(|name| after.is_none_or(|after| *name > after));
    names.sort_unstable();
    for name in names {
        if found.len() == limit {
            return Ok(());
        }
        // One that is gone was removed while the list was made.
        if let Ok((size, stored)) = disk::look(&shelf.join(name.to_string())) {
            found.push(StoredCopy { name, size: i64::try_from(size).unwrap_or(i64::MAX), stored });
        }
    }
    Ok(())
}
