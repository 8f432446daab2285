//! Attestations: signed statements about content.

use consign_types::attestation::{Format, Outcome, Subject, SubjectKind};
use consign_types::promotion::PredicateType;
use consign_types::{ContentDigest, Digest, Slug, Timestamp};
use diesel::dsl::{exists, not, select, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Bool};
use serde::{Deserialize, Serialize};

use super::BATCH;
use crate::connection::{Db, MultiBackend, each};
use crate::cursor::Cursor;
use crate::error::{Error, Result};
use crate::schema::{attestation_bundles, attestations, files, packages, placements, promotion_items, promotions, versions};
use crate::select::{Condition, Field, Order};

/// A signed statement about content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attestation {
    /// Its id, never reused.
    pub id: i64,
    /// Its project.
    pub project_id: i64,
    /// What it speaks of.
    pub subject: Subject,
    /// How its bundle is encoded.
    pub format: Format,
    /// What it says.
    pub predicate_type: PredicateType,
    /// Who its bundle says signed it.
    pub claimed_signers: Vec<String>,
    /// What its bundle hashes to.
    pub blob: Digest,
    /// How many bytes its bundle has.
    pub size_bytes: i64,
    /// Who added it.
    pub creator: Slug,
    /// The change that added it.
    pub sequence: i64,
    /// When it was added.
    pub created_at: Timestamp,
}

/// What was found for an attestation and a trusted key. It never changes: neither of them does, nor when the service took the bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Check {
    /// The trusted key, by its id.
    pub(crate) key: i64,
    pub(crate) outcome: Outcome,
    /// The key id or identity that was verified; of any other outcome, why.
    pub(crate) text: String,
}

/// An attestation, and what was found so far.
#[derive(Clone, Debug)]
pub(crate) struct Checked {
    pub(crate) attestation: Attestation,
    pub(crate) checks: Vec<Check>,
}

#[derive(Queryable, Insertable, Selectable)]
#[diesel(table_name = attestations)]
struct Row {
    project_id: i64,
    subject_kind: SubjectKind,
    subject: Digest,
    format: Format,
    predicate_type: PredicateType,
    claimed_signers: String,
    blob_digest: Digest,
    size_bytes: i64,
    creator: Slug,
    sequence: i64,
    created_at: Timestamp,
}

/// Texts as lines, between two line ends. None of them has a control character.
fn to_lines(texts: &[String]) -> String {
    std::iter::once("\n".to_owned()).chain(texts.iter().map(|text| format!("{text}\n"))).collect()
}

fn to_json(checks: &[Check]) -> String {
    serde_json::to_string(checks).expect("its keys are texts")
}

fn from_json(checks: &str) -> Result<Vec<Check>> {
    serde_json::from_str(checks).map_err(|_| Error::Row("attestations"))
}

fn from_row((id, row): (i64, Row)) -> Attestation {
    Attestation {
        id,
        project_id: row.project_id,
        subject: Subject::new(row.subject_kind, row.subject),
        format: row.format,
        predicate_type: row.predicate_type,
        claimed_signers: row.claimed_signers.lines().skip(1).map(ToOwned::to_owned).collect(),
        blob: row.blob_digest,
        size_bytes: row.size_bytes,
        creator: row.creator,
        sequence: row.sequence,
        created_at: row.created_at,
    }
}

type Columns = (attestations::id, diesel::dsl::AsSelect<Row, MultiBackend>);

fn columns() -> Columns {
    (attestations::id, Row::as_select())
}

const FORMATS: &[&str] = &["dsse", "sigstore"];

/// What lists of attestations can be filtered by.
pub(crate) fn field(name: &str) -> Option<Field> {
    Some(match name {
        "predicate_type" => Field::Text("attestations.predicate_type"),
        "claimed_signers" => Field::Lines("attestations.claimed_signers"),
        "format" => Field::Word("attestations.format", FORMATS),
        "creator" => Field::Text("attestations.creator"),
        "create_time" => Field::Time("attestations.created_at"),
        _ => return None,
    })
}

