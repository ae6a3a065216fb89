//! How a collector is doing, for people and for monitoring systems.
//!
//! [`Overview`] is read from the state records and the ledger, without a lock and without a change. The
//! other modules show it: as a table, as a page, as metrics.

mod destination;
mod metrics;
mod overview;
mod page;
mod stream;
mod table;
mod words;

pub use metrics::metrics;
pub use overview::{Overview, RunOverview, Watched};
pub use page::page;
pub use table::{filled, history, status, wrapped};
pub use words::escaped;

use std::io;
use std::path::Path;

use chrono::{DateTime, Utc};

use crate::config::Config;
use crate::durable::{self, Mode, SystemDisk};

/// Other users may read the metrics, because the exporter runs as one of them.
const METRICS_MODE: Mode = Mode(0o644);

/// How often the files are replaced again because another program has ended meanwhile.
const ROUNDS: u32 = 3;

/// Replaces the files of `[monitor]` that the configuration names. Both collectors replace the same files,
/// each with the values of both. Returns what failed.
pub fn replace_files(config: &Config, read: impl Fn() -> Vec<Overview>) -> Vec<String> {
    let monitor = &config.monitor;
    if monitor.metrics_file.is_none() && monitor.report.is_none() {
        return Vec::new();
    }
    let newest = |overviews: &[Overview]| -> Vec<Option<String>> {
        let runs = overviews.iter().map(|overview| overview.last_run.as_ref());
        runs.map(|run| Some(run?.run.clone())).collect()
    };
    let mut failed = Vec::new();
    let mut overviews = read();
    for _ in 0..ROUNDS {
        failed.clear();
        if let Some(path) = &monitor.metrics_file {
            failed.extend(replace(path, &metrics(&overviews), METRICS_MODE).err());
        }
        if let Some(path) = &monitor.report {
            failed.extend(replace(path, &page(&overviews), config.folders.file_mode).err());
        }
        let again = read();
        if newest(&again) == newest(&overviews) {
            break;
        }
        overviews = again;
    }
    failed.iter().map(ToString::to_string).collect()
}

/// Replaces a file in one step. The number of the process keeps its temporary file apart from those of others.
///
/// # Errors
/// The error of the disk, with the path.
pub fn replace(path: &Path, text: &str, mode: Mode) -> io::Result<()> {
    let temporary = durable::with_suffix(path, &format!(".{}.tmp", std::process::id()));
    durable::replace_by(&SystemDisk, &temporary, path, text.as_bytes(), mode)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

/// Reads the overviews of several collectors.
pub fn overviews(watched: &[Watched<'_>], now: DateTime<Utc>) -> Vec<Overview> {
    let read = watched.iter().map(|watched| Overview::read(watched, now));
    read.collect()
}
