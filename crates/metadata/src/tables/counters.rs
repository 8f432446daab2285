//! Counters: what a project holds in sum, and the number of its last change. The row is the lock of the project's writers.

use consign_types::audit::START;
use consign_types::resource::ProjectRef;
use consign_types::{Digest, Timestamp};
use diesel::dsl::{exists, not, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};
use diesel::{insert_into, sql_query};

use super::idempotency_records::{self, Key};
use super::projects::{self, Project};
use crate::batch::{Batch, Together, push};
use crate::columns::Instant;
use crate::connection::{Db, each};
use crate::error::Result;
use crate::prepared::rounded;
use crate::schema::{blobs, counters, files};

/// What a project holds in sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Queryable, QueryableByName)]
#[diesel(table_name = counters)]
pub(crate) struct Counters {
    /// The project.
    pub(crate) project_id: i64,
    /// The number of its last change.
    #[diesel(column_name = last_sequence)]
    #[diesel(sql_type = BigInt)]
    pub(crate) sequence: i64,
    /// File rows that are not deleted, all revisions.
    pub(crate) file_count: i64,
    /// The sum of their sizes.
    pub(crate) logical_bytes: i64,
    /// The sum of the sizes of the distinct blobs behind all file rows, deleted ones included.
    pub(crate) stored_bytes: i64,
    /// What uploads under way may bring.
    pub(crate) reserved_bytes: i64,
    /// The number of the last audit entry.
    pub(crate) audit_number: i64,
    /// Its hash.
    pub(crate) audit_hash: Digest,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            project_id: 0,
            sequence: 0,
            file_count: 0,
            logical_bytes: 0,
            stored_bytes: 0,
            reserved_bytes: 0,
            audit_number: 0,
            audit_hash: START,
        }
    }
}

/// A project that is locked until the transaction ends.
#[derive(Debug, QueryableByName)]
pub(crate) struct Locked {
    #[diesel(embed)]
    pub(crate) project: Project,
    #[diesel(embed)]
    pub(crate) counters: Counters,
    /// Whether the request id is new. `true` where there is none.
    #[diesel(sql_type = Bool)]
    pub(crate) claimed: bool,
}

/// A request id to be claimed for a request.
#[derive(Clone, Copy)]
pub(crate) struct Claim<'a> {
    pub(crate) key: Key<'a>,
    pub(crate) fingerprint: Digest,
    pub(crate) now: Timestamp,
}

/// Gives a new project its counters.
pub(crate) fn insert(db: &mut Db, project: i64) -> Result<()> {
    let values = (
        counters::project_id.eq(project),
        counters::sequence.eq(0),
        counters::file_count.eq(0),
        counters::logical_bytes.eq(0),
        counters::stored_bytes.eq(0),
        counters::reserved_bytes.eq(0),
        counters::audit_number.eq(0),
        counters::audit_hash.eq(START),
    );
    each!(db, connection => insert_into(counters::table).values(values).execute(connection))?;
    Ok(())
}

/// The counters of a project.
pub(crate) fn get(db: &mut Db, project: i64) -> Result<Counters> {
    Ok(counters::table.find(project).first(db)?)
}

/// The counters by themselves, locked until the transaction ends: those of the instance, which has no project.
pub(crate) fn lock_row(db: &mut Db, project: i64) -> Result<Counters> {
    let query = counters::table.find(project);
    Ok(match db {
        Db::Postgres(connection) => query.for_no_key_update().first(connection)?,
        // There is one writer.
        Db::Sqlite(connection) => query.first(connection)?,
    })
}

/// Locks a project, deleted or not, until the transaction ends: those who change it take turns. The request id is claimed behind the
/// lock, so that requests wait for each other in one order.
pub(crate) fn lock(db: &mut Db, name: &ProjectRef, claim: Option<Claim<'_>>) -> Result<Option<Locked>> {
    match db {
        // Both rows are locked, or the project's could be older than what was waited for.
        Db::Postgres(connection) => {
            let (by, id, path) = match name {
                ProjectRef::Id(id) => ("p.id = $1", Some(*id), None),
                ProjectRef::Path(path) => ("p.path = $2", None, Some(path.as_str())),
            };
            let text = format!(
                "with locked as (\
                   select p.*, c.project_id, c.sequence as last_sequence, c.file_count, c.logical_bytes, c.stored_bytes, c.reserved_bytes, c.audit_number, c.audit_hash \
                   from projects p join counters c on c.project_id = p.id where {by} for no key update of p, c\
                 ), claim as (\
                   insert into idempotency_records (principal, method, request_id, fingerprint, answer, created_at) \
                   select $3, $4, $5, $6, ''::bytea, $7 from locked where $5 is not null \
                   on conflict do nothing returning request_id\
                 ) select locked.*, $5 is null or exists (select 1 from claim) as claimed from locked"
            );
            let key = claim.map(|claim| claim.key);
            let query = sql_query(text)
                .bind::<Nullable<BigInt>, _>(id)
                .bind::<Nullable<Text>, _>(path)
                .bind::<Nullable<Text>, _>(key.map(|key| key.principal))
                .bind::<Nullable<Text>, _>(key.map(|key| key.method))
                .bind::<Nullable<Text>, _>(key.map(|key| key.request_id))
                .bind::<Nullable<Binary>, _>(claim.map(|claim| claim.fingerprint))
                .bind::<Nullable<Instant>, _>(claim.map(|claim| claim.now));
            Ok(Together { parts: Vec::new(), query }.load(connection)?.pop())
        }
        Db::Sqlite(_) => {
            let Some(project) = projects::find_any(db, name)? else {
                return Ok(None);
            };
            let claimed = match claim {
                Some(claim) => idempotency_records::insert(db, claim.key, claim.fingerprint, &[], claim.now)?,
                None => true,
            };
            let counters = get(db, project.id)?;
            Ok(Some(Locked { project, counters, claimed }))
        }
    }
}

/// Writes what a change did to the counters. Stored bytes rise besides by those of the `digests` that no file of the project has yet:
/// so this comes before the files are added.
pub(crate) fn update(batch: &mut Batch<'_>, new: Counters, digests: Vec<Digest>) {
    let update = move |digests| {
        let of_project = files::table.filter(files::digest.eq(blobs::digest)).filter(files::project_id.eq(new.project_id));
        let missing = blobs::table.filter(blobs::digest.eq_any(rounded(digests))).filter(not(exists(of_project)));
        let missing = missing.select(sql::<BigInt>("coalesce(cast(sum(blobs.size_bytes) as bigint), 0)")).single_value().assume_not_null();
        let values = (
            counters::sequence.eq(new.sequence),
            counters::file_count.eq(new.file_count),
            counters::logical_bytes.eq(new.logical_bytes),
            counters::stored_bytes.eq(missing + new.stored_bytes),
            counters::reserved_bytes.eq(new.reserved_bytes),
            counters::audit_number.eq(new.audit_number),
            counters::audit_hash.eq(new.audit_hash),
        );
        diesel::update(counters::table.find(new.project_id)).set(values)
    };
    if digests.len() == 1 {
        push!(batch, fixed update(digests));
    } else {
        push!(batch, update(digests));
    }
}

/// Removes the counters of a project that goes.
pub(crate) fn remove(db: &mut Db, project: i64) -> Result<()> {
    diesel::delete(counters::table.find(project)).execute(db)?;
    Ok(())
}
