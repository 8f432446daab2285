//! Finding and listing attestations.

use consign_types::attestation::Subject;
use consign_types::filter::Filter;
use consign_types::resource::{AttestationRef, ProjectRef, VersionRef};

use super::{project, tagging, version};
use crate::connection::Db;
use crate::cursor::{Cursor, Value};
use crate::promotion_error::PromotionError;
use crate::select::{Order, condition};
use crate::tables::attestations::{self, About, Attestation};
use crate::tables::projects::Project;
use crate::{Error, Listed, Metadata, Page, Result};

/// Which attestations.
#[derive(Clone, Debug)]
pub struct ListAttestations {
    /// The project.
    pub project: ProjectRef,
    /// What they speak of; `None` for anything.
    pub subject: Option<AttestedWhat>,
    /// Which of them.
    pub filter: Option<Filter>,
    /// The newest first.
    pub descending: bool,
    /// Which page of them.
    pub page: Page<Cursor>,
}

/// What attestations speak of.
#[derive(Clone, Debug)]
pub enum AttestedWhat {
    /// The content of a version, or one of its files.
    Version(VersionRef),
    /// This alone.
    Subject(Subject),
}

impl Attestation {
    /// Where it stands in lists.
    pub fn cursor(&self) -> Cursor {
        Cursor { values: vec![Value::Time(self.created_at)], id: self.id }
    }
}

impl Metadata {
    /// The attestation of this name, with its bundle. `AttestationNotFound`.
    pub async fn find_attestation(&self, name: AttestationRef) -> Result<(Attestation, Vec<u8>)> {
        self.pool
            .read(move |db| {
                let project = project(db, &name.project)?.id;
                let found = attestations::find(db, project, name.id)?;
                let attestation = found.ok_or_else(|| PromotionError::AttestationNotFound(name.clone()))?;
                let bundle = attestations::find_bundle(db, attestation.id)?;
                Ok((attestation, bundle))
            })
            .await
    }

    /// Attestations of a project, by when they were added. `ProjectNotFound`, `VersionNotFound`, `FilterInvalid`.
    pub async fn list_attestations(&self, request: ListAttestations) -> Result<Listed<Attestation>> {
        self.pool
            .read(move |db| {
                let home = project(db, &request.project)?;
                let about = request.subject.map(|subject| about(db, &home, &subject)).transpose()?.unwrap_or(About::Any);
                let filter = request.filter.map(|filter| condition(filter, &attestations::field)).transpose()?;
                let columns = &["attestations.created_at", "attestations.id"];
                let order = Order { columns, kinds: "t", descending: request.descending };
                let page = request.page;
                let rows = attestations::list(db, (home.id, about), filter, &order, (page.after.as_ref(), page.limit()))?;
                Ok(page.of(rows))
            })
            .await
    }
}

/// What is meant, as it is looked for. Of a version that is open, that is what it consists of at this moment.
pub(super) fn about(db: &mut Db, home: &Project, what: &AttestedWhat) -> Result<About> {
    let name = match what {
        AttestedWhat::Subject(subject) => return Ok(About::Subject(*subject)),
        AttestedWhat::Version(name) => name,
    };
    if !home.is_named(&name.project) {
        return Err(Error::ArgumentInvalid { field: "version", rule: "it is of another project".to_owned() });
    }
    let version = version(db, home.id, name)?;
    Ok(About::Version(version.id, tagging::content(db, &version.row)?))
}
