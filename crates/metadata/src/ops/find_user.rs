//! Reading a user.

use consign_types::resource::UserRef;

use super::user;
use crate::tables::users::{self, User};
use crate::{Error, Metadata, Result};

impl Metadata {
    /// The user of this name. `UserNotFound`, also where `known_to`, if given, shares no place with it.
    pub async fn find_user(&self, name: UserRef, known_to: Option<i64>) -> Result<User> {
        self.pool
            .read(move |db| {
                let user = user(db, &name)?;
                match known_to {
                    Some(known_to) if !users::is_known(db, user.id, known_to)? => Err(Error::UserNotFound(name)),
                    _ => Ok(user),
                }
            })
            .await
    }
}
