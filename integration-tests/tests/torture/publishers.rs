//! Clients that publish without a pause until the service fails them, and what they were told.

use std::sync::{Arc, Mutex};

use integration_tests::{Binary, wait};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::client::Client;
use crate::plan::{Plan, Work, work};

const CLIENTS: usize = 8;

/// What the clients of one life of the service were told, by the numbers of the files.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Those that must be there for ever.
    pub(crate) acknowledged: Vec<u64>,
    /// Those of which the fault left nobody knowing whether they came about.
    pub(crate) undecided: Vec<u64>,
    /// What the fault does not explain: refusals and broken connections before it.
    pub(crate) unexplained: Vec<String>,
}

/// Clients at work.
pub(crate) struct Publishers {
    shared: Arc<Mutex<State>>,
    clients: JoinSet<()>,
}

struct State {
    next: u64,
    working: usize,
    is_one_alone: bool,
    has_struck: bool,
    told: Told,
}

impl Publishers {
    /// Starts publishing what is planned, from a number on.
    pub(crate) fn start(service: &Binary, plan: &Plan, next: u64) -> Self {
        let state = State { next, working: CLIENTS, is_one_alone: false, has_struck: false, told: Told::default() };
        let shared = Arc::new(Mutex::new(state));
        let client = |_| publish(Arc::clone(&shared), Client::of(service, plan.clone()));
        let clients = (0..CLIENTS).map(client).collect();
        Self { shared, clients }
    }

    /// Waits until so many files more were acknowledged, or something went wrong.
    pub(crate) async fn acknowledged(&self, more: usize) {
        let told = |told: &Told| (told.acknowledged.len(), !told.unexplained.is_empty());
        let count = told(&self.shared.lock().unwrap().told).0 + more;
        let is_reached = |(acknowledged, is_wrong)| is_wrong || acknowledged >= count;
        wait::until("enough publishes", async || is_reached(told(&self.shared.lock().unwrap().told)).then_some(())).await;
    }

    /// Lets all clients but one end.
    pub(crate) async fn leave_one(&self) {
        self.shared.lock().unwrap().is_one_alone = true;
        wait::until("the end of the others", async || (self.shared.lock().unwrap().working <= 1).then_some(())).await;
    }

    /// Says that the fault begins, which explains failures from now on. It must not have begun.
    pub(crate) fn fault_begins(&self) {
        self.shared.lock().unwrap().has_struck = true;
    }

    /// Waits until the last client has failed. Returns what they were told, and the number of the next file.
    pub(crate) async fn ended(self) -> (Told, u64) {
        let ended = timeout(wait::PATIENCE, self.clients.join_all()).await;
        ended.expect("a service that was struck must not go on acknowledging, nor leave its clients waiting");
        let mut state = self.shared.lock().unwrap();
        (std::mem::take(&mut state.told), state.next)
    }
}

async fn publish(shared: Arc<Mutex<State>>, client: Client) {
    while let Some(work) = next(&shared) {
        let answer = client.publish(&work).await;
        if !note(&shared, &work, answer) {
            return;
        }
    }
}

/// What a client does next, if it is to go on.
fn next(shared: &Mutex<State>) -> Option<Work> {
    let mut state = shared.lock().unwrap();
    if state.is_one_alone && state.working > 1 {
        state.working -= 1;
        return None;
    }
    let work = work(state.next);
    state.next = work.numbers().end;
    Some(work)
}

/// Notes what a client was told. False if it failed, and so has ended.
///
/// A success counts whenever it is read. Neither a service that was killed nor one whose power was cut has sent it after the fault,
/// and one whose disk has failed must not send it.
fn note(shared: &Mutex<State>, work: &Work, answer: Result<(), String>) -> bool {
    let State { working, has_struck, told, .. } = &mut *shared.lock().unwrap();
    let Err(how) = answer else {
        told.acknowledged.extend(work.numbers());
        return true;
    };
    *working -= 1;
    told.undecided.extend(work.numbers());
    if !*has_struck {
        told.unexplained.push(format!("{work:?} before the fault: {how}"));
    }
    false
}
