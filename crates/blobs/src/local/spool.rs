//! Bytes on a local disk that are not checked yet.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use consign_types::CopyName;
use prost::Message as _;
use sha2::Digest as _;
use tokio::task::spawn_blocking;

use super::layout::Layout;
use super::write_out::WriteOut;
use super::{Local, blob, in_span, write_out};
use crate::block::Block;
use crate::disk;
use crate::error::{Error, Result};
use crate::feed::Blocks;
use crate::progress::Progress;
use crate::store::{Hashed, PIECE_SIZE, Plan, Spool, StoredSpool};
use crate::sums::{self, SumsPart};

/// The smallest blob that has its checksums beside it. Smaller ones are hashed as a whole whenever they are read.
pub(super) const SUMS_FROM_BYTES: i64 = 1 << 20;

const PROGRESS: &str = "progress";
const SUMS: &str = "sums";
const SUMS_NEW: &str = "sums-new";

/// The file of an upload.
#[derive(Clone, Debug)]
pub(super) struct LocalSpool {
    store: Local,
    upload: i64,
    file: Arc<File>,
    write_out: WriteOut,
    path: PathBuf,
    /// Where it is going to end, if that was declared.
    size: Option<u64>,
}

impl LocalSpool {
    pub(super) fn create(store: Local, plan: Plan) -> Result<Self> {
        let Plan { upload, .. } = plan;
        store.check_room()?;
        remove(&store.layout, upload)?;
        let path = path_of(&store.layout, upload);
        let file = disk::create(&path).map_err(Error::disk("make a spool"))?;
        tracing::trace!(upload, "spool made");
        Ok(Self { store, upload, file: Arc::new(file), write_out: WriteOut::default(), path, size: plan.file_size() })
    }

    pub(super) fn find(store: Local, plan: Plan) -> Result<Option<(Self, Progress)>> {
        let Plan { upload, .. } = plan;
        let path = path_of(&store.layout, upload);
        let kept = match disk::read(&path.with_extension(PROGRESS)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            kept => kept.map_err(Error::disk("read how far an upload has come"))?,
        };
        let file = match disk::open_to_write(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(Error::disk("open a spool"))?,
        };
        let Some(progress) = decode(&kept) else {
            tracing::warn!(upload, "what was kept of an upload is damaged: it starts over");
            return Ok(None);
        };
        let (size, end) = (disk::size(&file).map_err(Error::disk("look at a spool"))?, u64::try_from(progress.end()).unwrap_or(u64::MAX));
        if size < end || !has_sums(&path, progress.hashed)? {
            tracing::error!(upload, size, end, "an upload has lost bytes: it starts over");
            return Ok(None);
        }
        if size > end {
            // They came after that, and what comes now may be fewer.
            disk::shorten(&file, end).map_err(Error::disk("shorten a spool"))?;
        }
        let spool = Self { store, upload, file: Arc::new(file), write_out: WriteOut::default(), path, size: plan.file_size() };
        Ok(Some((spool, progress)))
    }

    /// Does something on a thread that may wait for the disk.
    async fn with<T: Send + 'static>(&self, work: impl FnOnce(&Self) -> Result<T> + Send + 'static) -> Result<T> {
        let spool = self.clone();
        spawn_blocking(in_span(move || work(&spool))).await?
    }

    fn write_now(&self, offset: i64, block: &Block) -> Result<()> {
        self.store.check_room()?;
        let start = u64::try_from(offset).expect("a position is not negative");
        let written = start..start + block.len() as u64;
        if let Some(size) = self.size {
            write_out::reserve(&self.file, &written, size);
        }
        let chunks: Vec<&[u8]> = block.chunks().collect();
        disk::write_at(&self.file, &chunks, start).map_err(Error::disk("write to a spool"))?;
        self.write_out.begin(&self.file, &written);
        tracing::trace!(offset, "bytes spooled");
        Ok(())
    }

    fn write_sums(&self, SumsPart { start, bytes }: &SumsPart) -> Result<()> {
        let path = self.path.with_extension(SUMS);
        disk::write_end_durably(&path, *start as u64, bytes).map_err(Error::disk("write the checksums of a blob"))
    }

    fn place_now(&self, name: CopyName, size: i64, min_generation: i64, sums: &SumsPart) -> Result<i64> {
        disk::sync(&self.file).map_err(Error::disk("sync a spool"))?;
        tracing::trace!(digest = %name.digest, "spool synced");
        let has_sums = size > SUMS_FROM_BYTES;
        if has_sums {
            self.write_sums(sums)?;
        }
        let generation = name_spool(&self.store.layout, &self.path, has_sums, name, min_generation)?;
        self.store.layout.sync(&self.store.layout.shelf(&name.digest))?;
        tracing::trace!(digest = %name.digest, generation, "blob durable");
        remove(&self.store.layout, self.upload)?;
        Ok(generation)
    }
}