/// Adds an attestation, whose id does not matter, with its bundle. Returns the one that it got.
pub(crate) fn insert(db: &mut Db, new: &Attestation, checks: &[Check], bundle: &[u8]) -> Result<i64> {
    let row = Row {
        project_id: new.project_id,
        subject_kind: new.subject.kind(),
        subject: new.subject.digest(),
        format: new.format,
        predicate_type: new.predicate_type.clone(),
        claimed_signers: to_lines(&new.claimed_signers),
        blob_digest: new.blob,
        size_bytes: new.size_bytes,
        creator: new.creator.clone(),
        sequence: new.sequence,
        created_at: new.created_at,
    };
    let values = (row, attestations::checks.eq(to_json(checks)));
    let insert = diesel::insert_into(attestations::table).values(values).returning(attestations::id);
    let id: i64 = each!(&mut *db, connection => insert.get_result(connection))?;
    let values = (attestation_bundles::attestation_id.eq(id), attestation_bundles::bundle.eq(bundle));
    each!(db, connection => diesel::insert_into(attestation_bundles::table).values(values).execute(connection))?;
    Ok(id)
}

/// Keeps what was found for an attestation.
pub(crate) fn set_checks(db: &mut Db, id: i64, checks: &[Check]) -> Result<()> {
    diesel::update(attestations::table.find(id)).set(attestations::checks.eq(to_json(checks))).execute(db)?;
    Ok(())
}

/// The attestation of this id in a project.
pub(crate) fn find(db: &mut Db, project: i64, id: i64) -> Result<Option<Attestation>> {
    let query = attestations::table.filter(attestations::project_id.eq(project)).filter(attestations::id.eq(id));
    Ok(query.select(columns()).first(db).optional()?.map(from_row))
}

/// The attestation of a subject that has this bundle.
pub(crate) fn find_same(db: &mut Db, project: i64, subject: &Subject, blob: Digest) -> Result<Option<Attestation>> {
    let query = attestations::table.filter(attestations::project_id.eq(project)).filter(attestations::blob_digest.eq(blob));
    let query = query.filter(attestations::subject_kind.eq(subject.kind())).filter(attestations::subject.eq(subject.digest()));
    Ok(query.select(columns()).first(db).optional()?.map(from_row))
}

/// The bundle of an attestation.
pub(crate) fn find_bundle(db: &mut Db, id: i64) -> Result<Vec<u8>> {
    Ok(attestation_bundles::table.find(id).select(attestation_bundles::bundle).first(db)?)
}

/// How many attestations a subject has.
pub(crate) fn count(db: &mut Db, project: i64, subject: &Subject) -> Result<i64> {
    let query = attestations::table.filter(attestations::project_id.eq(project));
    let query = query.filter(attestations::subject_kind.eq(subject.kind())).filter(attestations::subject.eq(subject.digest()));
    Ok(query.count().get_result(db)?)
}

/// What attestations are to speak of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum About {
    /// Anything.
    Any,
    /// This.
    Subject(Subject),
    /// A version, by its id: its content, or one of its files.
    Version(i64, ContentDigest),
}

/// The attestations of a version. Each part is found by an index, whatever else the project has.
const OF_VERSION: &str = "attestations.id in (select a.id from attestations a where a.subject_kind = 'content' and a.project_id = ";
const OR_OF_FILE: &str = " union all select a.id from files f join attestations a on a.project_id = f.project_id \
    and a.subject_kind = 'file' and a.subject = f.digest where f.deleted_at is null and f.version_id = ";

fn chosen(project: i64, about: About) -> attestations::BoxedQuery<'static, MultiBackend> {
    let query = attestations::table.filter(attestations::project_id.eq(project)).into_boxed();
    match about {
        About::Any => query,
        About::Subject(subject) => {
            query.filter(attestations::subject_kind.eq(subject.kind())).filter(attestations::subject.eq(subject.digest()))
        }
        About::Version(version, content) => {
            let of = sql::<Bool>(OF_VERSION).bind::<BigInt, _>(project).sql(" and a.subject = ").bind::<Binary, _>(content);
            query.filter(of.sql(OR_OF_FILE).bind::<BigInt, _>(version).sql(")"))
        }
    }
}

