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
    /// The folders that hold committed files for destinations.
    pub outboxes: Vec<PathBuf>,
    /// The beginnings of file names, which tell the stream's files from those of others in the same folder.
    pub stems: Stems,
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
    /// Files without a wanted line are not published. `None` publishes all.
    pub wanted: Option<Wanted>,
}

/// Says of a line, without its break, whether it is wanted. Of a long line it gets the beginning.
#[derive(Clone)]
pub struct Wanted(pub Arc<IsWanted>);

type IsWanted = dyn Fn(&[u8]) -> bool + Send + Sync;

impl std::fmt::Debug for Wanted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Wanted")
    }
}

/// The beginnings of file names in a folder that several streams share.
#[derive(Clone, Debug, Default)]
pub struct Stems {
    /// The beginning of the stream's own names. Empty if Mimecast chooses it.
    pub own: String,
    /// Beginnings of names that belong to other streams.
    pub others: Vec<String>,
}

impl Stems {
    /// True if a file with this name belongs to the stream.
    pub(super) fn owns(&self, name: &str) -> bool {
        name.starts_with(&self.own) && !self.others.iter().any(|other| name.starts_with(other))
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_owns_names_with_its_stem_and_none_of_other_streams() {
        let stems = |own: &str, others: &[&str]| Stems {
            own: own.to_owned(),
            others: others.iter().map(ToString::to_string).collect(),
        };
        for (stems, owned) in [
            (stems("", &["cg_", "ci_"]), [true, false]),
            (stems("cg_spam_", &[]), [false, true]),
            (stems("cg_av_", &[]), [false, false]),
            (Stems::default(), [true, true]),
        ] {
            let names = ["spam_20261120", "cg_spam_20261120"];
            assert_eq!(names.map(|name| stems.owns(name)), owned, "{stems:?}");
        }
    }
}
