//! The folders of a run, before the first request.

use std::io;
use std::path::Path;

use crate::config::Config;
use crate::durable::{self, Mode};
use crate::failure::{Code, Failure};
use crate::logs;
use crate::run::process;

/// Creates the state folders and checks the data folders, which only the setup creates.
pub(super) fn prepare(config: &Config, folder: &str) -> Result<(), Failure> {
    let folders = &config.folders;
    for folder in [folders.state.clone(), folders.state.join(logs::QUARANTINE)] {
        durable::make_folder(&folder, Mode::PRIVATE_FOLDER)
            .map_err(|error| disk_failure("make the folder", &folder, &error))?;
    }
    let staging = folders.data.join(logs::STAGING);
    let published = folders.data.join(folder);
    for folder in [&staging, &published] {
        if !folder.is_dir() {
            // the collector does not create it, because the right disk may not be mounted yet
            let what = format!("the folder {} is missing", folder.display());
            let remedy = "mount its disk; to make the folder, run authentication_setup";
            return Err(Failure::new(Code::Disk, what, remedy));
        }
    }
    let on_one = process::same_file_system(&staging, &published)
        .map_err(|error| disk_failure("inspect the folder", &published, &error))?;
    if !on_one {
        let what = format!(
            "{} and {} are on different disks",
            staging.display(),
            published.display()
        );
        let remedy =
            "put the whole data folder on one file system, because files are published by a rename";
        return Err(Failure::new(Code::Config, what, remedy));
    }
    Ok(())
}

pub(super) fn disk_failure(action: &str, path: &Path, error: &io::Error) -> Failure {
    let what = format!("cannot {action} {}: {error}", path.display());
    let remedy = "free or repair the disk, or correct its permissions";
    Failure::new(Code::Disk, what, remedy)
}
