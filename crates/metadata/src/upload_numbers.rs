//! Numbers for uploads that hold nothing, drawn many at a time: no transaction is needed for each.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::error::{Error, Result};
use crate::ids;
use crate::pool::{PATIENCE, Pool};

/// How many are drawn at once. More than one request takes, and more than the 32 values of a sequence that PostgreSQL logs ahead: so each
/// draw is logged by itself, and durable when it is committed.
const BLOCK: usize = 64;

/// How long they are given out. They tell of two copies of the same bytes which one is younger, so they rise, but for so long.
const LIFE: Duration = Duration::from_secs(10);

/// Numbers that are drawn and not given out.
#[derive(Clone, Debug, Default)]
pub(crate) struct UploadNumbers(Arc<Mutex<Block>>);

#[derive(Debug, Default)]
struct Block {
    left: VecDeque<i64>,
    drawn: Option<Instant>,
}

impl UploadNumbers {
    /// Gives out some, at most [`BLOCK`].
    pub(crate) async fn take(&self, pool: &Pool, count: usize) -> Result<Vec<i64>> {
        let mut block = timeout(PATIENCE, self.0.lock()).await.map_err(|_| Error::Overloaded)?;
        if block.left.len() < count || block.drawn.is_none_or(|drawn| drawn.elapsed() > LIFE) {
            let left = pool.write(|db| ids::reserve(db, "leases", BLOCK)).await?;
            *block = Block { left: left.into(), drawn: Some(Instant::now()) };
        }
        Ok(block.left.drain(..count).collect())
    }
}
