//! Small blobs, many at once: each is checked by itself, and all are made durable together.

use bytes::Bytes;
use consign_types::receipt::Receipt;
use consign_types::ticket::{DownloadTicket, UploadTicket};
use futures::stream::{StreamExt as _, iter};

use crate::Blobs;
use crate::download::Download;
use crate::error::Result;
use crate::session::length;
use crate::store::{PIECES_AT_ONCE, Small};
use crate::terms;

/// How many blobs of a batch are read at once.
const READERS: usize = 16;

impl Blobs {
    /// Stores small blobs whole, and returns what became of each, in their order. One that fails keeps none of the others from
    /// succeeding.
    pub async fn write_batch(&self, items: Vec<(UploadTicket, Bytes)>) -> Vec<Result<Receipt>> {
        let hash = |(ticket, bytes)| terms::small(&ticket, bytes).map(|small| (ticket, small));
        let hashed = tokio::task::spawn_blocking(move || items.into_iter().map(hash).collect::<Vec<_>>()).await;
        let items = match hashed {
            Ok(items) => items,
            Err(error) => return vec![Err(error.into())],
        };
        let good = items.iter().filter_map(|item| item.as_ref().ok()).map(|(_, small)| small.clone()).collect();
        let mut placed = self.store.put(good).await.into_iter();
        let now = self.now();
        let answer = |item: Result<(UploadTicket, Small)>| {
            let (ticket, small) = item?;
            let generation = placed.next().expect("each blob has its answer")?;
            let receipt = terms::receipt(&ticket, small.name.digest, length(&small.bytes), generation, now);
            self.sessions.remember(&receipt);
            Ok(receipt)
        };
        items.into_iter().map(answer).collect()
    }

    /// Reads small blobs whole, in their order.
    pub async fn read_batch(&self, tickets: Vec<DownloadTicket>) -> Vec<Result<Bytes>> {
        let read = |ticket: DownloadTicket| async move { read_whole(self.download(&ticket).await?).await };
        iter(tickets).map(read).buffered(READERS).collect().await
    }
}

async fn read_whole(blob: Download) -> Result<Bytes> {
    let mut reading = blob.range(0, None).await?;
    let mut whole = Vec::new();
    while let Some(piece) = reading.next(PIECES_AT_ONCE).await? {
        whole.extend_from_slice(&piece.bytes);
    }
    Ok(whole.into())
}
