//! How a collector is doing, for people and for monitoring systems.
//!
//! [`Overview`] is read from the state records and the ledger, without a lock and without a change. The
//! other modules show it: as a table, as a page, as metrics.

mod metrics;
mod overview;
mod page;
mod table;
mod words;

pub use metrics::metrics;
pub use overview::{Overview, RunOverview, Watched};
pub use page::page;
pub use table::{history, status};

use std::io;
use std::path::Path;

use chrono::{DateTime, Utc};

use crate::config::Config;
use crate::durable::{self, Mode, SystemDisk};

/// Other users may read the metrics, because the exporter runs as one of them.
const METRICS_MODE: Mode = Mode(0o644);

/// Replaces the files of `[monitor]` that the configuration names. Both collectors replace the same files,
/// each with the values of both.
///
/// # Errors
/// The first error of the disk, with the path of its file.
pub fn replace_files(
    config: &Config,
    program: &str,
    overviews: impl FnOnce() -> io::Result<Vec<Overview>>,
) -> io::Result<()> {
    let monitor = &config.monitor;
    if monitor.metrics_file.is_none() && monitor.report.is_none() {
        return Ok(());
    }
    let overviews = overviews()?;
    if let Some(path) = &monitor.metrics_file {
        replace(path, &metrics(&overviews), program, METRICS_MODE)?;
    }
    if let Some(path) = &monitor.report {
        replace(path, &page(&overviews), program, config.folders.file_mode)?;
    }
    Ok(())
}

/// Replaces a file in one step. The program's name keeps its temporary file apart from those of others.
///
/// # Errors
/// The error of the disk, with the path.
pub fn replace(path: &Path, text: &str, program: &str, mode: Mode) -> io::Result<()> {
    let temporary = durable::with_suffix(path, &format!(".{program}.tmp"));
    durable::replace_by(&SystemDisk, &temporary, path, text.as_bytes(), mode)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

/// Reads the overviews of several collectors.
///
/// # Errors
/// Those of [`Overview::read`].
pub fn overviews(watched: &[Watched<'_>], now: DateTime<Utc>) -> io::Result<Vec<Overview>> {
    let read = watched.iter().map(|watched| Overview::read(watched, now));
    read.collect()
}
