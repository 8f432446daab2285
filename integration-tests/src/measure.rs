//! Figures of benchmarks: what a call takes, and what a process takes of the machine.

use std::fs;
use std::time::{Duration, Instant};

/// Prints a line of figures.
#[expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
pub fn report(line: &str) {
    println!("{line}");
}

/// How long something takes, and what it answers.
pub async fn timed<T>(work: impl Future<Output = T>) -> (Duration, T) {
    let started = Instant::now();
    let value = work.await;
    (started.elapsed(), value)
}

/// The time that a share of all calls, such as 0.99, did not exceed. The times are sorted for that.
pub fn quantile(times: &mut [Duration], share: f64) -> Duration {
    times.sort_unstable();
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "there are few times")]
    let rank = (times.len() as f64 * share) as usize;
    times[rank.min(times.len() - 1)]
}

/// One figure of each round.
#[derive(Clone, Debug, Default)]
pub struct Figures(Vec<f64>);

impl Figures {
    /// Adds the figure of a round.
    pub fn push(&mut self, figure: f64) {
        self.0.push(figure);
    }

    /// The figure of the round in the middle.
    pub fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    }

    /// The lowest and the highest figure.
    pub fn spread(&self) -> [f64; 2] {
        [self.0.iter().copied().fold(f64::INFINITY, f64::min), self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max)]
    }

    /// A figure made of each.
    #[must_use]
    pub fn map(&self, figure: impl Fn(f64) -> f64) -> Self {
        Self(self.0.iter().copied().map(figure).collect())
    }

    /// A figure made of this one and another of the same round. What slows a whole round down is in both.
    #[must_use]
    pub fn with(&self, other: &Self, figure: impl Fn(f64, f64) -> f64) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(one, other)| figure(*one, *other)).collect())
    }
}

/// Whether a goal that is an upper limit is met, in words.
pub fn verdict(figure: f64, limit: f64) -> &'static str {
    if figure <= limit { "met" } else { "missed" }
}

/// A line of `/proc/<pid>/status`, such as `VmRSS`, in bytes.
pub fn memory(process: u32, line: &str) -> u64 {
    kib(&format!("/proc/{process}/status"), line)
}

/// Memory that holds nothing, in bytes.
pub fn free_memory() -> u64 {
    kib("/proc/meminfo", "MemFree")
}

fn kib(path: &str, name: &str) -> u64 {
    let text = fs::read_to_string(path).expect("the process runs");
    let line = text.lines().find(|line| line.starts_with(name)).expect("the line is there");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("the line has a number") << 10
}

/// Time that processes have spent on processors, in user and system mode.
pub fn processor(processes: &[u32]) -> Duration {
    processes.iter().map(|process| ticks(*process)).sum()
}

fn ticks(process: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("the process runs");
    let fields = stat.rsplit(')').next().expect("the name is in parentheses").split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("ticks are a number")).sum();
    Duration::from_millis(ticks * 10)
}

/// A process and those that it has started.
pub fn family(process: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).expect("the process runs");
    let children = children.split_whitespace().map(|child| child.parse().expect("an id is a number"));
    std::iter::once(process).chain(children).collect()
}

/// How many processes wanted to run, on average over one, five and fifteen minutes.
pub fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").expect("the system tells");
    load.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}
