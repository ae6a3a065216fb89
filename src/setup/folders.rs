//! The folders, and a proof that the collectors will be able to work in them.

use std::io;
use std::path::Path;

use crate::config::Config;
use crate::durable::{self, Disk as _, Mode, SystemDisk};
use crate::report::{Code, Failure};

/// Every folder below the data folder.
const BELOW: [&str; 3] = ["mta", "audit", "tmp"];

/// Makes the data folder with all folders below, also when it exists, and tries them out.
pub(super) fn prepare(data: &Path, config: &Config) -> anyhow::Result<()> {
    for folder in BELOW.map(|name| data.join(name)) {
        durable::make_folder(&folder, config.folders.folder_mode)
            .map_err(|error| failure("make", &folder, &error))?;
    }
    for published in ["mta", "audit"].map(|name| data.join(name)) {
        try_out(&data.join("tmp"), &published)
            .map_err(|error| failure("write, rename and delete a file in", &published, &error))?;
    }
    Ok(())
}

/// The folders of state and log, which only the collectors use.
pub(super) fn prepare_own(config: &Config) -> anyhow::Result<()> {
    let folders = &config.folders;
    for (folder, mode) in [
        (&folders.state, Mode::PRIVATE_FOLDER),
        (&folders.log, folders.folder_mode),
    ] {
        durable::make_folder(folder, mode).map_err(|error| failure("make", folder, &error))?;
    }
    Ok(())
}

/// Does with an empty file what the collectors do with every file.
fn try_out(staging: &Path, published: &Path) -> io::Result<()> {
    let name = format!("setup-{}.probe", std::process::id());
    let (from, to) = (staging.join(&name), published.join(&name));
    SystemDisk.create(&from, Mode::PRIVATE)?.sync()?;
    SystemDisk
        .rename(&from, &to)
        .inspect_err(|_| drop(SystemDisk.remove(&from)))?;
    SystemDisk.sync_folder(published)?;
    SystemDisk.remove(&to)
}

fn failure(action: &str, path: &Path, error: &io::Error) -> Failure {
    let what = format!("cannot {action} {}: {error}", path.display());
    Failure::new(
        Code::Disk,
        what,
        "choose another folder, or correct its permissions",
    )
}
