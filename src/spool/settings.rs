//! The settings of a spool, and the names that follow from them.

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{Adopt, record};
use crate::durable::{Disk, Mode};

/// The folders, names and rules of one stream.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The disk that holds all folders.
    pub disk: Arc<dyn Disk>,
    /// The data folder, which belongs to one installation.
    pub data: PathBuf,
    /// The folder of the state records and the quarantine, readable by its owner only.
    pub state: PathBuf,
    /// The folder of unfinished files, on the same file system as `published`.
    pub staging: PathBuf,
    /// The folder that an agent watches.
    pub published: PathBuf,
    /// The beginning of the stream's file names, which tells them from other streams in the same folder.
    pub stem: String,
    /// The name of the stream: `[a-z0-9_]`.
    pub stream: String,
    /// The account code. The collector refuses a record of another account.
    pub account: String,
    /// The mode of published files.
    pub mode: Mode,
    /// The host's time at the start of the run.
    pub now: DateTime<Utc>,
    /// Says if the run may adopt a data folder of another installation.
    pub adopt: Adopt,
}

/// Returns the path of the state record.
pub(super) fn state_path(settings: &Settings) -> PathBuf {
    settings.state.join(format!("{}.state", settings.stream))
}

/// Returns the beginning of all staging names of one stream of one installation.
pub(super) fn staging_prefix(settings: &Settings) -> String {
    let installation = record::digest(settings.state.to_string_lossy().as_bytes());
    format!("{}-{}-", settings.stream, &installation[..8])
}
