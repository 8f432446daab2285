//! Reading a user.

use consign_types::resource::UserRef;

use super::list_users::known_by;
use super::user;
use crate::tables::users::{self, User};
use crate::{Error, Metadata, Principal, Result};

impl Metadata {
    /// The user of this name. `UserNotFound`, also where `known_to`, if given, shares no place with it.
    pub async fn find_user(&self, name: UserRef, known_to: Option<Principal>) -> Result<User> {
        let now = self.now();
        self.pool
            .read(move |db| {
                let user = user(db, &name)?;
                match known_to.map(|principal| known_by(&principal, now)) {
                    Some(known) if !users::is_known(db, user.id, &known)? => Err(Error::UserNotFound(name)),
                    _ => Ok(user),
                }
            })
            .await
    }
}