/// Attestations that fit, behind a cursor.
pub(crate) fn list(
    db: &mut Db,
    (project, about): (i64, About),
    filter: Option<Condition<attestations::table>>,
    order: &Order,
    page: (Option<&Cursor>, i64),
) -> Result<Vec<Attestation>> {
    let (after, limit) = page;
    let mut query = chosen(project, about).order(order.by()).limit(limit);
    for condition in filter.into_iter().chain(after.map(|after| order.behind(after)).transpose()?) {
        query = query.filter(condition);
    }
    Ok(query.select(columns()).load(db)?.into_iter().map(from_row).collect())
}

/// Attestations of these types, or of any where there are none, the newest first, with what was found.
pub(crate) fn list_checked(db: &mut Db, project: i64, about: About, types: &[PredicateType], limit: i64) -> Result<Vec<Checked>> {
    let mut query = chosen(project, about).order((attestations::created_at.desc(), attestations::id.desc())).limit(limit);
    if !types.is_empty() {
        query = query.filter(attestations::predicate_type.eq_any(types.to_vec()));
    }
    load_checked(db, query)
}

/// Attestations of some contents, of one of these types, the newest first, with what was found.
pub(crate) fn list_of_contents(db: &mut Db, project: i64, contents: &[ContentDigest], types: &[PredicateType]) -> Result<Vec<Checked>> {
    let query = attestations::table.filter(attestations::project_id.eq(project)).filter(attestations::predicate_type.eq_any(types));
    let subjects: Vec<Digest> = contents.iter().map(|content| Digest::from(*content)).collect();
    let query = query.filter(attestations::subject_kind.eq(SubjectKind::Content)).filter(attestations::subject.eq_any(subjects));
    load_checked(db, query.order((attestations::created_at.desc(), attestations::id.desc())).into_boxed())
}

fn load_checked(db: &mut Db, query: attestations::BoxedQuery<'_, MultiBackend>) -> Result<Vec<Checked>> {
    let rows: Vec<(i64, Row, String)> = query.select((attestations::id, Row::as_select(), attestations::checks)).load(db)?;
    let checked = |(id, row, checks): (i64, Row, String)| Ok(Checked { attestation: from_row((id, row)), checks: from_json(&checks)? });
    rows.into_iter().map(checked).collect()
}

/// Whether a version or a promotion of the project has this content, or a version that is not deleted has this file.
pub(crate) fn has_subject(db: &mut Db, project: i64, subject: &Subject) -> Result<bool> {
    let (content, digest) = match subject {
        Subject::Content(content) => (*content, None),
        Subject::File(digest) => (ContentDigest::from(*digest), Some(*digest)),
    };
    if let Some(digest) = digest {
        let file = files::table
            .inner_join(versions::table.inner_join(packages::table))
            .filter(files::project_id.eq(project))
            .filter(files::digest.eq(digest))
            .filter(files::deleted_at.is_null())
            .filter(versions::retired.eq(0))
            .filter(packages::retired.eq(0));
        return Ok(select(exists(file)).get_result(db)?);
    }
    let version = versions::table
        .inner_join(packages::table)
        .filter(versions::project_id.eq(project))
        .filter(versions::content_digest.eq(content))
        .filter(versions::retired.eq(0))
        .filter(packages::retired.eq(0));
    Ok(select(exists(version)).get_result::<bool>(db)? || is_promoted(db, project, content)?)
}

/// Whether a promotion of the project ever pinned this content, or placed it.
fn is_promoted(db: &mut Db, project: i64, content: ContentDigest) -> Result<bool> {
    let item = promotion_items::table
        .inner_join(promotions::table)
        .filter(promotion_items::content_digest.eq(content))
        .filter(promotions::project_id.eq(project));
    let placement = placements::table.filter(placements::project_id.eq(project)).filter(placements::content_digest.eq(content));
    Ok(select(exists(item)).get_result::<bool>(db)? || select(exists(placement)).get_result(db)?)
}

