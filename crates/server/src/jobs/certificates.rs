//! Looking whether the certificates on disk are others.

use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use crate::tls::{Look, Tls};

/// The pause between two looks.
const INTERVAL: Duration = Duration::from_secs(5);

/// Runs until `stop`.
pub(crate) async fn run(mut tls: Tls, stop: CancellationToken) {
    let work = async {
        loop {
            tokio::time::sleep(INTERVAL).await;
            let mut looking = tls.clone();
            let looked = spawn_blocking(move || {
                let look = looking.look();
                (looking, look)
            });
            let Ok((seen, look)) = looked.await else { continue };
            tls = seen;
            match look {
                Look::Same => {}
                Look::Replaced => tracing::info!("the certificates were replaced by those that are on disk now"),
                Look::Kept(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the certificates on disk are not used: those before stay in use"
                    );
                }
            }
        }
    };
    stop.run_until_cancelled(work).await;
}
