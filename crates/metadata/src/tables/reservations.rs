//! Leases as they are taken: with the reservation of their bytes, and what is known of these already, in one trip.

use std::collections::HashMap;

use consign_types::{Digest, Timestamp};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Nullable, Text};

use super::counters::Claim;
use super::leases::{self, NewLease};
use super::{blobs, idempotency_records, tombstones};
use crate::batch::Together;
use crate::columns::Instant;
use crate::connection::Db;
use crate::error::Result;
use crate::ids;
use crate::prepared::Kept;
use crate::schema::counters;

/// Leases to be taken for a project.
pub(crate) struct Reservation<'a> {
    pub(crate) project: i64,
    /// The most bytes that the project may hold, those reserved included.
    pub(crate) quota: i64,
    pub(crate) leases: Vec<NewLease>,
    /// When they end.
    pub(crate) expires_at: Timestamp,
    /// The request id to be claimed, which is to show the leases.
    pub(crate) claim: Option<Claim<'a>>,
    pub(crate) now: Timestamp,
}

/// What came of it.
pub(crate) enum Reserved {
    /// The leases are taken.
    Taken {
        /// Their ids, in their order.
        uploads: Vec<i64>,
        /// What is known of their digests, where anything is.
        presence: HashMap<Digest, Presence>,
    },
    /// The request was made before; nothing was done.
    Repeated,
    /// The project would hold too much; nothing was done.
    OverQuota,
}

/// What is known of some bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Presence {
    /// The generation and size of the copy that files refer to.
    pub(crate) kept: Option<(i64, i64)>,
    /// Whether some file of the project has them that can be read.
    pub(crate) of_project: bool,
    /// The youngest generation that is dead.
    pub(crate) dead: Option<i64>,
}

/// Takes leases.
pub(crate) fn take(db: &mut Db, new: &Reservation<'_>) -> Result<Reserved> {
    let bytes: i64 = new.leases.iter().map(|lease| lease.reserved_bytes).sum();
    let taken = match db {
        Db::Postgres(connection) => take_at_once(connection, new, bytes)?,
        Db::Sqlite(_) => take_in_steps(db, new, bytes)?,
    };
    if matches!(taken, Reserved::Repeated) {
        add_reserved(db, new.project, -bytes, i64::MAX)?;
    }
    Ok(taken)
}

/// What is known of some bytes, for a request that was made before.
pub(crate) fn list_presence(db: &mut Db, project: i64, digests: &[Digest]) -> Result<HashMap<Digest, Presence>> {
    let mut found: HashMap<Digest, Presence> = HashMap::new();
    for copy in blobs::list(db, digests)? {
        found.entry(copy.digest).or_default().kept = Some((copy.generation, copy.size_bytes));
    }
    for copy in blobs::list_of_project(db, project, digests)? {
        found.entry(copy.digest).or_default().of_project = true;
    }
    for (digest, dead) in tombstones::list_newest(db, digests)? {
        found.entry(digest).or_default().dead = Some(dead);
    }
    Ok(found)
}

/// Reserves bytes unless that goes over the quota.
fn add_reserved(db: &mut Db, project: i64, bytes: i64, quota: i64) -> Result<bool> {
    let fits = (counters::logical_bytes + counters::reserved_bytes + bytes).le(quota);
    let added = counters::reserved_bytes.eq(counters::reserved_bytes + bytes);
    let update = diesel::update(counters::table.find(project).filter(fits)).set(added).returning(counters::project_id);
    let updated: Vec<i64> = Kept(update).load(db)?;
    Ok(!updated.is_empty())
}

fn take_in_steps(db: &mut Db, new: &Reservation<'_>, bytes: i64) -> Result<Reserved> {
    if !add_reserved(db, new.project, bytes, new.quota)? {
        return Ok(Reserved::OverQuota);
    }
    let uploads = ids::fresh(db, "leases", new.leases.len())?;
    // What the answer is made of when the request comes again.
    let answer = serde_json::to_vec(&uploads).expect("numbers are JSON");
    if let Some(claim) = new.claim
        && !idempotency_records::insert(db, claim.key, claim.fingerprint, &answer, claim.now)?
    {
        return Ok(Reserved::Repeated);
    }
    leases::insert(db, new, &uploads)?;
    let digests: Vec<Digest> = new.leases.iter().filter_map(|lease| lease.digest).collect();
    let presence = list_presence(db, new.project, &digests)?;
    Ok(Reserved::Taken { uploads, presence })
}

