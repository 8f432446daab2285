//! What was measured of each contestant, and what is asked of it.

use std::collections::BTreeMap;
use std::time::Duration;

use integration_tests::measure::{Figures, report, verdict};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Row {
    Openssl,
    Dd,
    Cp,
    NginxPut,
    NginxGet,
    GrpcUpload,
    GrpcDownload,
    GrpcStockDownload,
    GatewayPut,
    GatewayGet,
    SplitPut,
    SplitGet,
}

/// A row and its goals.
struct Line {
    row: Row,
    name: &'static str,
    /// The rows whose slowest is the yardstick, and what that is called.
    beside: (&'static [Row], &'static str),
    /// How many times as long as the yardstick it may take.
    goal: f64,
    /// How many seconds of processors it may take, if that is limited.
    cpu_goal: Option<f64>,
}

const YARDSTICKS: [(Row, &str); 5] = [
    (Row::Openssl, "openssl dgst -sha256"),
    (Row::Dd, "dd conv=fsync"),
    (Row::Cp, "cp and sync"),
    (Row::NginxPut, "nginx PUT (no hash, no sync)"),
    (Row::NginxGet, "nginx GET (sendfile)"),
];

const NGINX_PUT: (&[Row], &str) = (&[Row::NginxPut], "nginx PUT");
const NGINX_GET: (&[Row], &str) = (&[Row::NginxGet], "nginx GET");

const LINES: [Line; 7] = [
    Line {
        row: Row::GrpcUpload,
        name: "gRPC upload",
        beside: (&[Row::Openssl, Row::Dd], "the slower of openssl and dd"),
        goal: 1.3,
        cpu_goal: Some(1.3),
    },
    Line { row: Row::GrpcDownload, name: "gRPC download, our client", beside: NGINX_GET, goal: 1.5, cpu_goal: None },
    Line { row: Row::GrpcStockDownload, name: "gRPC download, stock client", beside: NGINX_GET, goal: 2.5, cpu_goal: None },
    Line { row: Row::GatewayPut, name: "gateway PUT, one process", beside: NGINX_PUT, goal: 1.6, cpu_goal: None },
    Line { row: Row::GatewayGet, name: "gateway GET, one process", beside: NGINX_GET, goal: 1.1, cpu_goal: None },
    Line { row: Row::SplitPut, name: "gateway PUT, three processes", beside: NGINX_PUT, goal: 2.0, cpu_goal: None },
    Line { row: Row::SplitGet, name: "gateway GET, three processes", beside: NGINX_GET, goal: 2.0, cpu_goal: None },
];

/// Seconds of the clock and of processors, by round.
#[derive(Default)]
pub(super) struct Table(BTreeMap<Row, (Figures, Figures)>);

impl Table {
    pub(super) fn add(&mut self, row: Row, wall: Duration, cpu: Duration) {
        let (walls, cpus) = self.0.entry(row).or_default();
        walls.push(wall.as_secs_f64());
        cpus.push(cpu.as_secs_f64());
    }

    pub(super) fn print(&self) {
        for (row, name) in YARDSTICKS {
            report(&self.figures(row, name));
        }
        for line in &LINES {
            let (walls, cpus) = &self.0[&line.row];
            let (rows, called) = line.beside;
            let ratio = walls.with(&self.slowest(rows), |ours, theirs| ours / theirs);
            let [low, high] = ratio.spread();
            report(&format!("{}  {:.2} [{low:.2}–{high:.2}] × {called}", self.figures(line.row, line.name), ratio.median()));
            report(&format!("    goal <= {:.1} × {called}: {}", line.goal, verdict(ratio.median(), line.goal)));
            if let Some(goal) = line.cpu_goal {
                report(&format!("    goal <= {goal:.1} CPU-s/GiB: {}", verdict(per_gib(cpus).median(), goal)));
            }
        }
    }

    fn slowest(&self, rows: &[Row]) -> Figures {
        let mut walls = rows.iter().map(|row| self.0[row].0.clone());
        let first = walls.next().expect("there is a yardstick");
        walls.fold(first, |slowest, next| slowest.with(&next, f64::max))
    }

    fn figures(&self, row: Row, name: &str) -> String {
        let (walls, cpus) = &self.0[&row];
        let speed = walls.map(|wall| GIB / wall);
        let [low, high] = speed.spread();
        let cpu = match per_gib(cpus).spread() {
            [_, 0.0] => String::new(),
            [least, most] => format!("  {:.2} [{least:.2}–{most:.2}] CPU-s/GiB", per_gib(cpus).median()),
        };
        format!("{name:<30}{:5.2} [{low:.2}–{high:.2}] GiB/s{cpu}", speed.median())
    }
}

#[expect(clippy::cast_precision_loss, reason = "a file is smaller than that")]
const GIB: f64 = super::BYTES as f64 / (1_u64 << 30) as f64;

fn per_gib(cpus: &Figures) -> Figures {
    cpus.map(|cpu| cpu / GIB)
}
