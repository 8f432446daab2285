//! Giving a user a role.

use consign_types::Timestamp;
use consign_types::access::Role;
use consign_types::resource::{MemberParent, MemberRef, UserRef};
use consign_types::text::RequestId;

use super::change::{INSTANCE, call, lock, note};
use super::create_token::{check_current, check_expiry};
use super::idempotency::{Call, Fingerprint, once};
use super::{namespace, project, user};
use crate::connection::Db;
use crate::tables::members::{self, Home, Member, PlacedMember};
use crate::{Error, Metadata, Principal, Result};

/// How many roles a user has at most: all of them are known when the user is judged.
pub(super) const MAX_ROLES: i64 = 1000;

/// A role to be given.
#[derive(Clone, Debug)]
pub struct CreateMember {
    /// Who gives it.
    pub principal: Principal,
    /// Where.
    pub parent: MemberParent,
    /// To whom.
    pub user: UserRef,
    /// The role.
    pub role: Role,
    /// Until when it counts; `None` for ever.
    pub expires_at: Option<Timestamp>,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Gives a user a role. `ProjectNotFound`, `NamespaceNotFound`, `UserNotFound`; `NameTaken` if it has one there; `RoleInsufficient`
    /// above the caller's own.
    pub async fn create_member(&self, request: CreateMember) -> Result<PlacedMember> {
        let now = self.now();
        let member = self.pool.write(move |db| create(db, &request, now)).await?;
        self.principals.invalidate_all();
        Ok(member)
    }
}

fn create(db: &mut Db, request: &CreateMember, now: Timestamp) -> Result<PlacedMember> {
    let shown = (&request.parent, &request.user, request.role, request.expires_at);
    let fingerprint = Fingerprint::new().shown(&shown).finish();
    let call = call(&request.principal, "CreateMember", &request.parent, request.request_id.as_ref(), fingerprint, now);
    once(db, &call, |db| {
        check_role(&request.principal, request.role)?;
        check_outlived(&request.principal, request.expires_at)?;
        check_expiry(request.expires_at, now)?;
        let home = home_locked(db, &request.parent)?;
        let user = user(db, &request.user)?;
        if members::count_of_user(db, user.id, now)? >= MAX_ROLES {
            return Err(Error::ArgumentInvalid { field: "user", rule: format!("has `{MAX_ROLES}` roles already: give one further up") });
        }
        let new = Member::new(user.id, (request.role, request.expires_at), now);
        let name = MemberRef { parent: request.parent.clone(), user: UserRef::Id(user.id) };
        let member = members::insert(db, home, &new)?.ok_or_else(|| Error::NameTaken(name.to_string()))?;
        note_member(db, &call, home, &member)?;
        members::placed(db, member)
    })
}

/// Refuses to give what would outlive a token that is nobody's: it can't be asked for it any more.
pub(super) fn check_outlived(principal: &Principal, end: Option<Timestamp>) -> Result<()> {
    match (principal.user, principal.expires_at) {
        (None, Some(own)) if end.is_none_or(|end| end > own) => {
            Err(Error::ScopeInsufficient("it ends at a time, and what it gives may not outlive it".to_owned()))
        }
        _ => Ok(()),
    }
}

/// Refuses a role that is nobody's to give, or above the caller's own.
pub(super) fn check_role(principal: &Principal, role: Role) -> Result<()> {
    check_current(principal)?;
    if role == Role::Admin {
        let words = "GUEST to OWNER: administrators are made by `UpdateUser`";
        return Err(Error::ArgumentInvalid { field: "role", rule: words.to_owned() });
    }
    if role > principal.role { Err(Error::RoleInsufficient(role)) } else { Ok(()) }
}

/// The place by its id.
fn home(db: &mut Db, parent: &MemberParent) -> Result<Home> {
    Ok(match parent {
        MemberParent::Project(name) => Home::Project(project(db, name)?.id),
        MemberParent::Namespace(name) => Home::Namespace(namespace(db, name)?.id),
    })
}

/// The same, with the project locked: it is, before what belongs to it.
pub(super) fn home_locked(db: &mut Db, parent: &MemberParent) -> Result<Home> {
    let home = home(db, parent)?;
    if let Home::Project(project) = home {
        lock(db, project)?;
    }
    Ok(home)
}

/// Notes what was done with a member in the audit chain of its project, or in that of the instance.
pub(super) fn note_member(db: &mut Db, call: &Call<'_>, home: Home, member: &Member) -> Result<()> {
    let chain = match home {
        Home::Project(project) => project,
        Home::Namespace(_) => INSTANCE,
    };
    note(db, call, chain, member)
}
