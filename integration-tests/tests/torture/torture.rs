//! Load, fault, start, inspection; again and again.

use std::time::{Duration, Instant};

use integration_tests::Binary;
use integration_tests::load::seed;
use integration_tests::power::Disk;
use integration_tests::rest::Rest;
use integration_tests::service::files;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use crate::inspection::{Found, Inspection, half_there};
use crate::plan::Plan;
use crate::publishers::{Publishers, Told};
use crate::report::Report;

/// The most files that are acknowledged before a fault comes. Half as many on average.
const MOST_BEFORE_FAULT: usize = 96;

/// The most that one client publishes alone then.
const MOST_ALONE: usize = 3;

/// How many files that have survived a start are looked at again after the next.
const SAMPLE: usize = 16;

/// What ends the service.
pub(crate) enum Fault {
    /// `kill -9`.
    Kill,
    /// The power is cut, of the service and of this disk.
    PowerCut(Disk),
    /// This disk fails, and the service lives on for a while.
    DiskFailure(Disk),
}

impl Fault {
    fn disk(&self) -> Option<&Disk> {
        match self {
            Self::Kill => None,
            Self::PowerCut(disk) | Self::DiskFailure(disk) => Some(disk),
        }
    }
}

/// Tortures a service, which was just started and is empty, with so many faults. Panics if anything is wrong then.
#[expect(clippy::print_stdout, reason = "shown where the test fails, so that it can be repeated, and in long runs")]
pub(crate) async fn torture(name: &str, service: Binary, fault: Fault, faults: usize) {
    let seed = seed();
    println!("{name}: CONSIGN_TEST_SEED={seed}");
    let plan = if fault.disk().is_some() { Plan::on_few_shelves(seed) } else { Plan::of(seed) };
    let report = Torture::of(service, fault, plan, seed).await.run(faults).await;
    println!("{name}: {report}");
    report.assert_nothing_is_wrong();
}

/// A service under torture.
struct Torture {
    /// It ends before its disk is removed.
    service: Binary,
    fault: Fault,
    plan: Plan,
    random: StdRng,
    /// The number of the next file.
    next: u64,
    /// What must be there and has not survived a start yet.
    fresh: Vec<u64>,
    /// What must be there and has.
    kept: Vec<u64>,
    report: Report,
}

impl Torture {
    async fn of(service: Binary, fault: Fault, plan: Plan, seed: u64) -> Self {
        Rest::to(service.http()).create_project("demo").await;
        let random = StdRng::seed_from_u64(seed);
        Self { service, fault, plan, random, next: 0, fresh: Vec::new(), kept: Vec::new(), report: Report::default() }
    }

    /// Lets so many faults happen, and looks for everything at the end.
    async fn run(mut self, faults: usize) -> Report {
        let started = Instant::now();
        for number in 0..faults {
            let loading = Instant::now();
            let told = self.strike(number % 2 == 1).await;
            let starting = Instant::now();
            self.start_again().await;
            let looking = Instant::now();
            self.look(told).await;
            self.report.loading += starting - loading;
            self.report.starting += looking - starting;
            self.report.looking += looking.elapsed();
        }
        let inspection = Inspection::of(&self.service, &self.plan);
        self.kept.append(&mut self.fresh);
        self.kept = self.judge(inspection.look_for(&self.kept).await);
        let miscounted = inspection.count(&self.kept).await;
        self.report.wrong.extend(miscounted);
        Report { faults, total: started.elapsed(), ..self.report }
    }

    /// Lets the fault come in the midst of load, at an instant that the seed decides: after so many acknowledgements, since machines
    /// differ in speed, and a little later, since the instant after an acknowledgement is a special one.
    ///
    /// Where the power is cut, one client may be alone by then: the syncs of others make durable what one's own should have.
    async fn strike(&mut self, may_be_alone: bool) -> Told {
        let count = self.random.random_range(0..=MOST_BEFORE_FAULT);
        let alone = self.random.random_range(0..=MOST_ALONE);
        let little = Duration::from_micros(self.random.random_range(0..20_000));
        let publishers = Publishers::start(&self.service, &self.plan, self.next);
        let switch = self.fault.disk().map(|disk| disk.switch(&self.service));
        publishers.acknowledged(count).await;
        if may_be_alone && matches!(self.fault, Fault::PowerCut(_)) {
            publishers.leave_one().await;
            publishers.acknowledged(alone).await;
        }
        tokio::time::sleep(little).await;
        publishers.fault_begins();
        match (&self.fault, switch) {
            (Fault::PowerCut(_), Some(switch)) => switch.cut(&mut self.service).await,
            (Fault::DiskFailure(_), Some(switch)) => switch.off().await,
            _ => self.service.kill().await,
        }
        let (told, next) = publishers.ended().await;
        self.next = next;
        told
    }

    async fn start_again(&mut self) {
        if matches!(self.fault, Fault::DiskFailure(_)) {
            self.service.kill().await;
        }
        if let Some(disk) = self.fault.disk() {
            disk.released().await;
        }
        self.service.start(&[]).await;
    }

    /// Looks at what is new, and at a sample of what is old: at everything each time would take a time that grows with its square.
    async fn look(&mut self, told: Told) {
        let Told { acknowledged, undecided, unexplained } = told;
        self.report.acknowledged += acknowledged.len();
        self.report.undecided += undecided.len();
        self.report.wrong.extend(unexplained);
        let spools = files(&self.service.directory().join("data/spool"));
        if !spools.is_empty() {
            self.report.wrong.push(format!("a start must remove the spools of dead uploads: {spools:?}"));
        }

        self.fresh.extend(acknowledged);
        let sample: Vec<u64> = self.kept.sample(&mut self.random, SAMPLE).copied().collect();
        let inspection = Inspection::of(&self.service, &self.plan);
        let survived = self.judge(inspection.look_for(&self.fresh).await);
        self.kept.extend(survived);
        self.judge(inspection.look_for(&sample).await);

        let found = inspection.look_for(&undecided).await;
        self.report.appeared += found.iter().filter(|(_, found)| *found == Found::Whole).count();
        self.report.wrong.extend(half_there(&found));
        let (acknowledged, failed) = inspection.retry(&undecided).await;
        self.report.acknowledged += acknowledged.len();
        self.report.wrong.extend(failed);
        self.fresh = acknowledged;
    }

    /// Returns those that are there; all of them must be.
    fn judge(&mut self, found: Vec<(u64, Found)>) -> Vec<u64> {
        let (whole, lost): (Vec<_>, Vec<_>) = found.into_iter().partition(|(_, found)| *found == Found::Whole);
        self.report.lost.extend(lost.iter().map(|(number, _)| *number));
        let describe = |(number, found)| format!("file {number} was acknowledged, and there is {found:?}");
        self.report.wrong.extend(lost.into_iter().map(describe));
        whole.into_iter().map(|(number, _)| number).collect()
    }
}