/// Those of some digests that are attested as files of a project.
pub(crate) fn list_attested_files(db: &mut Db, project: i64, digests: &[Digest]) -> Result<Vec<Digest>> {
    let mut found = Vec::new();
    for digests in digests.chunks(BATCH) {
        let query = attestations::table
            .filter(attestations::project_id.eq(project))
            .filter(attestations::subject_kind.eq(SubjectKind::File))
            .filter(attestations::subject.eq_any(digests));
        found.append(&mut query.select(attestations::subject).distinct().load(db)?);
    }
    Ok(found)
}

/// Some attestations of a content that nothing has any more but this version, which goes: their ids and blobs.
pub(crate) fn list_losing_version(db: &mut Db, project: i64, version: i64, limit: i64) -> Result<Vec<(i64, Digest)>> {
    let content: Option<Option<ContentDigest>> = versions::table.find(version).select(versions::content_digest).first(db).optional()?;
    let Some(content) = content.flatten() else { return Ok(Vec::new()) };
    let other = versions::table
        .filter(versions::project_id.eq(project))
        .filter(versions::content_digest.eq(content))
        .filter(versions::id.ne(version));
    if select(exists(other)).get_result(db)? || is_promoted(db, project, content)? {
        return Ok(Vec::new());
    }
    let query = attestations::table.filter(attestations::project_id.eq(project));
    let query = query.filter(attestations::subject_kind.eq(SubjectKind::Content)).filter(attestations::subject.eq(Digest::from(content)));
    Ok(query.select((attestations::id, attestations::blob_digest)).limit(limit).load(db)?)
}

/// Some attestations of files that nothing has any more but these rows, which go: their ids and blobs. The rows are at most [`BATCH`].
pub(crate) fn list_losing_files(db: &mut Db, project: i64, rows: &[(i64, Digest)], limit: i64) -> Result<Vec<(i64, Digest)>> {
    let (ids, digests): (Vec<i64>, Vec<Digest>) = rows.iter().copied().unzip();
    let attested = attestations::table
        .filter(attestations::project_id.eq(project))
        .filter(attestations::subject_kind.eq(SubjectKind::File))
        .filter(attestations::subject.eq_any(digests));
    let other =
        files::table.filter(files::project_id.eq(project)).filter(files::digest.eq(attestations::subject)).filter(files::id.ne_all(ids));
    let query = attested.filter(not(exists(other))).select((attestations::id, attestations::blob_digest));
    Ok(query.limit(limit).load(db)?)
}

/// Some attestations of a project: their ids and blobs.
pub(crate) fn list_ids(db: &mut Db, project: i64, limit: i64) -> Result<Vec<(i64, Digest)>> {
    let query = attestations::table.filter(attestations::project_id.eq(project));
    Ok(query.select((attestations::id, attestations::blob_digest)).limit(limit).load(db)?)
}

/// Removes attestations.
pub(crate) fn remove(db: &mut Db, ids: &[i64]) -> Result<()> {
    for ids in ids.chunks(BATCH) {
        diesel::delete(attestation_bundles::table.filter(attestation_bundles::attestation_id.eq_any(ids))).execute(db)?;
        diesel::delete(attestations::table.filter(attestations::id.eq_any(ids))).execute(db)?;
    }
    Ok(())
}

/// Those of some digests that the bundle of any attestation has.
pub(crate) fn list_blobs(db: &mut Db, digests: &[Digest]) -> Result<Vec<Digest>> {
    let mut found = Vec::new();
    for digests in digests.chunks(BATCH) {
        let query = attestations::table.filter(attestations::blob_digest.eq_any(digests));
        found.append(&mut query.select(attestations::blob_digest).distinct().load(db)?);
    }
    Ok(found)
}
