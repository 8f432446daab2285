//! The store on a local disk.
//!
//! ```text
//! <directory>/spool/<upload>-<n>                       bytes that are not checked yet
//! <directory>/blobs/<2 digits>/<2 digits>/<digest>.<generation>
//! ```
//!
//! A stored name is a digest and a generation, so removing an old copy can never hit a newer one of the same bytes. A name
//! appears only once its bytes are checked and durable, and is never given to other bytes.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use consign_types::Digest;
use sha2::Digest as _;

use crate::disk;
use crate::error::{Error, Result};

/// A directory of blobs.
#[derive(Debug)]
pub(crate) struct Local {
    directory: PathBuf,
    reserve_bytes: u64,
    /// Tells the spools of this process apart.
    spools: AtomicU64,
    /// Directories whose own names this process has synced. Finding a directory is not enough: whoever made it may not have
    /// come to sync it.
    durable: Mutex<HashSet<PathBuf>>,
}

impl Local {
    /// Opens a store, which is made if it is not there, and removes spools that no process writes.
    pub(crate) fn open(directory: PathBuf, reserve_bytes: u64) -> Result<Self> {
        let store = Self { directory, reserve_bytes, spools: AtomicU64::new(0), durable: Mutex::default() };
        for directory in [store.spool(), store.blobs()] {
            store.ensure_directory(&directory)?;
        }
        let failed = |path: &Path| Error::disk(format!("list the directory `{}`", path.display()));
        for name in disk::list(&store.spool()).map_err(failed(&store.spool()))? {
            let path = store.spool().join(name);
            if let Err(error) = disk::remove_if_abandoned(&path) {
                tracing::warn!(path = %path.display(), %error, "abandoned spool stays");
            }
        }
        Ok(store)
    }

    /// Whether the directory is there and can be written.
    pub(crate) fn ping(&self) -> Result<()> {
        disk::check_writable(&self.spool()).map_err(Error::disk("write to the store"))
    }

    /// An empty spool.
    pub(crate) fn create_spool(&self, upload: i64) -> Result<Spool> {
        let number = self.spools.fetch_add(1, Ordering::Relaxed);
        let path = self.spool().join(format!("{upload}-{}-{number}", std::process::id()));
        let file = disk::create(&path).map_err(Error::disk("make a spool"))?;
        tracing::trace!(upload, "spool made");
        Ok(Spool { file, path, hash: sha2::Sha256::new(), size: 0, placed: false })
    }

    /// Adds bytes to a spool.
    pub(crate) fn append(&self, spool: &mut Spool, bytes: &[u8]) -> Result<()> {
        let free = disk::free_bytes(&self.directory).map_err(Error::disk("look at the store"))?;
        if free < self.reserve_bytes {
            return Err(Error::Full);
        }
        disk::append(&spool.file, bytes).map_err(Error::disk("write to a spool"))?;
        spool.hash.update(bytes);
        spool.size += i64::try_from(bytes.len()).expect("a batch is smaller than memory");
        tracing::trace!(size = spool.size, "bytes spooled");
        Ok(())
    }

    /// Makes a spool durable under its digest, and returns the generation of the copy.
    ///
    /// A copy of these bytes that is there already is kept, if its generation is at least `min_generation` and it still has
    /// these bytes; the spool takes the place of one that is damaged, so that whoever refers to it has the bytes again. When this returns, the copy survives the loss of power: its content was synced before it got its name, and the name
    /// is synced now.
    pub(crate) fn place(&self, mut spool: Spool, digest: &Digest, generation: i64, min_generation: i64) -> Result<i64> {
        let directory = self.directory_of(digest);
        disk::sync(&spool.file).map_err(Error::disk("sync a spool"))?;
        tracing::trace!(%digest, "spool synced");
        self.ensure_directory(&directory)?;
        let generation = loop {
            if let Some(existing) = Self::find_copy(&directory, digest, min_generation)? {
                if !self.is_whole(digest, existing)? {
                    self.replace_damaged(&spool.path, digest, existing)?;
                    spool.placed = true;
                }
                break existing;
            }
            match disk::rename_without_replacing(&spool.path, &self.path_of(digest, generation)) {
                Ok(()) => {
                    spool.placed = true;
                    break generation;
                }
                // Another upload of these bytes was faster: its copy is looked at in the next round.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::disk("place a blob")(error)),
            }
        };
        tracing::trace!(%digest, generation, "blob placed");
        disk::sync_directory(&directory).map_err(Error::disk("sync a directory of blobs"))?;
        tracing::trace!(%digest, generation, "blob durable");
        Ok(generation)
    }

