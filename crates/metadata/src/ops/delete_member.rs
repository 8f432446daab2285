//! Taking a role away.

use consign_types::Timestamp;
use consign_types::resource::MemberRef;
use consign_types::text::{Etag, RequestId};

use super::change::call;
use super::create_member::{check_role, note_member};
use super::etag_of;
use super::idempotency::{Fingerprint, once};
use super::update_member::member;
use crate::connection::Db;
use crate::tables::members;
use crate::{Metadata, Principal, Result};

/// A role to be taken away.
#[derive(Clone, Debug)]
pub struct DeleteMember {
    /// Who takes it.
    pub principal: Principal,
    /// Whose, and where.
    pub name: MemberRef,
    /// Its etag as last read.
    pub etag: Option<Etag>,
    /// Makes a repeated request safe.
    pub request_id: Option<RequestId>,
}

impl Metadata {
    /// Takes a role away; those inherited from above stay. `MemberNotFound`, `EtagMismatch`; `RoleInsufficient` above the caller's own.
    pub async fn delete_member(&self, request: DeleteMember) -> Result<()> {
        let now = self.now();
        self.pool.write(move |db| delete(db, &request, now)).await?;
        self.principals.invalidate_all();
        Ok(())
    }
}

fn delete(db: &mut Db, request: &DeleteMember, now: Timestamp) -> Result<()> {
    let fingerprint = Fingerprint::new().shown(&(&request.name, &request.etag)).finish();
    let call = call(&request.principal, "DeleteMember", &request.name, request.request_id.as_ref(), fingerprint, now);
    once(db, &call, |db| {
        let (home, member) = member(db, &request.name)?;
        check_role(&request.principal, member.role)?;
        etag_of(request.etag.as_ref(), &member.etag(), &request.name)?;
        members::remove(db, member.id)?;
        note_member(db, &call, home, &member)
    })
}
