//! How an upload ends.

use std::sync::Arc;

use consign_types::Digest;

use super::{Claim, Closed, Session, lock, take_away};
use crate::error::{Error, Result};
use crate::store::Spool;
use crate::sums::SumsPart;

/// Where an upload ends, as whoever finishes it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Where its own bytes end.
    Here(i64),
    /// Where it was declared to end.
    Declared(i64),
}

/// An upload that takes nothing more.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) spool: Arc<dyn Spool>,
    pub(crate) digest: Digest,
    pub(crate) size: i64,
    pub(crate) sums: SumsPart,
}

impl Session {
    /// Closes the upload for all who write to it, and returns what its bytes hash to and how many there are.
    ///
    /// It stays open where bytes are missing, or where it has come to another end than the one that brings the last bytes says.
    pub(crate) async fn seal(self: &Arc<Self>, claim: &Claim, end: End) -> Result<Sealed> {
        let _turn = claim.turn.lock().await;
        self.check(claim)?;
        let others = lock(&self.claims).extract_if(.., |other| !std::ptr::eq(&raw const **other, claim)).collect();
        take_away(others).await;
        let _saving = self.saving.lock().await;
        let mut hashing = self.hashing.lock().await;
        let caught_up = self.catch_up(&mut hashing).await;
        self.closed_by(caught_up)?;
        let received = hashing.end;
        if !lock(&self.ahead).is_empty() || matches!(end, End::Declared(size) if received < size) {
            return Err(Error::Gap { committed: received });
        }
        if let End::Here(offset) = end
            && offset != received
        {
            return Err(Error::Offset { received, offset });
        }
        if !self.close(Closed::Ended) {
            // To keep it may have failed just now, and the next sync would not tell of bytes that are lost.
            self.check_open()?;
        }
        let size = hashing.end;
        let (digest, sums) = hashing.finish();
        Ok(Sealed { spool: Arc::clone(&self.spool), digest, size, sums })
    }

    /// Closes the upload and removes it, where nothing has come and nobody else brings anything.
    pub(crate) async fn leave(&self, claim: &Arc<Claim>) -> Result<()> {
        let _saving = self.saving.lock().await;
        {
            let claims = lock(&self.claims);
            let is_shared = claims.iter().any(|other| !Arc::ptr_eq(other, claim));
            if is_shared || self.hashed() > 0 || !lock(&self.ahead).is_empty() || self.is_closed() {
                return Ok(());
            }
            self.close(Closed::Ended);
        }
        self.spool.remove().await
    }

    /// Closes the upload for all who write to it, and removes what has come. `false` where it was closed before that.
    pub(crate) async fn cancel(&self) -> Result<bool> {
        drop(self.claim(0..i64::MAX).await);
        let _saving = self.saving.lock().await;
        let _hashing = self.hashing.lock().await;
        if !self.close(Closed::Ended) {
            return Ok(false);
        }
        self.spool.remove().await?;
        Ok(true)
    }

    /// Closes the upload for all and removes what has come, for one who writes to it; unless a newer stream took its place: that goes on.
    pub(crate) async fn abandon(&self, claim: &Arc<Claim>) -> Result<()> {
        let is_current = |claims: &[Arc<Claim>]| claims.iter().any(|other| Arc::ptr_eq(other, claim));
        let others: Vec<Arc<Claim>> = {
            let mut claims = lock(&self.claims);
            if !is_current(&claims) {
                return Ok(());
            }
            claims.extract_if(.., |other| !Arc::ptr_eq(other, claim)).collect()
        };
        take_away(others).await;
        drop(claim.turn.lock().await);
        let _saving = self.saving.lock().await;
        let _hashing = self.hashing.lock().await;
        // A newer stream may have come meanwhile. Once this is closed, one that comes waits for the end of it. So it does where a failure
        // was faster.
        {
            let claims = lock(&self.claims);
            if !is_current(&claims) {
                return Ok(());
            }
            self.close(Closed::Ended);
        }
        self.spool.remove().await
    }
}
