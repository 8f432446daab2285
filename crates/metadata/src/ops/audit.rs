//! Reading and verifying the audit chain of a project.

use consign_types::audit::{Break, Checkpoint, Head, INSTANCE, Record, Verification};
use consign_types::resource::ScopeRef;

use crate::connection::Db;
use crate::tables::audit_entries;
use crate::tables::{counters, projects};
use crate::{Error, Listed, Metadata, Page, Result};

/// How many entries are read in one go.
const AT_ONCE: i64 = 1000;

/// How many entries one call verifies at most.
const MAX_VERIFIED: i64 = 100_000;

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The last number that fits.
    pub verified: i64,
    /// Whether the checkpoint was compared.
    pub is_compared: bool,
    /// The first number that does not, and why.
    pub broken: Option<(i64, Break)>,
}

impl Metadata {
    /// Entries of a project or of the instance from a number on, the newest first or the oldest.
    pub async fn list_audit_entries(&self, name: ScopeRef, first: i64, newest: bool, page: Page<i64>) -> Result<Listed<Record>> {
        self.pool
            .read(move |db| {
                let project = chain(db, &name)?;
                let entries = if newest {
                    audit_entries::list_newest(db, project, (first - 1, page.after.unwrap_or(i64::MAX)), page.limit())?
                } else {
                    audit_entries::list(db, project, page.after.unwrap_or(first - 1), page.limit())?
                };
                Ok(page.of(entries))
            })
            .await
    }

    /// The number of the chain, which is the project's id, and where it stands.
    pub async fn find_audit_head(&self, name: ScopeRef) -> Result<(i64, Head)> {
        self.pool
            .read(move |db| {
                let project = chain(db, &name)?;
                let counters = counters::get(db, project)?;
                Ok((project, Head { number: counters.audit_number, hash: counters.audit_hash }))
            })
            .await
    }

    /// Computes the hashes of the entries `first` to `last` again, at most 100,000 of them, and compares. `kept` is where the chain
    /// stood once, as somebody kept it elsewhere. `ArgumentInvalid` beyond the last entry, and for what was kept of another project.
    pub async fn verify_audit(&self, name: ScopeRef, first: i64, last: i64, kept: Option<Checkpoint>) -> Result<Verified> {
        self.pool.read(move |db| verify(db, &name, first, last, kept)).await
    }
}

/// The number of a chain. Namespaces have none. That of a deleted project is there until it is removed.
fn chain(db: &mut Db, name: &ScopeRef) -> Result<i64> {
    match name {
        ScopeRef::Instance => Ok(INSTANCE),
        ScopeRef::Project(name) => Ok(projects::find_any(db, name)?.ok_or_else(|| Error::ProjectNotFound(name.clone()))?.id),
        ScopeRef::Namespace(name) => Err(Error::NamespaceNotFound(name.clone())),
    }
}

fn verify(db: &mut Db, name: &ScopeRef, first: i64, last: i64, kept: Option<Checkpoint>) -> Result<Verified> {
    let project = chain(db, name)?;
    if kept.as_ref().is_some_and(|kept| kept.project != project) {
        return Err(Error::ArgumentInvalid { field: "checkpoint", rule: "is of another project".to_owned() });
    }
    let counters = counters::get(db, project)?;
    let end = Head { number: counters.audit_number, hash: counters.audit_hash };
    let last = last.min(first.saturating_add(MAX_VERIFIED - 1));
    if first > end.number.saturating_add(1) {
        return Err(Error::ArgumentInvalid { field: "start_number", rule: format!("the last entry is `{}`", end.number) });
    }
    let before = if first > 1 {
        let before = audit_entries::list(db, project, first - 2, 1)?.pop().filter(|before| before.entry.number == first - 1);
        let Some(before) = before else { return Ok(Verified::broken(first - 2, first - 1, Break::Number)) };
        Head { number: first - 1, hash: before.hash }
    } else {
        Head::default()
    };
    let mut verification = match Verification::begin(before, kept.map(|kept| kept.head)) {
        Ok(begun) => begun,
        Err(error) => return Ok(Verified::broken(before.number, before.number, error)),
    };
    while verification.head().number < last {
        let head = verification.head();
        let records = audit_entries::list(db, project, head.number, AT_ONCE.min(last - head.number))?;
        if records.is_empty() {
            break;
        }
        for record in &records {
            let verified = verification.head().number;
            if let Err(error) = verification.follow(record) {
                return Ok(Verified::broken(verified, verified + 1, error));
            }
        }
    }
    let head = verification.head();
    let ended = match () {
        () if head.number < end.number && head.number >= last => Ok(()),
        () if head == end => verification.end(),
        () => Err(Break::End),
    };
    Ok(match ended {
        Ok(()) => Verified { verified: head.number, is_compared: verification.is_compared(), broken: None },
        Err(error) => Verified::broken(head.number, head.number.saturating_add(1), error),
    })
}

impl Verified {
    fn broken(verified: i64, number: i64, error: Break) -> Self {
        Self { verified, is_compared: false, broken: Some((number, error)) }
    }
}
