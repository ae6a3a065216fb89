//! The whole command by which a person starts one of the programs with this configuration.

use std::env::consts::EXE_SUFFIX;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::config::guard::shell_word;
use crate::config::{self, Account, Environment};
use crate::failure::{Code, Failure};

/// Folders in which each shell, and `sudo`, finds a program by its name.
const SEARCHED: [&str; 4] = ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin"];

/// The way to start the programs with one configuration.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The configuration file.
    path: PathBuf,
    /// The user to start them as, if it is not the one who types.
    user: Option<Account>,
    /// The file of this program.
    executable: Option<PathBuf>,
    /// True if the programs find the configuration without `--config`.
    is_default: bool,
}

impl Invocation {
    /// Returns the way for the configuration file at `path`, which may not exist yet.
    pub fn of(path: &Path, environment: &Environment) -> Self {
        let current = Account::current();
        let is_current = |owner: &Account| current.as_ref().is_some_and(|user| user.is_same(owner));
        // nobody can type as a user without a shell
        let user =
            Account::owner_of(path).filter(|owner| !is_current(owner) || !owner.can_log_in());
        Self {
            path: path.to_owned(),
            is_default: config::is_default(path, environment, user.is_none()),
            user,
            executable: environment.executable.clone(),
        }
    }

    /// Returns the words of the command that starts a program of the collector.
    pub fn words(&self, program: &str) -> Vec<String> {
        let mut words = Vec::new();
        if let Some(user) = &self.user {
            words.push(format!("sudo -u {}", user.sudo_word()));
        }
        let is_searched = |folder: &Path| SEARCHED.iter().any(|known| folder == Path::new(known));
        let folder = self.executable.as_deref().and_then(Path::parent);
        words.push(match folder.filter(|folder| !is_searched(folder)) {
            Some(folder) => shell_word(&folder.join(format!("{program}{EXE_SUFFIX}"))),
            None => program.to_owned(),
        });
        if !self.is_default {
            words.push(format!("--config {}", shell_word(&self.path)));
        }
        words
    }

    /// Returns the command in one line.
    pub fn line(&self, program: &str) -> String {
        self.words(program).join(" ")
    }

    /// Writes whole commands and the whole path of the configuration into a remedy.
    pub fn complete(&self, mut failure: Failure) -> Failure {
        failure.remedy = self.completed(&failure.remedy);
        failure
    }

    /// Returns a remedy with whole commands and the whole path of the configuration.
    pub fn completed(&self, remedy: &str) -> String {
        let own = self.executable.as_deref().and_then(Path::file_stem);
        let own = own.map(|own| own.to_string_lossy().into_owned());
        let mut remedy = remedy
            .replace(" config.toml", &format!(" {}", self.path.display()))
            .replace(
                "run authentication_setup",
                &format!("run `{}`", self.line("authentication_setup")),
            );
        for program in ["siem_collection", "audit_collection"] {
            let whole = format!("run `{} history`", self.line(program));
            remedy = remedy.replace(&format!("run {program} history"), &whole);
        }
        if let Some(own) = own {
            let adopt = format!("run `{} --adopt` once", self.line(&own));
            remedy = remedy.replace("run this program once with --adopt", &adopt);
        }
        remedy
    }

    /// Refuses a start as root if the configuration belongs to another user. Files of root would stop the
    /// runs of that user.
    ///
    /// # Errors
    /// [`Code::Config`], with the command to type: the program with the arguments of this start.
    pub fn refuse_root(&self, program: &str) -> Result<(), Failure> {
        let is_root = Account::current().is_some_and(|user| user.is_root());
        let other = self.user.as_ref().filter(|user| is_root && !user.is_root());
        let Some(user) = other else {
            return Ok(());
        };
        let what = format!(
            "started as root, but {} belongs to {}, whose runs could not use files of root",
            self.path.display(),
            user.sudo_word().trim_matches('\''),
        );
        let mut command = self.line(program);
        for argument in without_config(std::env::args_os().skip(1)) {
            command = format!("{command} {}", shell_word(Path::new(&argument)));
        }
        let remedy = format!("run `{command}`");
        Err(Failure::new(Code::Config, what, remedy))
    }
}

/// Returns the arguments without `--config`, which a whole command names itself.
fn without_config(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let (mut kept, mut is_path) = (Vec::new(), false);
    for argument in arguments {
        if std::mem::take(&mut is_path) {
            continue;
        }
        let text = argument.to_string_lossy();
        is_path = text == "--config";
        if !is_path && !text.starts_with("--config=") {
            kept.push(argument);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_kept_and_the_configuration_is_named_once() {
        let given = ["replay", "--config", "a", "--from", "x", "--config=b", "-v"];
        let kept = without_config(given.into_iter().map(OsString::from));
        assert_eq!(kept, ["replay", "--from", "x", "-v"]);
    }

    #[test]
    fn a_remedy_names_whole_commands() {
        let invocation = Invocation {
            path: PathBuf::from("/srv/a b/config.toml"),
            user: None,
            executable: Some(PathBuf::from("/usr/local/bin/siem_collection")),
            is_default: false,
        };
        let config = if cfg!(windows) {
            "--config \"/srv/a b/config.toml\""
        } else {
            "--config '/srv/a b/config.toml'"
        };
        for (remedy, whole) in [
            (
                "run authentication_setup again",
                format!("run `authentication_setup {config}` again"),
            ),
            (
                "run this program once with --adopt",
                format!("run `siem_collection {config} --adopt` once"),
            ),
            (
                "run audit_collection history",
                format!("run `audit_collection {config} history`"),
            ),
            (
                "correct [run] in config.toml",
                "correct [run] in /srv/a b/config.toml".to_owned(),
            ),
        ] {
            assert_eq!(invocation.completed(remedy), whole);
        }
    }
}
