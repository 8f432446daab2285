//! Removing a namespace: an empty one for good, or one with all that is in it.

use consign_types::resource::{NamespaceRef, ProjectRef};
use consign_types::text::{Etag, RequestId};
use consign_types::{Digest, NamespacePath, Timestamp};

use super::change::{INSTANCE, call, note};
use super::delete_project::{self, DeleteProject};
use super::deletion::Force;
use super::idempotency::{Fingerprint, once};
use super::{etag_of, namespace};
use crate::connection::Db;
use crate::tables::members::{self, Home};
use crate::tables::namespaces::Namespace;
use crate::tables::{namespaces, projects, settings, tokens};
use crate::{Error, Metadata, Principal, Result};

/// A namespace to be removed.
#[derive(Clone, Debug)]
pub struct DeleteNamespace {
    /// Who removes it.
    pub principal: Principal,
    /// The namespace.
    pub name: NamespaceRef,
    /// Its etag as last read.
    pub etag: Option<Etag>,
    /// Whether it is deleted with what is in it.
    pub force: Force,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

/// How many projects, and how many namespaces, are deleted at once.
const MOST: usize = 1000;

impl Metadata {
    /// Removes a namespace. An empty one goes for good. `NamespaceNotFound`, `NamespaceNotEmpty`, `EtagMismatch`.
    ///
    /// Where that is forced, its projects are deleted with it, all of them or none: `InUse` and `Placed` where one can't be,
    /// `ArgumentInvalid` where there are too many. Until they are removed for good it keeps its path, and one that is brought back brings it
    /// back too.
    pub async fn delete_namespace(&self, request: DeleteNamespace) -> Result<()> {
        let (now, restore_seconds) = (self.now(), self.rules.restore_seconds);
        self.pool.write(move |db| delete_namespace(db, &request, now, restore_seconds)).await?;
        self.sites.invalidate_all();
        Ok(())
    }
}

fn delete_namespace(db: &mut Db, request: &DeleteNamespace, now: Timestamp, restore_seconds: i64) -> Result<()> {
    let call = call(&request.principal, "DeleteNamespace", &request.name, request.request_id.as_ref(), fingerprint(request), now);
    once(db, &call, |db| {
        let namespace = namespace(db, &request.name)?;
        etag_of(request.etag.as_ref(), &namespace.etag(), &request.name)?;
        match request.force {
            Force::No if namespaces::is_used(db, namespace.id)? => return Err(Error::NamespaceNotEmpty(request.name.clone())),
            Force::No => remove(db, namespace.id)?,
            Force::Yes => empty(db, request, &namespace.path, now, restore_seconds)?,
        }
        note(db, &call, INSTANCE, &namespace)
    })
}

pub(super) fn fingerprint(request: &DeleteNamespace) -> Digest {
    let fingerprint = Fingerprint::new().shown(&(&request.name, &request.etag));
    fingerprint.added(request.force == Force::Yes, &request.force).finish()
}

/// Deletes what is in a namespace, and the namespace with those below it. What holds deleted projects is kept for them.
fn empty(db: &mut Db, request: &DeleteNamespace, path: &NamespacePath, now: Timestamp, restore_seconds: i64) -> Result<()> {
    let limit = i64::try_from(MOST).unwrap_or(i64::MAX) + 1;
    let below = lock_below(db, path, limit)?;
    let projects = projects::list_below(db, path, limit)?;
    if below.len() > MOST || projects.len() > MOST {
        let rule = format!("at most {MOST} projects and {MOST} namespaces are deleted at once");
        return Err(Error::ArgumentInvalid { field: "force", rule });
    }
    for project in projects {
        let project = DeleteProject {
            principal: request.principal.clone(),
            name: ProjectRef::Id(project),
            etag: None,
            force: Force::No,
            request_id: None,
        };
        delete_project::delete(db, &project, now, restore_seconds)?;
    }
    for namespace in below {
        if namespaces::is_used(db, namespace.id)? {
            namespaces::mark_deleted(db, namespace.id, now)?;
        } else {
            remove(db, namespace.id)?;
        }
    }
    Ok(())
}

/// Locks a namespace and those below it, a bounded number of them. One that was being made while another one was waited for is seen by the next
/// look alone.
fn lock_below(db: &mut Db, path: &NamespacePath, limit: i64) -> Result<Vec<Namespace>> {
    let mut locked = namespaces::lock_below(db, path, limit)?;
    loop {
        let seen = namespaces::lock_below(db, path, limit)?;
        if seen.len() == locked.len() {
            return Ok(seen);
        }
        locked = seen;
    }
}

/// Removes a namespace that nothing is in, with what was set and given there.
pub(super) fn remove(db: &mut Db, namespace: i64) -> Result<()> {
    settings::remove(db, settings::Scope::Namespace(namespace))?;
    members::remove_of(db, Home::Namespace(namespace))?;
    tokens::remove_of_namespace(db, namespace)?;
    namespaces::remove(db, namespace)
}
