//! Projects and namespaces that are there: reading, listing, changing, deleting and bringing them back.

use consign_types::Timestamp;
use consign_types::filter::Filter;
use consign_types::resource::{NamespaceRef, ProjectRef};
use consign_types::text::{Description, DisplayName, Etag, RequestId};
use consign_types::version::Visibility;

use super::change::{Begun, begin, begin_any, call};
use super::deletion::{Force, check_holders, purge_at};
use super::idempotency::{Fingerprint, once};
use super::{etag_of, namespace};
use crate::connection::Db;
use crate::select::{Cursor, Order, Value, condition};
use crate::tables::namespaces::{self, Namespace};
use crate::tables::projects::{self, Project, Selection};
use crate::tables::settings;
use crate::{Error, Listed, Metadata, Page, Principal, Result};

/// How projects and namespaces are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathOrder {
    /// By path.
    Path,
    /// By when they were made.
    CreateTime,
    /// By when they were changed. Not for namespaces, which do not change.
    UpdateTime,
}

impl PathOrder {
    /// Where a project stands in this order.
    pub fn project_cursor(self, project: &Project) -> Cursor {
        let value = match self {
            Self::Path => Value::Text(project.path.to_string()),
            Self::CreateTime => Value::Time(project.created_at),
            Self::UpdateTime => Value::Time(project.updated_at),
        };
        Cursor { values: vec![value], id: project.id }
    }

    /// Where a namespace stands in this order.
    pub fn namespace_cursor(self, namespace: &Namespace) -> Cursor {
        let value = match self {
            Self::Path => Value::Text(namespace.path.to_string()),
            Self::CreateTime | Self::UpdateTime => Value::Time(namespace.created_at),
        };
        Cursor { values: vec![value], id: namespace.id }
    }

    fn of_projects(self, descending: bool) -> Order {
        match self {
            Self::Path => Order { columns: &["projects.path", "projects.id"], kinds: "s", descending },
            Self::CreateTime => Order { columns: &["projects.created_at", "projects.id"], kinds: "t", descending },
            Self::UpdateTime => Order { columns: &["projects.updated_at", "projects.id"], kinds: "t", descending },
        }
    }

    fn of_namespaces(self, descending: bool) -> Order {
        match self {
            Self::Path => Order { columns: &["namespaces.path", "namespaces.id"], kinds: "s", descending },
            Self::CreateTime | Self::UpdateTime => Order { columns: &["namespaces.created_at", "namespaces.id"], kinds: "t", descending },
        }
    }
}

/// Which projects or namespaces, how ordered, and which page.
#[derive(Clone, Debug)]
pub struct PathList {
    /// Which of them.
    pub filter: Option<Filter>,
    /// How they are ordered.
    pub order: PathOrder,
    /// Falling instead of rising.
    pub descending: bool,
    /// Which page of them.
    pub page: Page<Cursor>,
}

/// Which projects.
#[derive(Clone, Debug)]
pub struct ListProjects {
    /// The namespace whose projects are listed, with those of the namespaces below it; `None` for all.
    pub namespace: Option<NamespaceRef>,
    /// Also those that are deleted and can be brought back.
    pub show_deleted: bool,
    /// Which of them, how ordered, and which page.
    pub list: PathList,
}

