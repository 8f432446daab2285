//! Files that belong to nothing: what a process left that died at the wrong moment, and what was put here by others.

use std::path::{Component, Path};

use consign_types::{CopyName, Timestamp};

use super::layout::Layout;
use crate::disk;
use crate::error::{Error, Result};

/// Names are paths below the directory of the store.
pub(super) fn list(layout: &Layout) -> Result<Vec<(String, Timestamp)>> {
    let mut found = Vec::new();
    for shelf in layout.list_shelves()? {
        add(layout, &shelf, is_of_copy, &mut found)?;
    }
    add(layout, &layout.spools(), is_of_upload, &mut found)?;
    Ok(found)
}

fn add(layout: &Layout, directory: &Path, belongs: fn(&Path) -> bool, found: &mut Vec<(String, Timestamp)>) -> Result<()> {
    for name in disk::list(directory).map_err(Error::disk("list the store"))? {
        let path = directory.join(name);
        let Some(below) = path.strip_prefix(layout.directory()).ok().and_then(Path::to_str) else { continue };
        // One that is gone belonged to something.
        if !belongs(&path)
            && let Ok((_, written)) = disk::look(&path)
        {
            found.push((below.to_owned(), written));
        }
    }
    Ok(())
}

/// A copy in its directory, or the checksums of one that is there.
fn is_of_copy(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let copy = CopyName::parse(name.strip_suffix(".sums").unwrap_or(name));
    let is_at_home = copy.is_some_and(|copy| {
        let digest = copy.digest.to_string();
        path.parent().is_some_and(|shelf| shelf.ends_with(Path::new(&digest[..2]).join(&digest[2..4])))
    });
    let is_copy = !name.contains(".sums");
    is_at_home && (is_copy || disk::exists(&path.with_extension("")))
}

/// The bytes of an upload, or what is kept beside them.
fn is_of_upload(path: &Path) -> bool {
    let stem = path.with_extension("");
    let is_number = stem.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.parse::<i64>().is_ok());
    is_number && disk::exists(&stem)
}

pub(super) fn remove(layout: &Layout, name: &str) -> Result<()> {
    let path = Path::new(name);
    debug_assert!(path.components().all(|part| matches!(part, Component::Normal(_))), "a stray lies below the store");
    disk::remove_if_there(&layout.directory().join(path)).map_err(Error::disk("remove a stray file"))
}
