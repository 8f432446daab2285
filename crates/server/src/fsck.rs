//! Comparing what the metadata plane refers to with what the blob plane stores, in both directions.
//!
//! The service may run meanwhile: what changes while it is looked at is looked at again before anything is said of it.

use std::fmt;
use std::sync::Arc;

use clap::Args;
use consign_blobs::check::{Condition, Leftover};
use consign_blobs::{Blobs, Local, S3, Store};
use consign_metadata::{Metadata, Rules};
use consign_types::CopyName;
use futures::stream::{StreamExt as _, TryStreamExt as _, iter};

use crate::clock;
use crate::config::{CollectionSettings, DatabaseSettings, StoreSettings};
use crate::error::{Error, Result};
use crate::run::lock_directory;

/// How many copies are asked for in one go, and how many are looked at at once.
const PAGE: i64 = 500;
const AT_ONCE: usize = 16;

/// What is compared, and what is done about it.
#[derive(Clone, Debug, Args)]
pub struct FsckSettings {
    /// Where the data are.
    #[command(flatten)]
    pub database: DatabaseSettings,

    /// Where the blobs are.
    #[command(flatten)]
    pub store: StoreSettings,

    /// How old a copy must be to be too many.
    #[command(flatten)]
    pub collection: CollectionSettings,

    /// Read all bytes, and compare them with their digests.
    #[arg(long)]
    pub read: bool,

    /// Move what is too many to the trash, quarantine what is damaged, and remove what uploads left. With blobs in the data directory,
    /// the service must not run. What is missing stays missing: publish it again.
    #[arg(long)]
    pub repair: bool,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Files refer to a copy that is not there.
    Missing(CopyName),
    /// Files refer to a copy that does not have its bytes.
    Damaged(CopyName),
    /// A copy is there to which nothing refers.
    Extra(CopyName),
    /// Something is there that belongs to nothing.
    Leftover(Leftover),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(copy) => write!(f, "missing    {copy}"),
            Self::Damaged(copy) => write!(f, "corrupt    {copy}"),
            Self::Extra(copy) => write!(f, "extra      {copy}"),
            Self::Leftover(Leftover::Upload(upload)) => write!(f, "temporary  upload {upload}"),
            Self::Leftover(Leftover::Stray(name)) => write!(f, "temporary  {name}"),
        }
    }
}

/// Looks at everything, tells what it finds as it goes, and repairs where it is told to. Returns how much it found.
pub async fn fsck(settings: &FsckSettings, mut tell: impl FnMut(&Finding)) -> Result<usize> {
    let bucket = settings.store.s3();
    let directory = settings.database.data_dir.clone();
    if bucket.is_none() && !directory.is_dir() {
        return Err(Error::Settings(format!("there is no data directory `{}`", directory.display())));
    }
    if !consign_metadata::is_there(&settings.database.config())? {
        return Err(Error::Settings(format!("there is no database `{}`", settings.database.config().database_url)));
    }
    let _lock = if settings.repair && bucket.is_none() { Some(lock_directory(&directory)?) } else { None };
    let store: Arc<dyn Store> = match bucket {
        Some(bucket) => Arc::new(S3::open(bucket)?),
        None => Arc::new(Local::attach(directory, 0).await?),
    };
    let metadata = Metadata::open(&settings.database.config(), Rules::standard(), clock::now).await?;
    // All that is stored would be too many.
    if settings.repair && metadata.list_copies(None, 1).await?.is_empty() {
        return Err(Error::Settings("the database refers to no blobs, so nothing is repaired by it: is it the right one?".to_owned()));
    }
    let check = Check { metadata, blobs: Blobs::over(store, clock::now), settings };
    let mut found = 0;
    let mut tell = |finding: &Finding| {
        found += 1;
        tell(finding);
    };
    check.rows(&mut tell).await?;
    check.copies(&mut tell).await?;
    check.leftovers(&mut tell).await?;
    Ok(found)
}

struct Check<'a> {
    metadata: Metadata,
    blobs: Blobs,
    settings: &'a FsckSettings,
}

impl Check<'_> {
    /// From what is referred to, to what is stored.
    async fn rows(&self, tell: &mut impl FnMut(&Finding)) -> Result<()> {
        let mut after = None;
        loop {
            let page = self.metadata.list_copies(after, PAGE).await?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            after = Some(last.digest);
            let looked = iter(page).map(|(copy, size)| self.look(copy, size)).buffered(AT_ONCE);
            let bad: Vec<Finding> = looked.try_filter_map(async |finding| Ok(finding)).try_collect().await?;
            for finding in bad {
                let (Finding::Missing(copy) | Finding::Damaged(copy)) = finding else { continue };
                // Garbage collection may have come between.
                if self.metadata.list_kept(vec![copy]).await?.is_empty() {
                    continue;
                }
                tell(&finding);
                if self.settings.repair && finding == Finding::Damaged(copy) {
                    self.blobs.quarantine(copy).await?;
                }
            }
        }
    }

    async fn look(&self, copy: CopyName, size: i64) -> Result<Option<Finding>> {
        match self.blobs.look(copy, size).await? {
            Condition::Missing => Ok(Some(Finding::Missing(copy))),
            Condition::Damaged => Ok(Some(Finding::Damaged(copy))),
            Condition::Good if self.settings.read && !self.blobs.verify(copy, size, None).await? => Ok(Some(Finding::Damaged(copy))),
            Condition::Good => Ok(None),
        }
    }

    /// From what is stored, to what is referred to.
    async fn copies(&self, tell: &mut impl FnMut(&Finding)) -> Result<()> {
        let mut after = None;
        loop {
            let page = self.blobs.list_copies(after, usize::try_from(PAGE).expect("a page is small")).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.name);
            let old = clock::now().plus_seconds(-self.settings.collection.gc_grace_seconds);
            let copies: Vec<CopyName> = page.iter().filter(|copy| copy.stored < old).map(|copy| copy.name).collect();
            let kept = self.metadata.list_kept(copies.clone()).await?;
            for copy in copies.into_iter().filter(|copy| !kept.contains(copy)) {
                tell(&Finding::Extra(copy));
                if self.settings.repair {
                    let dead = self.metadata.condemn(vec![copy]).await?;
                    self.blobs.discard(&dead).await.into_iter().collect::<Result<(), _>>()?;
                }
            }
        }
    }

    async fn leftovers(&self, tell: &mut impl FnMut(&Finding)) -> Result<()> {
        for leftover in self.blobs.list_leftovers().await? {
            tell(&Finding::Leftover(leftover.clone()));
            if self.settings.repair {
                self.blobs.remove_leftover(&leftover).await?;
            }
        }
        Ok(())
    }
}