#[async_trait]
impl Spool for LocalSpool {
    fn grain(&self) -> i64 {
        1
    }

    async fn write(&self, offset: i64, block: Block, _: Hashed) -> Result<()> {
        self.with(move |spool| spool.write_now(offset, &block)).await
    }

    /// By one thread: whoever sends the blocks ends them where none comes.
    async fn write_all(&self, mut blocks: Blocks) -> Result<()> {
        let write = move |spool: &Self| {
            while let Some(queued) = blocks.wait_for_next() {
                spool.write_now(queued.offset, &queued.block)?;
            }
            Ok(())
        };
        self.with(write).await
    }

    async fn read_back(&self, offset: i64, length: usize) -> Result<Bytes> {
        let read = move |spool: &Self| {
            let offset = u64::try_from(offset).expect("a position is not negative");
            let mut bytes = vec![0; length];
            if disk::read_at(&spool.file, offset, &mut bytes).map_err(Error::disk("read a spool"))? < length {
                return Err(Error::disk("read a spool")(io::ErrorKind::UnexpectedEof.into()));
            }
            Ok(bytes.into())
        };
        self.with(read).await
    }

    async fn sync(&self) -> Result<()> {
        self.with(|spool| disk::sync(&spool.file).map_err(Error::disk("sync a spool"))).await
    }

    async fn save(&self, progress: &Progress, sums: SumsPart) -> Result<()> {
        let mut kept = progress.encode_to_vec();
        kept.extend_from_slice(&sha2::Sha256::digest(&kept));
        let save = move |spool: &Self| {
            if !sums.bytes.is_empty() {
                spool.write_sums(&sums)?;
            }
            let failed = || Error::disk("keep how far an upload has come");
            let path = spool.path.with_extension(PROGRESS);
            let new = spool.path.with_extension("progress-new");
            disk::write_durably(&new, &kept).map_err(failed())?;
            disk::rename(&new, &path).map_err(failed())?;
            spool.store.layout.sync(&spool.store.layout.spools())?;
            tracing::trace!(upload = spool.upload, "progress kept");
            Ok(())
        };
        self.with(save).await
    }

    async fn place(&self, name: CopyName, size: i64, min_generation: i64, sums: SumsPart) -> Result<i64> {
        self.with(move |spool| spool.place_now(name, size, min_generation, &sums)).await
    }

    async fn remove(&self) -> Result<()> {
        self.with(|spool| remove(&spool.store.layout, spool.upload)).await
    }
}

/// Gives a synced spool its name, or finds a copy of these bytes that may be used. Returns the generation; the name is durable once its
/// directory is synced.
///
/// A copy that is there already is kept if it still has its bytes; the spool takes the place of one that is damaged, so that
/// whoever refers to it has the bytes again.
pub(super) fn name_spool(layout: &Layout, spool: &Path, has_sums: bool, name: CopyName, min_generation: i64) -> Result<i64> {
    layout.make(&layout.shelf(&name.digest))?;
    let failed = || Error::disk("place a blob");
    loop {
        if let Some(generation) = layout.find(&name.digest, min_generation)? {
            let existing = CopyName { generation, ..name };
            match blob::is_whole(layout, existing)? {
                Some(true) => {}
                Some(false) => replace_damaged(layout, spool, has_sums, existing)?,
                // It was discarded just now.
                None => continue,
            }
            // It is wanted again: garbage collection takes it for as young as what was stored now.
            match disk::touch(&layout.copy(existing)) {
                // It was discarded just now.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                touched => touched.map_err(Error::disk("touch a blob"))?,
            }
            return Ok(generation);
        }
        // Files may refer to one that was found damaged: it has its bytes again.
        let name = layout.find_quarantined(&name.digest, min_generation)?.map_or(name, |generation| CopyName { generation, ..name });
        // The checksums first: where the process dies between the two, they belong to no copy until the upload is finished again. Where it
        // never is, `fsck` tells and removes them.
        if has_sums {
            place_sums(layout, spool, name)?;
        }
        match disk::rename_without_replacing(spool, &layout.copy(name)) {
            Ok(()) => {
                tracing::trace!(digest = %name.digest, name.generation, "blob placed");
                layout.note_healed(name)?;
                // Its age counts from now, however long its bytes have been coming.
                disk::touch(&layout.copy(name)).map_err(Error::disk("touch a blob"))?;
                return Ok(name.generation);
            }
            // Another upload of these bytes was faster: its copy is looked at in the next round.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed()(error)),
        }
    }
}

