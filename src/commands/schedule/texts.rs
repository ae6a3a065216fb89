//! The files of a schedule: those of `packaging/`, with the paths and the user of this installation.

use std::path::Path;

use super::{File, Scheduler};
use crate::config::Config;
use crate::config::guard::shell_word;

/// What differs between installations.
pub(super) struct Texts<'a> {
    /// The folder of the programs.
    pub(super) programs: &'a Path,
    pub(super) config: &'a Config,
    pub(super) user: Option<&'a str>,
}

impl Scheduler {
    /// Returns the files of a schedule.
    pub(super) fn files(self, texts: &Texts<'_>) -> Vec<File> {
        let file = |place: &str, text: String| File {
            place: place.to_owned(),
            text,
        };
        match self {
            Self::Cron => {
                let text = include_str!("../../../packaging/cron.d/mimecast-collector");
                vec![file("etc/cron.d/mimecast-collector", texts.cron(text))]
            }
            Self::Systemd => [
                (
                    "etc/systemd/system/mimecast-collector@.service",
                    include_str!("../../../packaging/systemd/mimecast-collector@.service"),
                ),
                (
                    "etc/systemd/system/mimecast-collector@.timer",
                    include_str!("../../../packaging/systemd/mimecast-collector@.timer"),
                ),
                (
                    "etc/systemd/system/mimecast-collector-failed@.service",
                    include_str!("../../../packaging/systemd/mimecast-collector-failed@.service"),
                ),
            ]
            .map(|(place, text)| file(place, texts.unit(text)))
            .into(),
            Self::Windows => [
                (
                    "siem_collection.xml",
                    include_str!("../../../packaging/windows/siem_collection.xml"),
                ),
                (
                    "audit_collection.xml",
                    include_str!("../../../packaging/windows/audit_collection.xml"),
                ),
            ]
            .map(|(place, text)| file(place, texts.task(text)))
            .into(),
        }
    }
}

impl Texts<'_> {
    /// Returns the crontab. A `%` would end the command of a line, so it is escaped.
    fn cron(&self, text: &str) -> String {
        let escaped = |path: &Path| shell_word(path).replace('%', "\\%");
        let user = self.user.unwrap_or("mimecast");
        text.replace("/usr/local/bin/", &with_slash(&escaped(self.programs)))
            .replace(
                "/etc/mimecast-collector/config.toml",
                &escaped(&self.config.path),
            )
            .replace("  mimecast  ", &format!("  {user}  "))
    }

    /// Returns a unit of systemd. A `%` begins a specifier, so it is doubled.
    fn unit(&self, text: &str) -> String {
        let escaped = |path: &Path| path.display().to_string().replace('%', "%%");
        let folders = &self.config.folders;
        let monitor = &self.config.monitor;
        let shown = [&monitor.metrics_file, &monitor.report];
        let shown = shown.into_iter().flatten().filter_map(|file| file.parent());
        let own = [&*folders.data, &folders.state, &folders.log];
        let writable = own.into_iter().chain(shown);
        let writable = writable.map(|folder| format!("ReadWritePaths=\"-{}\"", escaped(folder)));
        let writable = writable.collect::<Vec<_>>().join("\n");
        let user = self.user.unwrap_or("mimecast");
        let mut text = text
            .replace("/usr/local/bin/", &with_slash(&escaped(self.programs)))
            .replace(
                "--config /etc/mimecast-collector/config.toml",
                &format!("--config \"{}\"", escaped(&self.config.path)),
            )
            .replace("ReadWritePaths=-/var/spool/mimecast", &writable)
            .replace("User=mimecast", &format!("User={user}"))
            .replace("Group=mimecast\n", "");
        let homes = ["/home", "/root", "/run/user"];
        let own = [
            self.programs,
            &self.config.path,
            &folders.data,
            &folders.state,
            &folders.log,
        ];
        if own
            .iter()
            .any(|path| homes.iter().any(|home| path.starts_with(home)))
        {
            text = text.replace("ProtectHome=yes", "ProtectHome=no");
        }
        text
    }

    /// Returns a task of the Windows Task Scheduler.
    fn task(&self, text: &str) -> String {
        let escaped = |path: &Path| xml(&path.display().to_string());
        let user = self
            .user
            .map(|user| format!("<UserId>{}</UserId>\n      ", xml(user)));
        text.replace(
            "C:\\Program Files\\mimecast-collector",
            &escaped(self.programs),
        )
        .replace(
            "C:\\ProgramData\\mimecast-collector\\config.toml",
            &escaped(&self.config.path),
        )
        .replace(
            "<LogonType>",
            &format!("{}<LogonType>", user.unwrap_or_default()),
        )
    }
}

fn xml(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Returns a folder as the beginning of a path. It may be between quotes.
fn with_slash(folder: &str) -> String {
    match folder.strip_suffix('\'') {
        Some(quoted) => format!("{quoted}/'"),
        None => format!("{folder}/"),
    }
}
