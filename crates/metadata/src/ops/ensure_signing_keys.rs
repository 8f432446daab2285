//! Making sure that all processes of an instance have the same signing keys.

use consign_types::signature::PublicKey;

use super::change::INSTANCE;
use crate::tables::{counters, signing_keys};
use crate::{Metadata, Result};

impl Metadata {
    /// Whether the instance has signing keys already, so that a process without any has lost them.
    pub async fn has_signing_keys(&self) -> Result<bool> {
        self.pool.read(|db| Ok(!signing_keys::list(db)?.is_empty())).await
    }

    /// Notes the public keys of a process. Returns one by which the instance signed before, and that the process lacks: then nothing is
    /// noted.
    pub async fn ensure_signing_keys(&self, keys: &[PublicKey]) -> Result<Option<String>> {
        let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
        let now = self.now();
        self.pool
            .write(move |db| {
                // Of processes that start at once with different keys, the second sees those of the first.
                counters::lock_row(db, INSTANCE)?;
                let noted = signing_keys::list(db)?;
                let missing = noted.iter().find(|noted| !keys.contains(noted)).cloned();
                for key in keys.iter().filter(|key| missing.is_none() && !noted.contains(key)) {
                    signing_keys::insert(db, key, now)?;
                }
                Ok(missing)
            })
            .await
    }
}
