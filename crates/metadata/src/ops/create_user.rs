//! Making a user.

use consign_types::access::Role;
use consign_types::resource::UserRef;
use consign_types::text::{DisplayName, EmailAddress, RequestId};
use consign_types::{NamespacePath, Timestamp, Username};

use super::change::{INSTANCE, call, note};
use super::create_token::check_current;
use super::idempotency::{Fingerprint, once};
use super::{check_free, or_else};
use crate::connection::Db;
use crate::tables::members::{self, Home, Member};
use crate::tables::namespaces::{self, NewNamespace};
use crate::tables::users::{self, NewUser, User};
use crate::{Error, Metadata, Principal, Result};

/// A user to be made.
#[derive(Clone, Debug)]
pub struct CreateUser {
    /// Who makes it.
    pub principal: Principal,
    /// The name that it is to sign in by.
    pub username: Username,
    /// What people call it; the user name where this is empty.
    pub display_name: DisplayName,
    /// Its mail address.
    pub email: Option<EmailAddress>,
    /// Whether it has the role of an administrator everywhere.
    pub is_admin: bool,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Makes a user with a namespace of its name, which it owns. `NameTaken` if the name, the mail address or the path is in use.
    pub async fn create_user(&self, request: CreateUser) -> Result<User> {
        let now = self.now();
        self.pool.write(move |db| create(db, &request, now)).await
    }
}

fn create(db: &mut Db, request: &CreateUser, now: Timestamp) -> Result<User> {
    let shown = (&request.username, &request.display_name, &request.email, request.is_admin);
    let fingerprint = Fingerprint::new().shown(&shown).finish();
    let name = UserRef::Name(request.username.clone());
    let call = call(&request.principal, "CreateUser", &name, request.request_id.as_ref(), fingerprint, now);
    once(db, &call, |db| {
        check_current(&request.principal)?;
        let user = add(db, request, now)?;
        note(db, &call, INSTANCE, &user)?;
        Ok(user)
    })
}

fn add(db: &mut Db, request: &CreateUser, now: Timestamp) -> Result<User> {
    let taken = || Error::NameTaken(request.username.to_string());
    let path = NamespacePath::of_user(&request.username);
    check_free(db, path.as_str())?;
    let display_name = &or_else(&request.display_name, request.username.as_str());
    let new = NewUser {
        username: &request.username,
        display_name,
        email: request.email.as_ref(),
        is_admin: request.is_admin,
        is_disabled: false,
        revision: 1,
        created_at: now,
        updated_at: now,
    };
    if let Some(email) = &request.email
        && users::has_email(db, email, 0)?
    {
        return Err(Error::NameTaken(email.to_string()));
    }
    let user = users::insert(db, &new)?.ok_or_else(taken)?;
    let new = NewNamespace { parent_id: None, path: &path, display_name, created_at: now };
    let namespace = namespaces::insert(db, &new)?.ok_or_else(taken)?;
    members::insert(db, Home::Namespace(namespace.id), &Member::new(user.id, (Role::Owner, None), now))?;
    Ok(user)
}
