//! Small blobs that are stored in one go: one by one, or many with a shared sync.

use std::path::PathBuf;

use tokio::task::spawn_blocking;

use super::layout::Layout;
use super::spool::name_spool;
use super::{Local, in_span};
use crate::disk;
use crate::error::{Error, Result};
use crate::store::Small;

/// From how many blobs on one sync of the whole file system is cheaper than one for each. It also waits for what others write.
const SHARED_FROM: usize = 8;

pub(super) async fn put(store: &Local, blobs: Vec<Small>) -> Vec<Result<i64>> {
    let (store, count) = (store.clone(), blobs.len());
    let work = move || if blobs.len() < SHARED_FROM { put_each(&store, blobs) } else { put_together(&store, &blobs) };
    match spawn_blocking(in_span(work)).await {
        Ok(results) => results,
        // A panic of the work: nothing is known of any of them.
        Err(_) => (0..count).map(|_| Err(Error::Unanswered)).collect(),
    }
}

fn put_each(store: &Local, blobs: Vec<Small>) -> Vec<Result<i64>> {
    let put = |small: Small| {
        let temporary = write(store, &small)?;
        disk::sync(&temporary.file).map_err(Error::disk("sync a spool"))?;
        tracing::trace!(digest = %small.name.digest, "spool synced");
        let generation = name_spool(&store.layout, &temporary.path, false, small.name, small.min_generation)?;
        store.layout.sync(&store.layout.shelf(&small.name.digest))?;
        tracing::trace!(digest = %small.name.digest, generation, "blob durable");
        Ok(generation)
    };
    blobs.into_iter().map(put).collect()
}

/// Two syncs for all: of the bytes, before they get their names, and of the names.
fn put_together(store: &Local, blobs: &[Small]) -> Vec<Result<i64>> {
    let written: Vec<Result<Temporary>> = blobs.iter().map(|small| write(store, small)).collect();
    if let Err(error) = sync_all(&store.layout) {
        return fail_all(blobs.len(), error);
    }
    let name = |(small, temporary): (&Small, Result<Temporary>)| {
        name_spool(&store.layout, &temporary?.path, false, small.name, small.min_generation)
    };
    let named: Vec<Result<i64>> = blobs.iter().zip(written).map(name).collect();
    match sync_all(&store.layout) {
        Ok(()) => named,
        Err(error) => fail_all(blobs.len(), error),
    }
}

fn sync_all(layout: &Layout) -> Result<()> {
    disk::sync_file_system(layout.directory()).map_err(Error::disk("sync the store"))
}

/// The first blob is told what happened, the others that it did.
fn fail_all(count: usize, error: Error) -> Vec<Result<i64>> {
    std::iter::once(Err(error)).chain((1..count).map(|_| Err(Error::Unanswered))).collect()
}

/// A file that is removed unless it was given a name.
struct Temporary {
    file: std::fs::File,
    path: PathBuf,
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Err(error) = disk::remove_if_there(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "spool stays until the next start");
        }
    }
}

fn write(store: &Local, small: &Small) -> Result<Temporary> {
    store.check_room()?;
    let path = store.layout.spools().join(format!("{}-small-{}", small.upload, store.next_number()));
    let file = disk::create(&path).map_err(Error::disk("make a spool"))?;
    tracing::trace!(small.upload, "spool made");
    let temporary = Temporary { file, path };
    disk::write_at(&temporary.file, &[&small.bytes], 0).map_err(Error::disk("write to a spool"))?;
    tracing::trace!(small.upload, "bytes spooled");
    Ok(temporary)
}
