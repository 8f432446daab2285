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
use tokio::time::timeout;
use tracing::{Instrument as _, Span};

use super::scene::{self, Look, Scene};
use crate::connection::Db;
use crate::pool::{PATIENCE, Pool};
use crate::{Error, Result};

/// How many questions one look answers.
const MAX_SHARED: usize = 32;

/// The looks that are asked for, by the version that each is at.
#[derive(Debug)]
pub(crate) struct SharedLooks<T = Scene>(Arc<Mutex<HashMap<VersionRef, Vec<Question<T>>>>>);

/// A look that is asked for.
#[derive(Debug)]
struct Question<T> {
    paths: Vec<FilePath>,
    /// Dropped where the look failed and whoever asked is to look alone.
    answer: oneshot::Sender<Result<Arc<T>>>,
    span: Span,
}

impl SharedLooks {
    /// What a publish into a version meets, at these paths and perhaps at others.
    pub(super) async fn view(&self, pool: &Pool, version: &VersionRef, paths: Vec<FilePath>) -> Result<Arc<Scene>> {
        let (pool, at) = (pool.clone(), version.clone());
        self.ask(version, paths, move |paths| view(pool.clone(), at.clone(), paths)).await
    }
}

async fn view(pool: Pool, version: VersionRef, paths: Vec<FilePath>) -> Result<Scene> {
    let look = move |db: &mut Db| {
        let paths: Vec<&FilePath> = paths.iter().collect();
        scene::view(db, Look { version: &version, paths: &paths, uploads: &[], request: None })
    };
    pool.look(look).await
}

impl<T: Send + Sync + 'static> SharedLooks<T> {
    async fn ask<L, F>(&self, version: &VersionRef, paths: Vec<FilePath>, look: L) -> Result<Arc<T>>
    where
        L: Fn(Vec<FilePath>) -> F + Clone + Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let (answer, shown) = oneshot::channel();
        let question = Question { paths: paths.clone(), answer, span: Span::current() };
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
            let answering = Answering { looks: self.clone(), version: version.clone(), is_done: false };
            tokio::spawn(answering.run(look.clone()));
        }
        match timeout(PATIENCE, shown).await {
            Ok(Ok(shown)) => shown,
            Ok(Err(_)) => look(paths).await.map(Arc::new),
            Err(_) => Err(Error::Overloaded),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<VersionRef, Vec<Question<T>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Clone for SharedLooks<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for SharedLooks<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

/// Answers all who ask about a version.
struct Answering<T: Send + Sync + 'static> {
    looks: SharedLooks<T>,
    version: VersionRef,
    is_done: bool,
}

impl<T: Send + Sync + 'static> Answering<T> {
    /// Looks until nobody asks any more.
    async fn run<F: Future<Output = Result<T>>>(mut self, look: impl Fn(Vec<FilePath>) -> F) {
        while let Some(questions) = self.take() {
            let mut paths: Vec<FilePath> = questions.iter().flat_map(|question| question.paths.clone()).collect();
            paths.sort_unstable();
            paths.dedup();
            let span = questions.first().map_or_else(Span::none, |question| question.span.clone());
            let shown = look(paths).instrument(span).await.map(Arc::new);
            for question in questions {
                if let Some(shown) = told_to_all(&shown) {
                    // Who has gone meanwhile does not care.
                    let _ = question.answer.send(shown);
                }
            }
        }
    }

    /// The questions that the next look answers; `None` where there are none.
    fn take(&mut self) -> Option<Vec<Question<T>>> {
        let mut asked = self.looks.lock();
        let waiting = asked.get_mut(&self.version)?;
        waiting.retain(|question| !question.answer.is_closed());
        if waiting.is_empty() {
            asked.remove(&self.version);
            self.is_done = true;
            return None;
        }
        let count = waiting.len().min(MAX_SHARED);
        Some(waiting.drain(..count).collect())
    }
}

impl<T: Send + Sync + 'static> Drop for Answering<T> {
    /// Where it ends before its time, those who ask look alone, and the next one to ask begins anew.
    fn drop(&mut self) {
        if !self.is_done {
            self.looks.lock().remove(&self.version);
        }
    }
}

