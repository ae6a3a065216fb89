//! What the import says: what it found, where the collectors continue, and what to do with the old files.

use std::path::Path;

use super::checkpoints::Checkpoints;
use super::scripts::Scripts;
use crate::config::Config;
use crate::durable::{Disk as _, Kind, SystemDisk};
use crate::logs::AUDIT_FOLDER;
use crate::windowed;

/// Returns what the scripts left, and what to do before the first question.
pub(super) fn found(scripts: &Scripts, checkpoints: &Checkpoints) -> String {
    let gateway = match checkpoints.token() {
        Some(_) => "a position",
        None => "no position",
    };
    let audit = checkpoints.audit_end().map_or_else(
        || "no position".to_owned(),
        |end| format!("until {}", end.format("%Y-%m-%d %H:%M:%S UTC")),
    );
    format!(
        "Found in {}:\n  \
         account       {}\n  \
         API host      {}\n  \
         data folder   {}\n  \
         gateway logs  {gateway}\n  \
         audit events  {audit}\n\
         Stop the schedule of the Python scripts before you continue. Their files are not changed.\n\
         You need id and key of your own API 1.0 application (step 7 in docs/prepare-mimecast.md).\n\
         Those in the scripts are never used.\n",
        scripts.checkpoint.display(),
        scripts.account_code,
        scripts.base_url.host(),
        scripts.data.shown(),
    )
}

/// Returns where the collectors continue, and what to do with the old files.
pub(super) fn after(scripts: &Scripts, checkpoints: &Checkpoints, config: &Config) -> Vec<String> {
    vec![
        gateway(checkpoints),
        audit(checkpoints, config),
        format!(
            "the scripts' files are unchanged. Delete {} at once, because it holds keys in readable form. \
             When both collectors have run and the agent has read the old files, delete these and the \
             scripts: the collectors never delete files of the scripts.",
            scripts.checkpoint.join("config.txt").display()
        ),
    ]
}

fn gateway(checkpoints: &Checkpoints) -> String {
    match checkpoints.token() {
        Some(_) => "gateway logs continue after the last archive of the scripts.".to_owned(),
        None => "gateway logs begin with the oldest that Mimecast still has, up to 7 days back, because \
                 there is no checkpoint_siem. If the scripts have collected some, they are published again."
            .to_owned(),
    }
}

fn audit(checkpoints: &Checkpoints, config: &Config) -> String {
    let begin = match checkpoints.audit_end() {
        Some(end) => format!(
            "audit events continue {} minutes before {}, because events can appear late",
            config.audit.overlap.as_secs() / 60,
            end.format("%Y-%m-%d %H:%M:%S UTC")
        ),
        None => format!(
            "audit events begin {} days back, because there is no checkpoint_audit_start",
            config.audit.first_look_back.as_secs() / 86_400
        ),
    };
    let page = match checkpoints.is_inside_window() {
        true => {
            " The scripts stopped inside a window, so the first run fetches that window as a whole."
        }
        false => "",
    };
    let folder = config.folders.data.join(AUDIT_FOLDER);
    let folder_shown = folder.display();
    let repeats = match holds_script_files(&folder) {
        true => format!(
            "The first run skips each event that the scripts wrote to audit_log_*.log in {folder_shown}. Keep \
             these files until then."
        ),
        false => format!(
            "Events that the scripts have delivered since then are published again, because {folder_shown} \
             holds no audit_log_*.log of the scripts."
        ),
    };
    format!("{begin}.{page} {repeats}")
}

fn holds_script_files(folder: &Path) -> bool {
    let listed = SystemDisk.list(folder).unwrap_or_default();
    let mut files = listed.iter().filter(|entry| entry.kind == Kind::File);
    files.any(|entry| windowed::is_of_scripts(&entry.name))
}