/// A project to be described otherwise; `None` stays.
#[derive(Clone, Debug)]
pub struct UpdateProject {
    /// Who changes it.
    pub principal: Principal,
    /// The project.
    pub name: ProjectRef,
    /// Its etag as last read.
    pub etag: Option<Etag>,
    /// What people call it.
    pub display_name: Option<DisplayName>,
    /// What it is for.
    pub description: Option<Description>,
    /// Who may know of it.
    pub visibility: Option<Visibility>,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

/// A project to be deleted.
#[derive(Clone, Debug)]
pub struct DeleteProject {
    /// Who deletes it.
    pub principal: Principal,
    /// The project.
    pub name: ProjectRef,
    /// Its etag as last read.
    pub etag: Option<Etag>,
    /// Whether it is deleted under tags that hold its versions.
    pub force: Force,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

/// A project to be brought back.
#[derive(Clone, Debug)]
pub struct UndeleteProject {
    /// Who brings it back.
    pub principal: Principal,
    /// The project.
    pub name: ProjectRef,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

/// A namespace to be removed.
#[derive(Clone, Debug)]
pub struct DeleteNamespace {
    /// Who removes it.
    pub principal: Principal,
    /// The namespace.
    pub name: NamespaceRef,
    /// Its etag as last read.
    pub etag: Option<Etag>,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// The project of this name, also a deleted one that can be brought back, or `ProjectNotFound`.
    pub async fn find_project(&self, name: ProjectRef) -> Result<Project> {
        self.pool.read(move |db| projects::find_any(db, &name)?.ok_or(Error::ProjectNotFound(name))).await
    }

    /// Projects; `NamespaceNotFound`, `FilterInvalid`.
    pub async fn list_projects(&self, request: ListProjects) -> Result<Listed<Project>> {
        self.pool
            .read(move |db| {
                let namespace = request.namespace.map(|name| namespace(db, &name)).transpose()?.map(|namespace| namespace.path);
                let PathList { filter, order, descending, page } = request.list;
                let filter = filter.map(|filter| condition(filter, &projects::field)).transpose()?;
                let selection = Selection { namespace: namespace.as_ref(), show_deleted: request.show_deleted, filter };
                Ok(page.of(projects::list(db, selection, &order.of_projects(descending), page.after.as_ref(), page.limit())?))
            })
            .await
    }

    /// The namespace of this name, or `NamespaceNotFound`.
    pub async fn find_namespace(&self, name: NamespaceRef) -> Result<Namespace> {
        self.pool.read(move |db| namespace(db, &name)).await
    }

    /// Namespaces; `FilterInvalid`.
    pub async fn list_namespaces(&self, list: PathList) -> Result<Listed<Namespace>> {
        self.pool
            .read(move |db| {
                let PathList { filter, order, descending, page } = list;
                let filter = filter.map(|filter| condition(filter, &namespaces::field)).transpose()?;
                Ok(page.of(namespaces::list(db, filter, &order.of_namespaces(descending), page.after.as_ref(), page.limit())?))
            })
            .await
    }

    /// Describes a project otherwise. `ProjectNotFound`, `EtagMismatch`.
    pub async fn update_project(&self, request: UpdateProject) -> Result<Project> {
        let now = self.now();
        self.pool.write(move |db| update(db, &request, now)).await
    }

    /// Deletes a project: nothing of it can be read, it keeps its path, and until its purge it can be brought back whole.
    /// `ProjectNotFound`, `EtagMismatch`, `InUse`.
    pub async fn delete_project(&self, request: DeleteProject) -> Result<Project> {
        let (now, restore_seconds) = (self.now(), self.rules.restore_seconds);
        self.pool.write(move |db| delete(db, &request, now, restore_seconds)).await
    }

    /// Brings a project back with all that it held. One that is not deleted is answered as it is. `ProjectNotFound`.
    pub async fn undelete_project(&self, request: UndeleteProject) -> Result<Project> {
        let now = self.now();
        self.pool.write(move |db| undelete(db, &request, now)).await
    }