/// What a look came to, for one of those who asked; `None` for failures that are not the same for all.
fn told_to_all<T>(shown: &Result<Arc<T>>) -> Option<Result<Arc<T>>> {
    match shown {
        Ok(scene) => Some(Ok(Arc::clone(scene))),
        Err(Error::ProjectNotFound(project)) => Some(Err(Error::ProjectNotFound(project.clone()))),
        Err(Error::Overloaded) => Some(Err(Error::Overloaded)),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use consign_types::resource::ProjectRef;
    use tokio::sync::Semaphore;
    use tokio::task::{JoinHandle, yield_now};

    use super::*;

    /// What was looked for, look by look. Each waits until it may.
    #[derive(Clone)]
    struct Looks {
        shared: SharedLooks<usize>,
        done: Arc<Mutex<Vec<Vec<String>>>>,
        may: Arc<Semaphore>,
    }

    impl Looks {
        fn new(may: usize) -> Self {
            Self { shared: SharedLooks::default(), done: Arc::default(), may: Arc::new(Semaphore::new(may)) }
        }

        /// Asks for a path; the answer is the number of the look. Each look fails as told.
        fn ask(&self, path: &str, failure: fn() -> Option<Error>) -> JoinHandle<Result<Arc<usize>>> {
            let (looks, paths) = (self.clone(), vec![path.parse().unwrap()]);
            let version = VersionRef { project: ProjectRef::Id(1), package: "tool".parse().unwrap(), version: "1.0".parse().unwrap() };
            let look = move |paths: Vec<FilePath>| looks.clone().look(paths, failure);
            let shared = self.shared.clone();
            tokio::spawn(async move { shared.ask(&version, paths, look).await })
        }

        async fn look(self, paths: Vec<FilePath>, failure: fn() -> Option<Error>) -> Result<usize> {
            let number = {
                let mut done = self.done.lock().unwrap();
                done.push(paths.iter().map(ToString::to_string).collect());
                done.len()
            };
            self.may.acquire().await.unwrap().forget();
            failure().map_or(Ok(number), Err)
        }

        fn done(&self) -> Vec<Vec<String>> {
            self.done.lock().unwrap().clone()
        }
    }

    /// Lets all others go on as far as they can.
    async fn settle() {
        for _ in 0..20 {
            yield_now().await;
        }
    }

    #[tokio::test]
    async fn who_asks_during_a_look_shares_the_next_one() {
        let looks = Looks::new(0);
        let first = looks.ask("a", || None);
        settle().await;
        let later = ["c", "b", "c"].map(|path| looks.ask(path, || None));
        settle().await;
        assert_eq!(looks.done(), [["a"]]);
        looks.may.add_permits(2);
        assert_eq!(*first.await.unwrap().unwrap(), 1);
        for later in later {
            assert_eq!(*later.await.unwrap().unwrap(), 2, "not what was seen before it asked");
        }
        assert_eq!(looks.done(), [vec!["a"], vec!["b", "c"]]);
        settle().await;
        assert!(looks.shared.lock().is_empty());
    }

    #[tokio::test]
    async fn who_goes_away_keeps_nobody_waiting_and_is_not_looked_for() {
        let looks = Looks::new(0);
        let first = looks.ask("a", || None);
        settle().await;
        let (second, third) = (looks.ask("b", || None), looks.ask("c", || None));
        settle().await;
        first.abort();
        second.abort();
        settle().await;
        looks.may.add_permits(2);
        assert_eq!(*third.await.unwrap().unwrap(), 2);
        assert_eq!(looks.done(), [["a"], ["c"]]);
    }

    #[tokio::test]
    async fn where_a_look_fails_each_is_told_by_its_own_or_all_what_is_the_same_for_all() {
        let looks = Looks::new(9);
        let failure = || Some(Error::PageTokenInvalid);
        let asked = ["a", "b", "c"].map(|path| looks.ask(path, failure));
        for asked in asked {
            assert!(matches!(asked.await.unwrap(), Err(Error::PageTokenInvalid)));
        }
        assert_eq!(looks.done().len(), 4, "one for all, and one for each");

        let looks = Looks::new(9);
        let asked = ["a", "b", "c"].map(|path| looks.ask(path, || Some(Error::Overloaded)));
        for asked in asked {
            assert!(matches!(asked.await.unwrap(), Err(Error::Overloaded)));
        }
        assert_eq!(looks.done().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever() {
        let looks = Looks::new(0);
        let asked = ["a", "b"].map(|path| looks.ask(path, || None));
        for asked in asked {
            assert!(matches!(asked.await.unwrap(), Err(Error::Overloaded)));
        }
    }

    #[tokio::test]
    async fn after_a_look_that_panicked_others_are_answered() {
        let looks = Looks::new(9);
        let panicked = looks.ask("a", || panic!("as a test wants it"));
        assert!(panicked.await.is_err(), "it looks alone, and that panics too");
        assert_eq!(*looks.ask("b", || None).await.unwrap().unwrap(), 3);
    }
}
