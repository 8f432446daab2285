//! Secrets of tokens that a rotation has put others in the place of, by their digests.

use consign_types::Digest;
use diesel::prelude::*;

use crate::connection::{Db, each};
use crate::error::Result;
use crate::schema::{replaced_secrets as replaced, tokens};

/// The token that this was the secret of.
pub(crate) fn find(db: &mut Db, digest: Digest) -> Result<Option<i64>> {
    Ok(replaced::table.find(digest).select(replaced::token_id).first(db).optional()?)
}

/// Notes that the secret that a token has is about to be replaced.
pub(crate) fn insert(db: &mut Db, token: i64) -> Result<()> {
    let Some(digest) = tokens::table.find(token).select(tokens::digest).first::<Digest>(db).optional()? else { return Ok(()) };
    let values = (replaced::digest.eq(digest), replaced::token_id.eq(token));
    each!(db, connection => diesel::insert_into(replaced::table).values(values).on_conflict_do_nothing().execute(connection))?;
    Ok(())
}
