//! Tags under many hands: every call is as if it were alone, and no move is lost.

use std::collections::BTreeSet;
use std::time::Instant;

use consign_proto::metadata::{DeleteTagRequest, Tag, UpdateTagRequest};
use consign_types::Reason;
use integration_tests::grpc::Grpc;
use integration_tests::linearizability::{Model, Recorded, is_linearizable, operations};
use integration_tests::tagging::{create, delete, facts, get, history, move_if, move_to, new_tag, seal, update, version_name, without};
use integration_tests::{Builder, Engine};
use tonic::Status;

/// Where a tag points, an index into [`VERSIONS`], and the number of its last change, also where it is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Place {
    version: Option<usize>,
    sequence: i64,
}

const VERSIONS: [&str; 4] = ["1.0", "2.0", "3.0", "4.0"];
const TAGS: [&str; 5] = ["latest", "stable", "beta", "nightly", "edge"];
const CLIENTS: usize = 16;

/// What must hold for a move or a removal.
#[derive(Clone, Copy, Debug)]
enum Guard {
    None,
    Version(usize),
    /// The etag that the tag had after the change of this number.
    Etag(i64),
}

/// What was asked.
#[derive(Clone, Copy, Debug)]
enum Asked {
    Get,
    Create(usize),
    Move(usize, Guard),
    Delete(Guard),
}

/// What was answered.
#[derive(Clone, Copy, Debug)]
enum Answer {
    /// The tag as it stands afterwards, and the version before where that is told.
    Done(Place, Option<usize>),
    NotFound,
    Taken,
    /// The version that it points at instead.
    Moved(Option<usize>),
    Mismatch,
}

/// One tag.
struct TagModel;

impl Model for TagModel {
    type State = Place;
    type Operation = (Asked, Answer);

    fn step(state: &Place, (asked, answer): &(Asked, Answer)) -> Option<Place> {
        let passes = |guard: Guard| match guard {
            Guard::None => true,
            Guard::Version(version) => state.version == Some(version),
            Guard::Etag(sequence) => state.sequence == sequence,
        };
        let changes = |to: Option<usize>, after: Place| after.version == to && after.sequence > state.sequence;
        match (*asked, *answer, state.version) {
            (Asked::Get, Answer::Done(place, None), Some(_)) => (place == *state).then_some(place),
            (Asked::Create(to), Answer::Done(place, None), None) => changes(Some(to), place).then_some(place),
            (Asked::Create(to), Answer::Done(place, None), Some(at)) => (at == to && place == *state).then_some(place),
            (Asked::Create(to), Answer::Taken, Some(at)) => (at != to).then_some(*state),
            (Asked::Move(to, guard), Answer::Done(place, before), Some(at)) => {
                let is_right = if at == to { place == *state } else { changes(Some(to), place) };
                (passes(guard) && before == Some(at) && is_right).then_some(place)
            }
            (Asked::Delete(guard), Answer::Done(place, before), Some(at)) => {
                (passes(guard) && before == Some(at) && changes(None, place)).then_some(place)
            }
            (Asked::Move(_, Guard::Version(expected)), Answer::Moved(actual), Some(at)) => {
                (at != expected && actual == Some(at)).then_some(*state)
            }
            (Asked::Move(_, guard @ Guard::Etag(_)) | Asked::Delete(guard @ Guard::Etag(_)), Answer::Mismatch, Some(_)) => {
                (!passes(guard)).then_some(*state)
            }
            (Asked::Get | Asked::Move(..) | Asked::Delete(_), Answer::NotFound, None) => Some(*state),
            _ => None,
        }
    }
}

/// One caller, and what it knows.
struct Client {
    grpc: Grpc,
    /// Each tag as this caller saw it last: where it points, and its etag with the number of the change.
    seen: [Seen; TAGS.len()],
    epoch: Instant,
}

#[derive(Clone, Debug, Default)]
struct Seen {
    version: Option<usize>,
    etag: String,
    sequence: i64,
}

/// A call, with the index of its tag.
type Call = (usize, Recorded<(Asked, Answer)>);

impl Client {
    fn new(service: std::net::SocketAddr, epoch: Instant) -> Self {
        Self { grpc: Grpc::to(service), seen: Default::default(), epoch }
    }

    /// Makes so many calls, one after the other.
    async fn run(mut self, calls: usize) -> Vec<Call> {
        let mut made = Vec::with_capacity(calls);
        for _ in 0..calls {
            let tag = rand::random_range(0..TAGS.len());
            let asked = self.choose(tag);
            let invoked = self.epoch.elapsed().as_nanos();
            let answered = self.ask(tag, asked).await;
            let returned = self.epoch.elapsed().as_nanos();
            let answer = answered.unwrap_or_else(|status| self.refused(tag, status));
            made.push((tag, Recorded { invoked, returned, operation: (asked, answer) }));
        }
        made
    }

    fn choose(&self, tag: usize) -> Asked {
        let Seen { version, ref etag, sequence } = self.seen[tag];
        let to = rand::random_range(0..VERSIONS.len());
        let by_etag = if etag.is_empty() { Guard::None } else { Guard::Etag(sequence) };
        match (rand::random_range(0..100), version) {
            (0..30, _) => Asked::Get,
            (30..38, _) => Asked::Delete(by_etag),
            (38..40, _) => Asked::Delete(Guard::None),
            (40..55, _) | (_, None) => Asked::Create(to),
            (55..80, Some(at)) => Asked::Move(to, Guard::Version(at)),
            _ => Asked::Move(to, by_etag),
        }
    }

