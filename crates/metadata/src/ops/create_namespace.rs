//! Making a namespace.

use consign_types::access::Role;
use consign_types::resource::{MemberParent, NamespaceRef};
use consign_types::text::{DisplayName, RequestId};
use consign_types::{NamespacePath, Timestamp};

use super::change::{INSTANCE, call, note};
use super::create_member::{MAX_ROLES, note_member};
use super::idempotency::{Fingerprint, once};
use super::{check_free, namespace, or_else};
use crate::connection::Db;
use crate::tables::members::{self, Home, Member};
use crate::tables::namespaces::{self, Namespace, NewNamespace};
use crate::{Error, Metadata, Principal, Result};

/// How deep namespaces are nested at most, as in GitLab.
const MAX_DEPTH: usize = 20;

/// A namespace to be made.
#[derive(Clone, Debug)]
pub struct CreateNamespace {
    /// Who makes it.
    pub principal: Principal,
    /// Its full path. The namespace around it must be there.
    pub path: NamespacePath,
    /// What people call it; its last part where this is empty.
    pub display_name: DisplayName,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Makes a namespace, and its maker an owner of it, if that is a user. `NamespaceNotFound` if the one around it is missing, `NameTaken`
    /// if its path is.
    pub async fn create_namespace(&self, request: CreateNamespace) -> Result<Namespace> {
        let now = self.now();
        let made = self
            .pool
            .write(move |db| {
                let fingerprint = Fingerprint::new().field(request.path.as_str()).field(request.display_name.as_str()).finish();
                let call = call(&request.principal, "CreateNamespace", &request.path, request.request_id.as_ref(), fingerprint, now);
                once(db, &call, |db| {
                    let find = |db: &mut Db| request.path.parent().map(|parent| namespace(db, &NamespaceRef::Path(parent))).transpose();
                    let parent = find(db)?;
                    if request.path.as_str().split('/').count() > MAX_DEPTH {
                        return Err(Error::ArgumentInvalid { field: "path", rule: format!("at most {MAX_DEPTH} parts") });
                    }
                    check_free(db, request.path.as_str())?;
                    let display_name = or_else(&request.display_name, request.path.last());
                    let new = NewNamespace {
                        parent_id: parent.map(|parent| parent.id),
                        path: &request.path,
                        display_name: &display_name,
                        created_at: now,
                    };
                    let made = namespaces::insert(db, &new)?.ok_or_else(|| Error::NameTaken(request.path.to_string()))?;
                    // The one around it may have been deleted while its row was waited for.
                    find(db)?;
                    note(db, &call, INSTANCE, &made)?;
                    own(db, &request, &made, now)?;
                    Ok(made)
                })
            })
            .await?;
        self.principals.invalidate_all();
        Ok(made)
    }
}

/// Makes the user who made a namespace an owner of it. Whoever has as many roles as a user can have owns what is around it, or is an
/// administrator, and so does without.
fn own(db: &mut Db, request: &CreateNamespace, made: &Namespace, now: Timestamp) -> Result<()> {
    let Some(user) = request.principal.user else { return Ok(()) };
    if members::count_of_user(db, user, now)? >= MAX_ROLES {
        return Ok(());
    }
    let home = Home::Namespace(made.id);
    let parent = MemberParent::Namespace(NamespaceRef::Path(made.path.clone()));
    let call = call(&request.principal, "CreateMember", &parent, request.request_id.as_ref(), Fingerprint::new().finish(), now);
    let member = members::insert(db, home, &Member::new(user, (Role::Owner, None), now))?.ok_or_else(Error::raced)?;
    note_member(db, &call, home, &member)
}
