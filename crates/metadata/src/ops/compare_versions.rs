//! How the files of two versions differ.

use std::collections::{HashMap, HashSet};

use consign_types::resource::VersionRef;
use consign_types::{Digest, FilePath};

use super::readable_version;
use crate::connection::Db;
use crate::tables::file_row::File;
use crate::tables::files;
use crate::{Listed, Metadata, Page, Result};

/// How many files are read at once.
const CHUNK: i64 = 1000;

/// Two versions, of whichever packages and projects.
#[derive(Clone, Debug)]
pub struct CompareVersions {
    /// The version compared from.
    pub base: VersionRef,
    /// The version compared to.
    pub target: VersionRef,
    /// Which page of the differences, by path.
    pub page: Page<FilePath>,
}

/// How two versions differ.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// A page of the differences, by path.
    pub differences: Listed<Difference>,
    /// Paths that only the target has.
    pub added: i64,
    /// Paths that only the base has.
    pub removed: i64,
    /// Paths that have other bytes.
    pub changed: i64,
    /// Bytes of the target that the base has too, under any path.
    pub shared_bytes: i64,
    /// Bytes of the target that the base does not have.
    pub new_bytes: i64,
}

/// A path that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The path.
    pub path: FilePath,
    /// Digest and size in the base; `None` where the path is added.
    pub base: Option<(Digest, i64)>,
    /// Digest and size in the target; `None` where it is removed.
    pub target: Option<(Digest, i64)>,
}

impl Metadata {
    /// Compares the files that two versions serve. `VersionNotFound` naming the one that can't be read.
    pub async fn compare_versions(&self, request: CompareVersions) -> Result<Comparison> {
        self.pool.read(move |db| compare(db, &request)).await
    }
}

/// The files of a version, one after the other by path, of which a few are held at a time.
struct Walk {
    version: i64,
    files: std::vec::IntoIter<File>,
    last: Option<FilePath>,
    done: bool,
}

impl Walk {
    fn of(version: i64) -> Self {
        Self { version, files: Vec::new().into_iter(), last: None, done: false }
    }

    fn next(&mut self, db: &mut Db) -> Result<Option<File>> {
        if self.files.len() == 0 && !self.done {
            let chunk = files::list_served(db, self.version, self.last.as_ref(), CHUNK)?;
            self.done = chunk.is_empty();
            self.last = chunk.last().map(|file| file.path.clone());
            self.files = chunk.into_iter();
        }
        Ok(self.files.next())
    }
}

fn compare(db: &mut Db, request: &CompareVersions) -> Result<Comparison> {
    let base = readable_version(db, &request.base)?;
    let target = readable_version(db, &request.target)?;
    let (mut bases, mut targets) = (Walk::of(base.id), Walk::of(target.id));
    let (mut left, mut right) = (bases.next(db)?, targets.next(db)?);
    let mut page = Vec::new();
    let mut of_base: HashSet<Digest> = HashSet::new();
    let mut of_target: HashMap<Digest, i64> = HashMap::new();
    let (mut added, mut removed, mut changed) = (0, 0, 0);
    loop {
        let order = match (&left, &right) {
            (Some(left), Some(right)) => left.path.cmp(&right.path),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (None, None) => break,
        };
        let from = if order.is_le() { std::mem::replace(&mut left, bases.next(db)?) } else { None };
        let to = if order.is_ge() { std::mem::replace(&mut right, targets.next(db)?) } else { None };
        of_base.extend(from.as_ref().map(|file| file.digest));
        if let Some(file) = &to {
            *of_target.entry(file.digest).or_default() += file.size_bytes;
        }
        match (&from, &to) {
            (Some(from), Some(to)) if from.digest == to.digest => continue,
            (Some(_), Some(_)) => changed += 1,
            (Some(_), None) => removed += 1,
            (None, _) => added += 1,
        }
        let Some(path) = from.as_ref().or(to.as_ref()).map(|file| file.path.clone()) else { continue };
        let is_behind = request.page.after.as_ref().is_none_or(|after| path > *after);
        if is_behind && page.len() <= request.page.size {
            let bytes = |file: &File| (file.digest, file.size_bytes);
            page.push(Difference { path, base: from.as_ref().map(bytes), target: to.as_ref().map(bytes) });
        }
    }
    let shared_bytes = of_target.iter().filter(|(digest, _)| of_base.contains(*digest)).map(|(_, bytes)| bytes).sum();
    let new_bytes = target.size_bytes - shared_bytes;
    Ok(Comparison { differences: request.page.of(page), added, removed, changed, shared_bytes, new_bytes })
}