    async fn ask(&mut self, tag: usize, asked: Asked) -> Result<Answer, Status> {
        let (name, etag) = (TAGS[tag], self.seen[tag].etag.clone());
        match asked {
            Asked::Get => get(&self.grpc, name).await.map(|found| self.saw(tag, &found, None)),
            Asked::Create(to) => {
                let made = create(&self.grpc, new_tag(name, VERSIONS[to])).await?;
                Ok(self.saw(tag, &made.tag.unwrap(), None))
            }
            Asked::Move(to, guard) => {
                let request = match guard {
                    Guard::Etag(_) => move_if(name, VERSIONS[to], &etag),
                    Guard::None | Guard::Version(_) => move_to(name, VERSIONS[to]),
                };
                let expected_version = if let Guard::Version(at) = guard { version_name(VERSIONS[at]) } else { String::new() };
                let moved = update(&self.grpc, UpdateTagRequest { expected_version, ..request }).await?;
                Ok(self.saw(tag, &moved.tag.unwrap(), index_of(&moved.previous_version)))
            }
            Asked::Delete(guard) => {
                let etag = if let Guard::Etag(_) = guard { etag } else { String::new() };
                let removed = delete(&self.grpc, DeleteTagRequest { etag, ..without(name) }).await?;
                self.seen[tag] = Seen::default();
                let place = Place { version: None, sequence: removed.sequence };
                Ok(Answer::Done(place, index_of(&removed.previous_version)))
            }
        }
    }

    fn saw(&mut self, tag: usize, found: &Tag, before: Option<usize>) -> Answer {
        let version = Some(index_of(&found.version).unwrap());
        self.seen[tag] = Seen { version, etag: found.etag.clone(), sequence: found.sequence };
        Answer::Done(Place { version, sequence: found.sequence }, before)
    }

    /// What a refusal says. There may be no other than these.
    fn refused(&mut self, tag: usize, status: Status) -> Answer {
        let shown = status.to_string();
        match facts(Err::<(), _>(status)) {
            (Some(Reason::TagNotFound), _) => {
                self.seen[tag] = Seen::default();
                Answer::NotFound
            }
            (Some(Reason::NameTaken), _) => Answer::Taken,
            (Some(Reason::EtagMismatch), _) => {
                self.seen[tag].etag.clear();
                Answer::Mismatch
            }
            (Some(Reason::TagMoved), details) => {
                self.seen[tag].version = index_of(&details["actual_version"]);
                Answer::Moved(self.seen[tag].version)
            }
            _ => panic!("a call ended otherwise than by a typed refusal: {shown}"),
        }
    }
}

/// A version by its name or its last segment; `None` for no version.
fn index_of(version: &str) -> Option<usize> {
    let version = version.rsplit('/').next().filter(|version| !version.is_empty())?;
    Some(VERSIONS.iter().position(|known| *known == version).unwrap())
}

/// The numbers of the changes that calls made, by their answers. To create what is there already is no change, and answers with the
/// number of an earlier one.
fn changes(calls: &[Recorded<(Asked, Answer)>]) -> Vec<i64> {
    let mut created = BTreeSet::new();
    let mut changes = Vec::new();
    for call in calls {
        match call.operation {
            (Asked::Create(_), Answer::Done(place, _)) => _ = created.insert(place.sequence),
            (Asked::Move(to, _), Answer::Done(place, before)) if before != Some(to) => changes.push(place.sequence),
            (Asked::Delete(_), Answer::Done(place, _)) => changes.push(place.sequence),
            _ => {}
        }
    }
    created.retain(|sequence| !changes.contains(sequence));
    changes.extend(created);
    changes.sort_unstable();
    changes
}

/// Lets many callers loose on few tags, and judges what they saw.
async fn race(engine: Engine) -> String {
    let (service, grpc) = Builder::on(engine).demo_grpc().await;
    seal(&grpc, &VERSIONS).await;
    let epoch = Instant::now();
    let share = |client: usize| operations() / CLIENTS + usize::from(client < operations() % CLIENTS);
    let clients: Vec<_> = (0..CLIENTS).map(|client| tokio::spawn(Client::new(service.grpc(), epoch).run(share(client)))).collect();
    let mut calls: Vec<Vec<_>> = vec![Vec::new(); TAGS.len()];
    for client in clients {
        client.await.unwrap().into_iter().for_each(|(tag, call)| calls[tag].push(call));
    }
    let elapsed = epoch.elapsed();

    let (mut changed, judging) = (0, Instant::now());
    for (tag, calls) in TAGS.iter().zip(&calls) {
        assert!(is_linearizable::<TagModel>(Place { version: None, sequence: 0 }, calls), "{engine:?}: `{tag}`");
        let entries = history(&grpc, tag, 1000).await.unwrap();
        let recorded: Vec<i64> = entries.iter().rev().map(|entry| entry.sequence).collect();
        assert_eq!(changes(calls), recorded, "{engine:?}: each change of `{tag}` is in its history once");
        changed += recorded.len();
    }
    let made: usize = calls.iter().map(Vec::len).sum();
    assert_eq!(made, operations());
    assert!(changed > made / 20, "the callers hinder each other, but not as much as that: {changed} of {made}");
    let rate = f64::from(u32::try_from(made).unwrap()) / elapsed.as_secs_f64();
    format!("{engine:?}: {made} calls in {elapsed:.1?} ({rate:.0}/s), {changed} changes, judged in {:.1?}", judging.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn many_hands_on_few_tags_of_sqlite_act_as_if_one_after_the_other() {
    println!("{}", race(Engine::Sqlite).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_hands_on_few_tags_of_postgres_act_as_if_one_after_the_other() {
    println!("{}", race(Engine::Postgres).await);
}