/// A row of the answer: what was done, and what is known of one digest.
#[derive(Debug, QueryableByName)]
struct Found {
    #[diesel(sql_type = Bool)]
    granted: bool,
    #[diesel(sql_type = Bool)]
    claimed: bool,
    #[diesel(sql_type = Array<BigInt>)]
    uploads: Vec<i64>,
    #[diesel(sql_type = Nullable<Binary>)]
    digest: Option<Digest>,
    #[diesel(sql_type = Nullable<BigInt>)]
    generation: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    size_bytes: Option<i64>,
    #[diesel(sql_type = Bool)]
    of_project: bool,
    #[diesel(sql_type = Nullable<BigInt>)]
    dead: Option<i64>,
}

/// PostgreSQL does it in one statement, of which each part depends on the one before. The request id is claimed with the answer that it
/// gets when it comes again: the ids of the leases, as JSON. What is asked of the files of each digest is nested, not joined: a plan that is made
/// while tables are small could otherwise begin with all versions of the project.
const TAKE: &str = "with granted as (\
      update counters set reserved_bytes = reserved_bytes + $1 \
      where project_id = $2 and logical_bytes + reserved_bytes + $1 <= $3 returning project_id\
    ), drawn as materialized (\
      select nextval('leases_id_seq') as id, l.* \
      from granted, unnest($10, $11, $12) with ordinality as l (digest, max_bytes, reserved_bytes, place)\
    ), uploads as materialized (\
      select coalesce(array_agg(id order by place), '{}') as ids from drawn\
    ), claim as (\
      insert into idempotency_records (principal, method, request_id, fingerprint, answer, created_at) \
      select $4, $5, $6, $7, convert_to(array_to_json(u.ids)::text, 'UTF8'), $8 from granted, uploads u \
      where $6 is not null on conflict do nothing returning request_id\
    ), taken as (\
      insert into leases (id, project_id, digest, max_bytes, reserved_bytes, created_at, expires_at) \
      select d.id, $2, d.digest, d.max_bytes, d.reserved_bytes, $8, $9 from drawn d \
      where $6 is null or exists (select 1 from claim) returning id\
    ) select exists (select 1 from granted) as granted, $6 is null or exists (select 1 from claim) as claimed, u.ids as uploads, \
      d.digest, b.generation, b.size_bytes, \
      exists (select 1 from files f where f.digest = d.digest and f.project_id = $2 and f.deleted_at is null \
        and (select v.state in ('open', 'published', 'yanked') and (select p.retired = 0 from packages p where p.id = v.package_id) \
          from versions v where v.id = f.version_id)) as of_project, \
      (select max(t.generation) from tombstones t where t.digest = d.digest) as dead \
    from uploads u cross join \
    (select null::bytea as digest union all select distinct w.digest from unnest($10) as w (digest) where w.digest is not null) d \
    left join blobs b on b.digest = d.digest";

fn take_at_once(connection: &mut PgConnection, new: &Reservation<'_>, bytes: i64) -> Result<Reserved> {
    let column = |value: fn(&NewLease) -> i64| new.leases.iter().map(value).collect::<Vec<_>>();
    let key = new.claim.map(|claim| claim.key);
    let query = sql_query(TAKE)
        .bind::<BigInt, _>(bytes)
        .bind::<BigInt, _>(new.project)
        .bind::<BigInt, _>(new.quota)
        .bind::<Nullable<Text>, _>(key.map(|key| key.principal))
        .bind::<Nullable<Text>, _>(key.map(|key| key.method))
        .bind::<Nullable<Text>, _>(key.map(|key| key.request_id))
        .bind::<Nullable<Binary>, _>(new.claim.map(|claim| claim.fingerprint))
        .bind::<Instant, _>(new.now)
        .bind::<Instant, _>(new.expires_at)
        .bind::<Array<Nullable<Binary>>, _>(new.leases.iter().map(|lease| lease.digest).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(column(|lease| lease.max_bytes))
        .bind::<Array<BigInt>, _>(column(|lease| lease.reserved_bytes));
    let found: Vec<Found> = Together { parts: Vec::new(), query }.load(connection)?;
    if found.iter().any(|found| !found.granted) {
        return Ok(Reserved::OverQuota);
    }
    if found.iter().any(|found| !found.claimed) {
        return Ok(Reserved::Repeated);
    }
    let uploads = found.first().map(|found| found.uploads.clone()).unwrap_or_default();
    let presence = |found: Found| {
        let kept = found.generation.zip(found.size_bytes);
        Some((found.digest?, Presence { kept, of_project: found.of_project, dead: found.dead }))
    };
    Ok(Reserved::Taken { uploads, presence: found.into_iter().filter_map(presence).collect() })
}