/// Until the bytes have their name, the upload keeps the checksums too: after a failure it goes on with them.
fn place_sums(layout: &Layout, spool: &Path, name: CopyName) -> Result<()> {
    let (kept, new) = (spool.with_extension(SUMS), spool.with_extension(SUMS_NEW));
    let failed = || Error::disk("place the checksums of a blob");
    disk::remove_if_there(&new).map_err(failed())?;
    disk::link(&kept, &new).map_err(failed())?;
    disk::rename(&new, &layout.sums(name)).map_err(failed())?;
    tracing::trace!(digest = %name.digest, "checksums placed");
    Ok(())
}

/// Puts a spool in the place of a damaged copy, which is kept for those who look into why.
///
/// The name has bytes at every instant: where another upload has healed the copy in the meantime, good ones replace good ones.
fn replace_damaged(layout: &Layout, spool: &Path, has_sums: bool, name: CopyName) -> Result<()> {
    let aside = layout.healed_place(name);
    match disk::link(&layout.copy(name), &aside) {
        Err(error) if !matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound) => {
            return Err(Error::disk("keep a damaged blob")(error));
        }
        _ => {}
    }
    if has_sums {
        place_sums(layout, spool, name)?;
    }
    disk::rename(spool, &layout.copy(name)).map_err(Error::disk("replace a damaged blob"))?;
    tracing::error!(kept = %aside.display(), "a damaged blob is replaced by the bytes that came now");
    Ok(())
}

/// Whether the checksums of so many bytes are there.
fn has_sums(spool: &Path, hashed: i64) -> Result<bool> {
    let wanted = sums::whole_bytes(hashed).map_or(u64::MAX, |bytes| bytes as u64);
    match disk::look(&spool.with_extension(SUMS)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(wanted == 0),
        found => Ok(found.map_err(Error::disk("look at the checksums of an upload"))?.0 >= wanted),
    }
}

/// How far an upload has come, as it was kept; `None` where that is damaged.
fn decode(kept: &[u8]) -> Option<Progress> {
    let (progress, digest) = kept.split_last_chunk::<32>()?;
    let is_sound = sha2::Sha256::digest(progress).as_slice() == digest;
    Progress::decode(progress).ok().filter(|_| is_sound)
}

fn path_of(layout: &Layout, upload: i64) -> PathBuf {
    layout.spools().join(upload.to_string())
}

/// Removes the files of an upload. The bytes go last: what is left without them is known to be of no use.
pub(super) fn remove(layout: &Layout, upload: i64) -> Result<()> {
    let path = path_of(layout, upload);
    let beside = [PROGRESS, "progress-new", SUMS, SUMS_NEW].map(|extension| path.with_extension(extension));
    for path in beside.into_iter().chain([path]) {
        disk::remove_if_there(&path).map_err(Error::disk("remove a spool"))?;
    }
    Ok(())
}

/// All that have come, also what can't go on.
pub(super) fn list(layout: &Layout) -> Result<Vec<StoredSpool>> {
    let names = disk::list(&layout.spools()).map_err(Error::disk("list the spools"))?;
    let uploads = names.iter().filter_map(|name| name.to_str()?.parse().ok());
    let spool = |upload| Some(StoredSpool { upload, written: disk::look(&path_of(layout, upload)).ok()?.1 });
    Ok(uploads.filter_map(spool).collect())
}

/// Removes what a process that ended has left and nobody can go on with.
pub(super) fn remove_abandoned(layout: &Layout) -> Result<()> {
    for name in disk::list(&layout.spools()).map_err(Error::disk("list the spools"))? {
        let path = layout.spools().join(name);
        let is_of_upload = path.extension().is_none_or(|extension| extension == PROGRESS || extension == SUMS);
        let is_kept = is_of_upload && disk::exists(&path.with_extension("")) && disk::exists(&path.with_extension(PROGRESS));
        if !is_kept && let Err(error) = disk::remove_if_there(&path) {
            tracing::warn!(path = %path.display(), %error, "abandoned spool stays");
        }
    }
    Ok(())
}

const _: () = assert!(SUMS_FROM_BYTES % PIECE_SIZE == 0, "a blob with checksums has whole pieces");
