//! Reads the process environment once, so that the rest of the program gets it as a value.

use std::ffi::OsString;
use std::path::PathBuf;

use secrecy::SecretString;

const FOLDER: &str = "mimecast-collector";

/// The values from the process environment. An empty variable counts as unset.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `MIMECAST_CONFIG`: the configuration file.
    pub config: Option<PathBuf>,
    /// `STATE_DIRECTORY`, which systemd sets; the first of a list.
    pub state_folder: Option<PathBuf>,
    /// `LOGS_DIRECTORY`, which systemd sets; the first of a list.
    pub log_folder: Option<PathBuf>,
    /// `CREDENTIALS_DIRECTORY`, which systemd sets.
    pub credentials_folder: Option<PathBuf>,
    /// `MIMECAST_APP_KEY`.
    pub app_key: Option<SecretString>,
    /// `MIMECAST_ACCESS_KEY`.
    pub access_key: Option<SecretString>,
    /// `MIMECAST_SECRET_KEY`.
    pub secret_key: Option<SecretString>,
    /// `MIMECAST_PASSWORD`, for setup.
    pub password: Option<SecretString>,
    /// `MIMECAST_CLIENT_SECRET`, for setup.
    pub client_secret: Option<SecretString>,
    /// The file of this program.
    pub executable: Option<PathBuf>,
    /// The user's home folder.
    pub home: Option<PathBuf>,
    /// The collector's folder in the user's configuration, such as `~/.config/mimecast-collector`.
    pub user_folder: Option<PathBuf>,
    /// The collector's folder in the machine's configuration: `/etc/mimecast-collector`,
    /// `%ProgramData%\mimecast-collector`.
    pub system_folder: Option<PathBuf>,
    /// The kind of user that runs the program.
    pub user: User,
}

/// The user whose configuration setup writes, if there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum User {
    /// A user with a configuration folder of their own. On Windows, every user.
    #[default]
    Ordinary,
    /// The superuser of a Unix system.
    Root,
}

impl Environment {
    /// Reads the environment of this process.
    pub fn of_process() -> Self {
        Self {
            executable: std::env::current_exe().ok(),
            home: dirs::home_dir(),
            user_folder: dirs::config_dir().map(|folder| folder.join(FOLDER)),
            user: current_user(),
            ..Self::of(|name| std::env::var_os(name))
        }
    }

    /// Returns the values that variables hold.
    fn of(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let value = |name| variable(name).filter(|value| !value.is_empty());
        let first = |name| {
            let value = value(name)?;
            std::env::split_paths(&value).find(|path| !path.as_os_str().is_empty())
        };
        // bytes that are not UTF-8 become U+FFFD, which the check of the value refuses
        let secret = |name| {
            Some(SecretString::from(
                value(name)?.to_string_lossy().into_owned(),
            ))
        };
        let system = if cfg!(windows) {
            value("ProgramData")
        } else {
            Some(OsString::from("/etc"))
        };
        Self {
            config: value("MIMECAST_CONFIG").map(PathBuf::from),
            state_folder: first("STATE_DIRECTORY"),
            log_folder: first("LOGS_DIRECTORY"),
            credentials_folder: value("CREDENTIALS_DIRECTORY").map(PathBuf::from),
            app_key: secret("MIMECAST_APP_KEY"),
            access_key: secret("MIMECAST_ACCESS_KEY"),
            secret_key: secret("MIMECAST_SECRET_KEY"),
            password: secret("MIMECAST_PASSWORD"),
            client_secret: secret("MIMECAST_CLIENT_SECRET"),
            system_folder: system.map(|folder| PathBuf::from(folder).join(FOLDER)),
            ..Self::default()
        }
    }
}

#[cfg(unix)]
fn current_user() -> User {
    if rustix::process::geteuid().is_root() {
        User::Root
    } else {
        User::Ordinary
    }
}

#[cfg(not(unix))]
fn current_user() -> User {
    User::Ordinary
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use secrecy::ExposeSecret as _;

    use super::*;

    fn of(variables: &[(&str, &str)]) -> Environment {
        Environment::of(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn every_variable_reaches_its_field() {
        let environment = of(&[
            ("MIMECAST_CONFIG", "/c"),
            ("CREDENTIALS_DIRECTORY", "/run/credentials"),
            ("MIMECAST_APP_KEY", "1"),
            ("MIMECAST_ACCESS_KEY", "2"),
            ("MIMECAST_SECRET_KEY", "3"),
            ("MIMECAST_PASSWORD", "4"),
            ("MIMECAST_CLIENT_SECRET", "5"),
        ]);
        assert_eq!(environment.config.as_deref(), Some(Path::new("/c")));
        assert_eq!(
            environment.credentials_folder.as_deref(),
            Some(Path::new("/run/credentials"))
        );
        let secrets = [
            environment.app_key,
            environment.access_key,
            environment.secret_key,
            environment.password,
            environment.client_secret,
        ];
        let values = secrets.map(|secret| secret.unwrap().expose_secret().to_owned());
        assert_eq!(values.concat(), "12345");
    }

    #[test]
    fn an_empty_variable_counts_as_unset() {
        let environment = of(&[
            ("MIMECAST_CONFIG", ""),
            ("STATE_DIRECTORY", ""),
            ("MIMECAST_APP_KEY", ""),
        ]);
        assert_eq!(environment.config, None);
        assert_eq!(environment.state_folder, None);
        assert!(environment.app_key.is_none());
    }

    #[cfg(unix)]
    #[test]
    fn the_first_folder_of_a_list_is_taken() {
        let environment = of(&[
            ("STATE_DIRECTORY", "/var/lib/a:/var/lib/b"),
            ("LOGS_DIRECTORY", ":/var/log/a"),
        ]);
        assert_eq!(
            environment.state_folder.as_deref(),
            Some(Path::new("/var/lib/a"))
        );
        assert_eq!(
            environment.log_folder.as_deref(),
            Some(Path::new("/var/log/a"))
        );
    }

    #[test]
    fn debug_output_shows_no_secret() {
        let names = [
            "MIMECAST_APP_KEY",
            "MIMECAST_ACCESS_KEY",
            "MIMECAST_SECRET_KEY",
            "MIMECAST_PASSWORD",
            "MIMECAST_CLIENT_SECRET",
        ];
        let environment = of(&names.map(|name| (name, "canary")));
        assert!(environment.password.is_some());
        assert!(!format!("{environment:?}").contains("canary"));
    }

    #[test]
    fn the_process_has_an_executable() {
        assert!(Environment::of_process().executable.is_some());
    }
}
