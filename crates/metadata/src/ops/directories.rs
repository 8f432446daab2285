//! Which versions have files that no directory can have all of. To find out takes a look at every path, so it is remembered.

use std::sync::Arc;

use consign_types::FilePath;
use consign_types::directory::{Clash, Walk};
use moka::sync::Cache;

use crate::connection::Db;
use crate::tables::files;
use crate::tables::version_row::Version;
use crate::{Error, Result};

/// How many paths are looked at by one statement.
const AT_ONCE: i64 = 5000;

/// How many verdicts are remembered.
const MAX_REMEMBERED: u64 = 10_000;

/// What was found out about versions, each as of a change. A version that changes has another one, so no verdict ever goes wrong.
#[derive(Clone, Debug)]
pub(crate) struct Directories(Cache<AsOf, Option<Arc<Clash>>>);

/// The id of a version, and the change that it was seen after.
type AsOf = (i64, i64);

impl Default for Directories {
    fn default() -> Self {
        Self(Cache::new(MAX_REMEMBERED))
    }
}

impl Directories {
    /// Refuses a version one of whose files stands where another one has a folder: `PathsClash`.
    pub(super) fn check(&self, db: &mut Db, version: &Version) -> Result<()> {
        let as_of = (version.id, version.sequence);
        let clash = if let Some(known) = self.0.get(&as_of) {
            known
        } else {
            let found = find_clash(db, version.id)?.map(Arc::new);
            self.0.insert(as_of, found.clone());
            found
        };
        clash.map_or(Ok(()), |clash| Err(Error::PathsClash { file: clash.file.clone(), below: clash.below.clone() }))
    }
}

fn find_clash(db: &mut Db, version: i64) -> Result<Option<Clash>> {
    let (mut walk, mut after) = (Walk::default(), None::<FilePath>);
    loop {
        let paths = files::list_paths(db, version, after.as_ref(), AT_ONCE)?;
        let is_last = i64::try_from(paths.len()).is_ok_and(|length| length < AT_ONCE);
        after = paths.last().cloned();
        if let Some(clash) = paths.into_iter().find_map(|path| walk.pass(path)) {
            return Ok(Some(clash));
        }
        if is_last {
            return Ok(None);
        }
    }
}
