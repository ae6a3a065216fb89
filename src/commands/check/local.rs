//! Checks of this host: configuration, secrets, folders, space.

use crate::api::Identity;
use crate::commands::collect;
use crate::commands::setup::folders::{check_can_create, test_publication};
use crate::config::{Config, ConfigError, Environment};
use crate::failure::{Code, Failure};
use crate::logs;
use crate::run::process;

use super::Finding;

/// Less free space is reported: a day of a busy account.
const LEAST_FREE: u64 = 1 << 30;

/// Reports the configuration that was read.
pub(super) fn configuration(config: &Config) -> Finding {
    let (path, api) = (config.path.display(), config.mimecast.api.name());
    let host = config.mimecast.base_url.host();
    let text = format!("{path}: API {api}, {host}");
    match config.warnings().first() {
        Some(warning) => Finding::advice("configuration", text, warning),
        None => Finding::ok("configuration", text),
    }
}

/// Reads the secrets, which also checks that no other user can.
pub(super) fn identity(
    config: &Config,
    environment: &Environment,
) -> Result<Identity, ConfigError> {
    config.require_setup()?;
    collect::identity(config, environment)
}

/// Publishes an empty file in each folder and deletes it, and makes one in the state and log folders.
pub(super) fn folders(config: &Config) -> Vec<Finding> {
    let folders = &config.folders;
    let staging = folders.data.join(logs::STAGING);
    let published = logs::PUBLISHED.iter().map(|name| {
        let folder = folders.data.join(name);
        match test_publication(&staging, &folder) {
            Ok(()) => Finding::ok("data folder", format!("files can be published in {}", folder.display())),
            Err(error) => {
                let what = format!("cannot {error:#}");
                let remedy = "run authentication_setup, or correct the permissions for the user of the collectors";
                Finding::bad("data folder", Failure::new(Code::Disk, what, remedy))
            }
        }
    });
    let own = [
        ("state folder", &folders.state),
        ("log folder", &folders.log),
    ];
    let own = own
        .into_iter()
        .map(|(name, folder)| match check_can_create(folder) {
            Ok(()) => Finding::ok(name, format!("files can be made in {}", folder.display())),
            Err(failure) => Finding::bad(name, failure),
        });
    published.chain(own).collect()
}

/// Tells who may read published files. An agent usually runs as another user.
pub(super) fn agent(config: &Config) -> Finding {
    let folder = config.folders.data.join(logs::GATEWAY_FOLDER);
    let (file, above) = (config.folders.file_mode.0, config.folders.folder_mode.0);
    let owner = process::owner_names(&folder);
    let shown = owner.map_or_else(String::new, |(user, group)| {
        format!(" (user {user}, group {group})")
    });
    let can = |bits: u32| file & bits & 0o444 != 0 && above & bits & 0o111 != 0;
    let readers = match (can(0o007), can(0o070)) {
        (true, _) => "every user of this host",
        (false, true) => "their owner and their group",
        (false, false) => "their owner alone",
    };
    let text = format!("published files can be read by {readers}{shown}");
    if cfg!(windows) {
        let text = "published files have the permissions of the data folder";
        return Finding::ok("agent", text);
    }
    match can(0o077) {
        true => Finding::ok("agent", text),
        false => Finding::advice(
            "agent",
            text,
            "run the agent as this user, or set file_mode and folder_mode under [folders] in config.toml",
        ),
    }
}

/// Reports how much space the data and the state have.
pub(super) fn space(config: &Config) -> Vec<Finding> {
    let folders = [&config.folders.data, &config.folders.state];
    let checked = folders.into_iter().filter_map(|folder| {
        let free = process::free_bytes(folder)?;
        let text = format!(
            "{} free for {}",
            indicatif::HumanBytes(free),
            folder.display()
        );
        Some(match free < LEAST_FREE {
            true => Finding::advice(
                "space",
                text,
                "make room: a run on a full disk ends with 74",
            ),
            false => Finding::ok("space", text),
        })
    });
    checked.collect()
}
