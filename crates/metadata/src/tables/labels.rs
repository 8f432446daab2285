//! Labels as they are found by: a row each, beside the owner's own list of them.

use consign_types::label::{LabelKey, LabelValue, Labels};
use diesel::prelude::*;

use crate::batch::{Batch, push_rows};
use crate::connection::Db;
use crate::error::Result;
use crate::schema::{package_labels, version_labels};

fn pairs(labels: &Labels) -> Vec<(LabelKey, LabelValue)> {
    labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Gives a version other labels than it had. A batch does not see what its own parts do, so the old ones go first.
pub(crate) fn put_for_version(db: &mut Db, batch: &mut Batch<'_>, id: i64, old: &Labels, new: &Labels) -> Result<()> {
    if !old.is_empty() {
        remove_of_version(db, id)?;
    }
    let columns = |(key, value)| (version_labels::version_id.eq(id), version_labels::key.eq(key), version_labels::value.eq(value));
    let rows: Vec<_> = pairs(new).into_iter().map(columns).collect();
    push_rows!(batch, rows, |values| diesel::insert_into(version_labels::table).values(values));
    Ok(())
}

/// Takes the labels from a version.
pub(crate) fn remove_of_version(db: &mut Db, id: i64) -> Result<()> {
    diesel::delete(version_labels::table.filter(version_labels::version_id.eq(id))).execute(db)?;
    Ok(())
}

/// Gives a package other labels than it had, as [`put_for_version`] does.
pub(crate) fn put_for_package(db: &mut Db, batch: &mut Batch<'_>, id: i64, old: &Labels, new: &Labels) -> Result<()> {
    if !old.is_empty() {
        remove_of_package(db, id)?;
    }
    let columns = |(key, value)| (package_labels::package_id.eq(id), package_labels::key.eq(key), package_labels::value.eq(value));
    let rows: Vec<_> = pairs(new).into_iter().map(columns).collect();
    push_rows!(batch, rows, |values| diesel::insert_into(package_labels::table).values(values));
    Ok(())
}

/// Takes the labels from a package.
pub(crate) fn remove_of_package(db: &mut Db, id: i64) -> Result<()> {
    diesel::delete(package_labels::table.filter(package_labels::package_id.eq(id))).execute(db)?;
    Ok(())
}