    /// Removes an empty namespace for good. `NamespaceNotFound`, `NamespaceNotEmpty`, `EtagMismatch`.
    pub async fn delete_namespace(&self, request: DeleteNamespace) -> Result<()> {
        let now = self.now();
        self.pool.write(move |db| delete_namespace(db, &request, now)).await
    }
}

fn update(db: &mut Db, request: &UpdateProject, now: Timestamp) -> Result<Project> {
    let wanted = (&request.name, &request.etag, &request.display_name, &request.description, request.visibility);
    let fingerprint = Fingerprint::new().shown(&wanted).finish();
    let call = call(&request.principal.name, "UpdateProject", request.request_id.as_ref(), fingerprint, now);
    let change = match begin(db, &request.name, &call)? {
        Begun::Done(shown) => return found(db, shown[0]),
        Begun::New(change) => change,
    };
    let before = change.project.clone();
    etag_of(&request.etag, before.etag(), &request.name)?;
    let after = Project {
        display_name: request.display_name.clone().unwrap_or_else(|| before.display_name.clone()),
        description: request.description.clone().unwrap_or_else(|| before.description.clone()),
        visibility: request.visibility.unwrap_or(before.visibility),
        sequence: change.counters.sequence,
        updated_at: now,
        ..before
    };
    let mut batch = change.batch(db, [after.id], Vec::new());
    projects::update(&mut batch, &after);
    batch.send(db)?;
    Ok(after)
}

fn found(db: &mut Db, id: i64) -> Result<Project> {
    projects::find_any(db, &ProjectRef::Id(id))?.ok_or(Error::ProjectNotFound(ProjectRef::Id(id)))
}

fn delete(db: &mut Db, request: &DeleteProject, now: Timestamp, restore_seconds: i64) -> Result<Project> {
    let fingerprint = Fingerprint::new().shown(&(&request.name, &request.etag, request.force)).finish();
    let call = call(&request.principal.name, "DeleteProject", request.request_id.as_ref(), fingerprint, now);
    let change = match begin(db, &request.name, &call)? {
        Begun::Done(shown) => return found(db, shown[0]),
        Begun::New(change) => change,
    };
    let before = change.project.clone();
    etag_of(&request.etag, before.etag(), &request.name)?;
    check_holders(db, &change, &request.principal, request.name.to_string(), (None, None), request.force)?;
    let purge_at = Some(purge_at(now, restore_seconds));
    let after = Project { deleted_at: Some(now), purge_at, sequence: change.counters.sequence, updated_at: now, ..before };
    let mut batch = change.batch(db, [after.id], Vec::new());
    projects::update(&mut batch, &after);
    batch.send(db)?;
    Ok(after)
}

fn undelete(db: &mut Db, request: &UndeleteProject, now: Timestamp) -> Result<Project> {
    let fingerprint = Fingerprint::new().shown(&request.name).finish();
    let call = call(&request.principal.name, "UndeleteProject", request.request_id.as_ref(), fingerprint, now);
    let mut change = match begin_any(db, &request.name, &call)? {
        Begun::Done(shown) => return found(db, shown[0]),
        Begun::New(change) => change,
    };
    let before = change.project.clone();
    if before.deleted_at.is_none() {
        change.batch_unchanged(db, [before.id]).send(db)?;
        return Ok(before);
    }
    if before.purge_at.is_some_and(|at| at <= now) {
        return Err(Error::ProjectNotFound(request.name.clone()));
    }
    let after = Project { deleted_at: None, purge_at: None, sequence: change.counters.sequence, updated_at: now, ..before };
    let mut batch = change.batch(db, [after.id], Vec::new());
    projects::update(&mut batch, &after);
    batch.send(db)?;
    Ok(after)
}

fn delete_namespace(db: &mut Db, request: &DeleteNamespace, now: Timestamp) -> Result<()> {
    let fingerprint = Fingerprint::new().shown(&(&request.name, &request.etag)).finish();
    let call = call(&request.principal.name, "DeleteNamespace", request.request_id.as_ref(), fingerprint, now);
    once(
        db,
        &call,
        |_, _| Ok(()),
        |db| {
            let namespace = namespace(db, &request.name)?;
            etag_of(&request.etag, namespace.etag(), &request.name)?;
            if namespaces::is_used(db, namespace.id)? {
                return Err(Error::NamespaceNotEmpty(request.name.clone()));
            }
            settings::remove(db, settings::Scope::Namespace(namespace.id))?;
            namespaces::remove(db, namespace.id)?;
            Ok(((), Vec::new()))
        },
    )
}