    /// Whether a copy still has the bytes that its name says.
    fn is_whole(&self, digest: &Digest, generation: i64) -> Result<bool> {
        let file = match disk::open(&self.path_of(digest, generation)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            result => result.map_err(Error::disk("open a blob"))?,
        };
        let (mut hash, mut buffer, mut offset) = (sha2::Sha256::new(), vec![0; 1 << 20], 0);
        loop {
            let read = disk::read_some_at(&file, &mut buffer, offset).map_err(Error::disk("read a blob"))?;
            if read == 0 {
                return Ok(Digest::from_bytes(hash.finalize().into()) == *digest);
            }
            hash.update(&buffer[..read]);
            offset += read as u64;
        }
    }

    /// Puts a spool in the place of a damaged copy, which is kept under another name for those who look into why.
    ///
    /// The name has bytes at every instant: where another upload has healed the copy in the meantime, good ones replace good ones.
    fn replace_damaged(&self, spool: &Path, digest: &Digest, generation: i64) -> Result<()> {
        let path = self.path_of(digest, generation);
        let aside = path.with_extension(format!("{generation}.damaged"));
        match disk::link(&path, &aside) {
            Err(error) if !matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound) => {
                return Err(Error::disk("keep a damaged blob")(error));
            }
            _ => {}
        }
        disk::rename(spool, &path).map_err(Error::disk("replace a damaged blob"))?;
        tracing::error!(kept = %aside.display(), "a damaged blob is replaced by the bytes that came now");
        Ok(())
    }

    /// Opens a copy for reading. One that does not have the size it was stored with is damaged.
    pub(crate) fn open_copy(&self, digest: &Digest, generation: i64, size: i64) -> Result<File> {
        let file = disk::open(&self.path_of(digest, generation)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::Missing(*digest),
            _ => Error::disk("open a blob")(error),
        })?;
        let stored = disk::size(&file).map_err(Error::disk("look at a blob"))?;
        if i64::try_from(stored) == Ok(size) { Ok(file) } else { Err(Error::Corrupt(*digest)) }
    }

    /// Makes a directory and those above it where they are missing, and makes sure that their names are durable.
    fn ensure_directory(&self, path: &Path) -> Result<()> {
        let known = || self.durable.lock().unwrap_or_else(PoisonError::into_inner);
        if known().contains(path) {
            return Ok(());
        }
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !disk::is_directory(parent) || path.starts_with(&self.directory) && path != self.directory {
            self.ensure_directory(parent)?;
        }
        let failed = || Error::disk(format!("make the directory `{}`", path.display()));
        disk::create_directory(path).map_err(failed())?;
        disk::sync_directory(parent).map_err(failed())?;
        known().insert(path.to_owned());
        Ok(())
    }

    /// The generation of some copy that may be used.
    fn find_copy(directory: &Path, digest: &Digest, min_generation: i64) -> Result<Option<i64>> {
        let names = disk::list(directory).map_err(Error::disk("list a directory of blobs"))?;
        let prefix = format!("{digest}.");
        let generations = names.iter().filter_map(|name| name.to_str()?.strip_prefix(&prefix)?.parse().ok());
        Ok(generations.filter(|generation| *generation >= min_generation).max())
    }

    fn directory_of(&self, digest: &Digest) -> PathBuf {
        let digest = digest.to_string();
        self.blobs().join(&digest[..2]).join(&digest[2..4])
    }

    fn path_of(&self, digest: &Digest, generation: i64) -> PathBuf {
        self.directory_of(digest).join(format!("{digest}.{generation}"))
    }

    fn spool(&self) -> PathBuf {
        self.directory.join("spool")
    }

    fn blobs(&self) -> PathBuf {
        self.directory.join("blobs")
    }
}

/// Bytes that are not checked yet. Dropping it removes them, unless they were placed.
#[derive(Debug)]
pub(crate) struct Spool {
    file: File,
    path: PathBuf,
    hash: sha2::Sha256,
    size: i64,
    placed: bool,
}

impl Spool {
    /// How many bytes it holds.
    pub(crate) fn size(&self) -> i64 {
        self.size
    }

    /// What they hash to.
    pub(crate) fn digest(&self) -> Digest {
        Digest::from_bytes(self.hash.clone().finalize().into())
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        if !self.placed
            && let Err(error) = disk::remove(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "spool stays until the next start");
        }
    }
}
