//! Changing a user's role.

use consign_types::Timestamp;
use consign_types::access::Role;
use consign_types::resource::MemberRef;
use consign_types::text::{Etag, RequestId};

use super::change::call;
use super::create_member::{check_outlived, check_role, home_locked, note_member};
use super::create_token::check_expiry;
use super::idempotency::{Fingerprint, once};
use super::{etag_of, user};
use crate::connection::Db;
use crate::tables::members::{self, Home, Member, PlacedMember};
use crate::{Error, Metadata, Principal, Result};

/// A role to be changed.
#[derive(Clone, Debug)]
pub struct UpdateMember {
    /// Who changes it.
    pub principal: Principal,
    /// Whose, and where.
    pub name: MemberRef,
    /// Its etag as last read.
    pub etag: Option<Etag>,
    /// The role.
    pub role: Option<Role>,
    /// Until when it counts; `Some(None)` for ever.
    pub expires_at: Option<Option<Timestamp>>,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Changes a user's role. `MemberNotFound`, `EtagMismatch`; `RoleInsufficient` where the old or the new one is above the caller's.
    pub async fn update_member(&self, request: UpdateMember) -> Result<PlacedMember> {
        let now = self.now();
        let member = self.pool.write(move |db| update(db, &request, now)).await?;
        self.principals.invalidate_all();
        Ok(member)
    }
}

fn update(db: &mut Db, request: &UpdateMember, now: Timestamp) -> Result<PlacedMember> {
    let shown = (&request.name, &request.etag, request.role, request.expires_at);
    let fingerprint = Fingerprint::new().shown(&shown).finish();
    let call = call(&request.principal, "UpdateMember", &request.name, request.request_id.as_ref(), fingerprint, now);
    once(db, &call, |db| {
        let (home, mut member) = member(db, &request.name)?;
        check_role(&request.principal, member.role)?;
        etag_of(request.etag.as_ref(), &member.etag(), &request.name)?;
        member.role = request.role.unwrap_or(member.role);
        member.expires_at = request.expires_at.unwrap_or(member.expires_at);
        member.revision += 1;
        check_role(&request.principal, member.role)?;
        check_outlived(&request.principal, member.expires_at)?;
        if request.expires_at.is_some() {
            check_expiry(member.expires_at, now)?;
        }
        if !members::update(db, &member)? {
            return Err(Error::raced());
        }
        note_member(db, &call, home, &member)?;
        members::placed(db, member)
    })
}

/// A member by its name, and where it is one. Its project is locked.
pub(super) fn member(db: &mut Db, name: &MemberRef) -> Result<(Home, Member)> {
    let home = home_locked(db, &name.parent)?;
    let unknown = || Error::MemberNotFound(name.clone());
    let user = user(db, &name.user).map_err(|error| if matches!(error, Error::UserNotFound(_)) { unknown() } else { error })?;
    Ok((home, members::find(db, home, user.id)?.ok_or_else(unknown)?))
}
