//! Changing one row of an open version: what deleting a file and bringing it back have in common.

use consign_types::resource::FileRef;

use super::change::Change;
use super::version_change;
use crate::batch::Batch;
use crate::connection::Db;
use crate::tables::file_row::File;
use crate::tables::packages::{self, Package};
use crate::tables::version_row::Version;
use crate::tables::{files, versions};
use crate::{Error, Result};

/// The version of a file, if files may come to it and go.
pub(super) fn open_version(db: &mut Db, change: &Change<'_>, name: &FileRef) -> Result<(Package, Version)> {
    let (package, version) = version_change::find(db, change, &name.version, None)?;
    if version.content_digest.is_some() {
        return Err(Error::VersionSealed(name.version.clone()));
    }
    if !version.state.takes_files() {
        return Err(Error::VersionStateConflict { version: name.version.clone(), state: version.state });
    }
    Ok((package, version))
}

/// Ends a change of one row, where `served` was served before.
pub(super) fn write(db: &mut Db, mut change: Change<'_>, of: (Package, Version), file: File, served: Option<File>) -> Result<File> {
    let ((mut package, mut version), mut file) = (of, file);
    let (sequence, now) = (change.counters.sequence, change.now);
    file.sequence = sequence;
    let mut first = Batch::new(db);
    files::update(&mut first, &file);
    first.send(db)?;
    // What is served now shows only once the row is written.
    let now_served = files::list_served_at(db, version.id, &[&file.path])?.pop();
    let (rows, bytes) = if file.deleted_at.is_some() { (-1, -file.size_bytes) } else { (1, file.size_bytes) };
    version.row.row_count += rows;
    version.row.row_bytes += bytes;
    version.row.file_count += i64::from(now_served.is_some()) - i64::from(served.is_some());
    let size = |file: &Option<File>| file.as_ref().map_or(0, |file| file.size_bytes);
    version.row.size_bytes += size(&now_served) - size(&served);
    package.file_count += rows;
    package.size_bytes += bytes;
    change.counters.file_count += rows;
    change.counters.logical_bytes += bytes;
    (package.sequence, package.updated_at) = (sequence, now);
    version.row.settle(package.version_scheme, sequence, now);
    let mut batch = change.batch(db, &file, Vec::new());
    packages::update(&mut batch, &package);
    versions::update(&mut batch, &version.row);
    batch.send(db)?;
    Ok(file)
}
