//! Prints the table, and which goals were met.

use std::fmt::Write as _;

use crate::cost::Cost;

/// The goal of a row.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goals {
    /// Wall time within [`WALL_LIMIT`] of the larger floor, and memory.
    Drain,
    /// Memory alone.
    Memory,
    /// CPU time and one request.
    Idle { requests: f64 },
}

const WALL_LIMIT: f64 = 1.25;
const MEMORY_LIMIT: f64 = 64e6;
const IDLE_CPU_LIMIT: f64 = 0.030;

/// The costs of one case.
pub(crate) struct Row {
    name: String,
    goals: Goals,
    /// The bytes of published lines.
    pub(crate) unpacked: u64,
    /// The bytes of downloaded bodies.
    pub(crate) packed: u64,
    pub(crate) collector: Vec<Cost>,
    pub(crate) download: Vec<Cost>,
    pub(crate) unpack: Vec<Cost>,
    pub(crate) python: Vec<Cost>,
    pub(crate) bytewise: Vec<Cost>,
}

impl Row {
    pub(crate) fn new(name: impl Into<String>, goals: Goals) -> Self {
        Self {
            name: name.into(),
            goals,
            unpacked: 0,
            packed: 0,
            collector: Vec::new(),
            download: Vec::new(),
            unpack: Vec::new(),
            python: Vec::new(),
            bytewise: Vec::new(),
        }
    }
}

/// The table. Rows are printed at once, the goals at the end.
#[derive(Default)]
pub(crate) struct Table {
    verdicts: Vec<String>,
}

impl Table {
    pub(crate) fn add(&mut self, row: &Row) {
        if self.verdicts.is_empty() {
            println!(
                "| | wall | CPU | memory | download | unpack, sync | wall : floor | Python's CPU | \
                 byte by byte | simulator's CPU |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
            );
        }
        let ours = Cost::best(&row.collector).expect("the collector ran");
        let wall = |runs: &[Cost]| Cost::best(runs).map(|cost| cost.wall);
        let (download, unpack) = (wall(&row.download), wall(&row.unpack));
        let floor = download.into_iter().chain(unpack).reduce(f64::max);
        let python = |runs: &[Cost]| {
            let cpu = Cost::best(runs)?.cpu?;
            let ratio = cpu / ours.cpu?;
            Some(format!("{} ({ratio:.1} x)", seconds(Some(cpu))))
        };
        let slower = floor.map(|floor| ours.wall / floor);
        let cells = [
            row.name.clone(),
            seconds(Some(ours.wall)),
            seconds(ours.cpu),
            or_empty(ours.memory, |bytes| format!("{:.0} MB", bytes / 1e6)),
            seconds(download),
            seconds(unpack),
            or_empty(slower, |ratio| format!("{ratio:.2}")),
            python(&row.python).unwrap_or_default(),
            python(&row.bytewise).unwrap_or_default(),
            seconds(ours.serving),
        ];
        println!("| {} |", cells.join(" | "));
        self.judge(row, &ours, slower);
    }

    /// Compares a row with its goals, and adds notes.
    fn judge(&mut self, row: &Row, ours: &Cost, slower: Option<f64>) {
        let mut goals = vec![goal("memory <= 64 MB", ours.memory, MEMORY_LIMIT)];
        match row.goals {
            Goals::Memory => {}
            Goals::Drain => goals.push(goal("wall <= 1.25 x floor", slower, WALL_LIMIT)),
            Goals::Idle { requests } => {
                goals.push(goal("CPU < 30 ms", ours.cpu, IDLE_CPU_LIMIT));
                goals.push(goal("one request", Some(requests), 1.0));
            }
        }
        let mut verdict = format!("- {}: {}", row.name, goals.join(", "));
        if row.packed > 0 {
            let rate = |bytes: u64, seconds: f64| bytes as f64 / 1e6 / seconds;
            let _ = write!(
                verdict,
                "; {:.0} MB of lines at {:.0} MB/s, downloaded as {:.0} MB at {:.0} MB/s",
                row.unpacked as f64 / 1e6,
                rate(row.unpacked, ours.wall),
                row.packed as f64 / 1e6,
                rate(row.packed, ours.wall),
            );
            let floor = Cost::best(&row.download).map(|cost| rate(row.packed, cost.wall));
            if let Some(floor) = floor {
                let _ = write!(verdict, " (curl: {floor:.0} MB/s)");
            }
        }
        if let Some(serving) = ours.serving.filter(|_| row.packed > 0) {
            let share = 100.0 * serving / ours.wall;
            let _ = write!(verdict, "; the simulator worked {share:.0} % of the time");
        }
        self.verdicts.push(verdict);
    }

    /// Prints the goals.
    pub(crate) fn end(self) {
        println!("\nGoals:\n\n{}", self.verdicts.join("\n"));
    }
}

fn goal(name: &str, value: Option<f64>, limit: f64) -> String {
    let verdict = match value {
        None => "not measured",
        Some(value) if value <= limit => "met",
        Some(_) => "missed",
    };
    format!("{name} {verdict}")
}

fn seconds(value: Option<f64>) -> String {
    or_empty(value, |seconds| match seconds {
        ..0.1 => format!("{:.1} ms", seconds * 1e3),
        _ => format!("{seconds:.2} s"),
    })
}

fn or_empty(value: Option<f64>, write: impl Fn(f64) -> String) -> String {
    value.map(write).unwrap_or_default()
}
