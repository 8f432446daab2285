//! Telling what is wrong with a store, as far as the store alone knows.

use consign_types::CopyName;

use crate::error::{Error, Result};
use crate::{Blobs, UPLOAD_SECONDS};

/// How a copy is that files refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It is there, and has the size that it should have.
    Good,
    /// It is not there.
    Missing,
    /// It is quarantined, or has another size.
    Damaged,
}

/// Something that is kept for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leftover {
    /// An upload that nobody goes on with.
    Upload(i64),
    /// What belongs to nothing, by the name that the store gives it.
    Stray(String),
}

impl Blobs {
    /// Looks at a copy without reading it.
    pub async fn look(&self, name: CopyName, size: i64) -> Result<Condition> {
        match self.store.open(name, size).await {
            Ok(_) => Ok(Condition::Good),
            Err(Error::Missing(_)) => Ok(Condition::Missing),
            Err(Error::Corrupt(_)) => Ok(Condition::Damaged),
            Err(error) => Err(error),
        }
    }

    /// Reads a copy whole, whatever its size, and quarantines it where it does not have the bytes that its name says.
    pub async fn examine(&self, name: CopyName) -> Result<Condition> {
        let Some(copy) = self.list_copies_of(name.digest).await?.into_iter().find(|copy| copy.name == name) else {
            // What is listed no more is gone, or was quarantined.
            let is_gone = self.look(name, 0).await? == Condition::Missing;
            return Ok(if is_gone { Condition::Missing } else { Condition::Damaged });
        };
        if self.verify(name, copy.size, None).await? {
            return Ok(Condition::Good);
        }
        self.quarantine(name).await?;
        Ok(Condition::Damaged)
    }

    /// What is kept for nothing, and was last written to longer ago than uploads are kept.
    pub async fn list_leftovers(&self) -> Result<Vec<Leftover>> {
        let end = self.now().plus_seconds(-UPLOAD_SECONDS);
        let uploads = self.store.list_spools().await?.into_iter().filter(|spool| spool.written < end);
        let strays = self.store.list_strays().await?.into_iter().filter(|(_, written)| *written < end);
        let uploads = uploads.map(|spool| Leftover::Upload(spool.upload));
        Ok(uploads.chain(strays.map(|(name, _)| Leftover::Stray(name))).collect())
    }

    /// Removes what is kept for nothing.
    pub async fn remove_leftover(&self, leftover: &Leftover) -> Result<()> {
        match leftover {
            Leftover::Upload(upload) => self.store.remove_spool(*upload).await,
            Leftover::Stray(name) => self.store.remove_stray(name).await,
        }
    }
}
