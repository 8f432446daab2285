//! Trusted keys: whose signatures count in a project.

use consign_types::Timestamp;
use consign_types::attestation::{KeyName, ParseSignerError, Signer, SignerKey, TrustedIdentity};
use consign_types::promotion::PredicateType;
use consign_types::text::Description;
use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use crate::connection::{Db, each};
use crate::error::{Error, Result};
use crate::schema::trusted_keys;

/// A key or identity whose signatures count in a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustedKey {
    /// Its id, never reused.
    pub id: i64,
    /// Its project.
    pub project_id: i64,
    /// Its name.
    pub key: KeyName,
    /// Who signs. It never changes.
    pub signer: TrustedSigner,
    /// The predicate types that it counts for; none stands for all.
    pub predicate_types: Vec<PredicateType>,
    /// Until when it counts; `None` for ever.
    pub expires_at: Option<Timestamp>,
    /// Why it is there.
    pub description: Description,
    /// Counts its changes.
    pub revision: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// Who signs, in the words in which that was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TrustedSigner {
    /// Whoever has the private half of a key.
    Key {
        /// The public half, in PEM.
        public_key_pem: String,
    },
    /// Whoever has a certificate for an identity.
    Identity {
        /// The issuer of ID tokens, exactly as in the certificate.
        issuer: String,
        /// The subject of the certificate, with `*` for any run of characters.
        subject_glob: String,
        /// The certificates that it must lead to, in PEM.
        root_certificates_pem: String,
    },
}

impl TrustedSigner {
    /// Reads the key or the certificates.
    pub(crate) fn read(&self) -> Result<Signer, ParseSignerError> {
        Ok(match self {
            Self::Key { public_key_pem } => Signer::Key(SignerKey::from_pem(public_key_pem)?),
            Self::Identity { issuer, subject_glob, root_certificates_pem } => {
                Signer::Identity(TrustedIdentity::new(issuer, subject_glob, root_certificates_pem)?)
            }
        })
    }
}

impl TrustedKey {
    /// Differs after every change.
    pub fn etag(&self) -> String {
        format!("{:x}-{:x}", self.id, self.revision)
    }
}

#[derive(Queryable, Insertable, AsChangeset, Selectable)]
#[diesel(table_name = trusted_keys, treat_none_as_null = true)]
struct Row {
    project_id: i64,
    key: KeyName,
    public_key_pem: Option<String>,
    issuer: Option<String>,
    subject_glob: Option<String>,
    root_certificates_pem: Option<String>,
    predicate_types: String,
    expires_at: Option<Timestamp>,
    description: Description,
    revision: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn to_row(of: &TrustedKey) -> Row {
    let of = of.clone();
    let (public_key_pem, issuer, subject_glob, root_certificates_pem) = match of.signer {
        TrustedSigner::Key { public_key_pem } => (Some(public_key_pem), None, None, None),
        TrustedSigner::Identity { issuer, subject_glob, root_certificates_pem } => {
            (None, Some(issuer), Some(subject_glob), Some(root_certificates_pem))
        }
    };
    Row {
        project_id: of.project_id,
        key: of.key,
        public_key_pem,
        issuer,
        subject_glob,
        root_certificates_pem,
        predicate_types: serde_json::to_string(&of.predicate_types).expect("a list of texts is JSON"),
        expires_at: of.expires_at,
        description: of.description,
        revision: of.revision,
        created_at: of.created_at,
        updated_at: of.updated_at,
    }
}

/// What was written is read back; a row that is not a trusted key is a fault.
fn from_row((id, row): (i64, Row)) -> Result<TrustedKey> {
    let signer = match (row.public_key_pem, row.issuer, row.subject_glob, row.root_certificates_pem) {
        (Some(public_key_pem), ..) => TrustedSigner::Key { public_key_pem },
        (None, Some(issuer), Some(subject_glob), Some(root_certificates_pem)) => {
            TrustedSigner::Identity { issuer, subject_glob, root_certificates_pem }
        }
        _ => return Err(Error::Row("trusted_keys")),
    };
    Ok(TrustedKey {
        id,
        project_id: row.project_id,
        key: row.key,
        signer,
        predicate_types: serde_json::from_str(&row.predicate_types).map_err(|_| Error::Row("trusted_keys"))?,
        expires_at: row.expires_at,
        description: row.description,
        revision: row.revision,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

type Columns = (trusted_keys::id, diesel::dsl::AsSelect<Row, crate::connection::MultiBackend>);

fn columns() -> Columns {
    (trusted_keys::id, Row::as_select())
}

/// Adds a key, whose id does not matter. Returns the one that it got; `None` if its name is taken.
pub(crate) fn insert(db: &mut Db, new: &TrustedKey) -> Result<Option<i64>> {
    let row = to_row(new);
    Ok(each!(db, connection => diesel::insert_into(trusted_keys::table)
        .values(row)
        .on_conflict_do_nothing()
        .returning(trusted_keys::id)
        .get_result(connection)
        .optional())?)
}

/// The key of this name.
pub(crate) fn find(db: &mut Db, project: i64, key: &KeyName) -> Result<Option<TrustedKey>> {
    let query = trusted_keys::table.filter(trusted_keys::project_id.eq(project)).filter(trusted_keys::key.eq(key));
    query.select(columns()).first::<(i64, Row)>(db).optional()?.map(from_row).transpose()
}

/// Keys of a project by name, behind a name.
pub(crate) fn list(db: &mut Db, project: i64, after: Option<&KeyName>, limit: i64) -> Result<Vec<TrustedKey>> {
    let query = trusted_keys::table.filter(trusted_keys::project_id.eq(project));
    let mut query = query.select(columns()).order(trusted_keys::key).limit(limit).into_boxed();
    if let Some(after) = after {
        query = query.filter(trusted_keys::key.gt(after));
    }
    query.load::<(i64, Row)>(db)?.into_iter().map(from_row).collect()
}

/// How many keys a project has.
pub(crate) fn count(db: &mut Db, project: i64) -> Result<i64> {
    Ok(trusted_keys::table.filter(trusted_keys::project_id.eq(project)).count().get_result(db)?)
}

/// Writes a key as it is now.
pub(crate) fn update(db: &mut Db, key: &TrustedKey) -> Result<()> {
    diesel::update(trusted_keys::table.find(key.id)).set(to_row(key)).execute(db)?;
    Ok(())
}

/// Removes a key.
pub(crate) fn remove(db: &mut Db, id: i64) -> Result<()> {
    diesel::delete(trusted_keys::table.find(id)).execute(db)?;
    Ok(())
}

/// Removes the keys of a project that goes.
pub(crate) fn remove_of_project(db: &mut Db, project: i64) -> Result<()> {
    diesel::delete(trusted_keys::table.filter(trusted_keys::project_id.eq(project))).execute(db)?;
    Ok(())
}
