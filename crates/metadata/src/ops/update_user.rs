//! Changing a user.

use consign_types::Timestamp;
use consign_types::resource::UserRef;
use consign_types::text::{DisplayName, EmailAddress, Etag, RequestId};

use super::change::{INSTANCE, call, note};
use super::create_token::check_current;
use super::etag_of;
use super::idempotency::{Fingerprint, once};
use crate::connection::Db;
use crate::tables::users::{self, User};
use crate::{Error, Metadata, Principal, Result};

/// A user to be changed.
#[derive(Clone, Debug)]
pub struct UpdateUser {
    /// Who changes it.
    pub principal: Principal,
    /// The user.
    pub name: UserRef,
    /// Its etag as last read.
    pub etag: Option<Etag>,
    /// What people call it.
    pub display_name: Option<DisplayName>,
    /// Its mail address; `Some(None)` for none.
    pub email: Option<Option<EmailAddress>>,
    /// Whether it has the role of an administrator; for administrators to say.
    pub is_admin: Option<bool>,
    /// Whether its tokens are refused; for administrators to say.
    pub is_disabled: Option<bool>,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Changes a user. `UserNotFound`, `EtagMismatch`, `NameTaken` for a mail address in use, `LastAdmin`.
    pub async fn update_user(&self, request: UpdateUser) -> Result<User> {
        let now = self.now();
        let user = self.pool.write(move |db| update(db, &request, now)).await?;
        self.principals.invalidate_all();
        Ok(user)
    }
}

fn update(db: &mut Db, request: &UpdateUser, now: Timestamp) -> Result<User> {
    let UpdateUser { display_name, email, is_admin, is_disabled, .. } = request;
    if (is_admin.is_some() || is_disabled.is_some()) && !request.principal.grant.identity.is_admin() {
        return Err(Error::RoleInsufficient(consign_types::access::Role::Admin));
    }
    let shown = (&request.name, &request.etag, display_name, email, is_admin, is_disabled);
    let fingerprint = Fingerprint::new().shown(&shown).finish();
    let call = call(&request.principal, "UpdateUser", &request.name, request.request_id.as_ref(), fingerprint, now);
    once(db, &call, |db| {
        check_current(&request.principal)?;
        // Administrators are locked first, all in one order: two who end each other's rights do not both succeed.
        let ends_rights = *is_admin == Some(false) || *is_disabled == Some(true);
        let admins = if ends_rights { users::list_admins_locked(db)? } else { Vec::new() };
        let mut user = users::find_locked(db, &request.name)?.ok_or_else(|| Error::UserNotFound(request.name.clone()))?;
        etag_of(request.etag.as_ref(), &user.etag(), &request.name)?;
        user.display_name = display_name.clone().unwrap_or(user.display_name);
        user.email = email.clone().unwrap_or(user.email);
        user.is_admin = is_admin.unwrap_or(user.is_admin);
        user.is_disabled = is_disabled.unwrap_or(user.is_disabled);
        (user.revision, user.updated_at) = (user.revision + 1, now);
        if (!user.is_admin || user.is_disabled) && admins == [user.id] {
            return Err(Error::LastAdmin);
        }
        if let Some(email) = &user.email
            && users::has_email(db, email, user.id)?
        {
            return Err(Error::NameTaken(email.to_string()));
        }
        users::update(db, &user).map_err(|error| error.or_taken(user.email.as_ref()))?;
        note(db, &call, INSTANCE, &user)?;
        Ok(user)
    })
}
