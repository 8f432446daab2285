//! Looks at a version that are asked for at the same time are one look.
//!
//! Files often come into one version many at once, and what each of them meets is the same but for its own path. While one look is under way,
//! those that are asked for meanwhile wait, and the next one is for all of them: nobody is shown anything older than its question.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use consign_types::FilePath;
use consign_types::resource::VersionRef;
use tokio::sync::oneshot;
use tracing::Instrument as _;

use super::scene::{self, Look, Scene};
use crate::pool::Pool;
use crate::{Error, Result};

/// How many questions one look answers.
const MAX_SHARED: usize = 32;

/// The looks that are asked for, by the version that each is at.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedLooks(Arc<Mutex<HashMap<VersionRef, Vec<Question>>>>);

/// A look that is asked for.
#[derive(Debug)]
struct Question {
    paths: Vec<FilePath>,
    /// Dropped where the look failed and whoever asked is to look alone.
    answer: oneshot::Sender<Result<Arc<Scene>>>,
}

impl SharedLooks {
    /// What a publish into a version meets, at these paths and perhaps at others.
    pub(super) async fn view(&self, pool: &Pool, version: &VersionRef, paths: Vec<FilePath>) -> Result<Arc<Scene>> {
        let (answer, shown) = oneshot::channel();
        let question = Question { paths: paths.clone(), answer };
        let is_first = match self.lock().entry(version.clone()) {
            Entry::Occupied(mut asked) => {
                asked.get_mut().push(question);
                false
            }
            Entry::Vacant(none) => {
                none.insert(vec![question]);
                true
            }
        };
        if is_first {
            // Those who asked later wait for it too, so it goes on where the first one goes away.
            tokio::spawn(self.clone().answer_all(pool.clone(), version.clone()).in_current_span());
        }
        match shown.await {
            Ok(shown) => shown,
            Err(_) => view(pool, version.clone(), paths).await.map(Arc::new),
        }
    }

    /// Looks until nobody asks any more.
    async fn answer_all(self, pool: Pool, version: VersionRef) {
        while let Some(questions) = self.take(&version) {
            let mut paths: Vec<FilePath> = questions.iter().flat_map(|question| question.paths.clone()).collect();
            paths.sort_unstable();
            paths.dedup();
            let shown = view(&pool, version.clone(), paths).await.map(Arc::new);
            for question in questions {
                if let Some(shown) = told_to_all(&shown) {
                    // Who has gone meanwhile does not care.
                    let _ = question.answer.send(shown);
                }
            }
        }
    }

    /// The questions that the next look answers; `None` where there are none.
    fn take(&self, version: &VersionRef) -> Option<Vec<Question>> {
        let mut asked = self.lock();
        let waiting = asked.get_mut(version)?;
        if waiting.is_empty() {
            asked.remove(version);
            return None;
        }
        let count = waiting.len().min(MAX_SHARED);
        Some(waiting.drain(..count).collect())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<VersionRef, Vec<Question>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn view(pool: &Pool, version: VersionRef, paths: Vec<FilePath>) -> Result<Scene> {
    let look = move |db: &mut crate::connection::Db| {
        let paths: Vec<&FilePath> = paths.iter().collect();
        scene::view(db, Look { version: &version, paths: &paths, uploads: &[], request: None })
    };
    pool.look(look).await
}

/// What a look came to, for one of those who asked; `None` for failures that are not the same for all.
fn told_to_all(shown: &Result<Arc<Scene>>) -> Option<Result<Arc<Scene>>> {
    match shown {
        Ok(scene) => Some(Ok(Arc::clone(scene))),
        Err(Error::ProjectNotFound(project)) => Some(Err(Error::ProjectNotFound(project.clone()))),
        Err(Error::Overloaded) => Some(Err(Error::Overloaded)),
        Err(_) => None,
    }
}
