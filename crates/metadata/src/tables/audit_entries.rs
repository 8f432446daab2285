//! Audit entries: what was done in a project.

use consign_types::audit::{Entry, Record};
use consign_types::{Digest, Slug, Timestamp};
use diesel::prelude::*;

use crate::batch::{Batch, push};
use crate::connection::Db;
use crate::error::Result;
use crate::schema::audit_entries as entries;

#[derive(Queryable, Insertable)]
#[diesel(table_name = entries)]
struct Row {
    project_id: i64,
    number: i64,
    time: Timestamp,
    actor: Slug,
    token_id: i64,
    method: String,
    resource: String,
    detail: String,
    request_id: String,
    previous_hash: Digest,
    hash: Digest,
}

impl From<Record> for Row {
    fn from(Record { entry, previous, hash }: Record) -> Self {
        Self {
            project_id: entry.project,
            number: entry.number,
            time: entry.time,
            actor: entry.actor,
            token_id: entry.token,
            method: entry.method,
            resource: entry.resource,
            detail: entry.detail,
            request_id: entry.request_id,
            previous_hash: previous,
            hash,
        }
    }
}

impl From<Row> for Record {
    fn from(row: Row) -> Self {
        let entry = Entry {
            project: row.project_id,
            number: row.number,
            time: row.time,
            actor: row.actor,
            token: row.token_id,
            method: row.method,
            resource: row.resource,
            detail: row.detail,
            request_id: row.request_id,
        };
        Self { entry, previous: row.previous_hash, hash: row.hash }
    }
}

/// Adds an entry.
pub(crate) fn insert(batch: &mut Batch<'_>, record: Record) {
    let row = Row::from(record);
    push!(batch, fixed diesel::insert_into(entries::table).values(row));
}

/// Entries of a project behind a number, by number.
pub(crate) fn list(db: &mut Db, project: i64, after: i64, limit: i64) -> Result<Vec<Record>> {
    let query = entries::table.filter(entries::project_id.eq(project)).filter(entries::number.gt(after));
    Ok(query.order(entries::number).limit(limit).load::<Row>(db)?.into_iter().map(Record::from).collect())
}

/// Entries of a project between two numbers, neither included, the newest first.
pub(crate) fn list_newest(db: &mut Db, project: i64, (after, before): (i64, i64), limit: i64) -> Result<Vec<Record>> {
    let query = entries::table.filter(entries::project_id.eq(project)).filter(entries::number.gt(after)).filter(entries::number.lt(before));
    Ok(query.order(entries::number.desc()).limit(limit).load::<Row>(db)?.into_iter().map(Record::from).collect())
}

/// Removes the entries of a project.
pub(crate) fn remove_of_project(db: &mut Db, project: i64) -> Result<()> {
    diesel::delete(entries::table.filter(entries::project_id.eq(project))).execute(db)?;
    Ok(())
}
