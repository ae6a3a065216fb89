//! Tests of the origins of secrets, of refused ones, and that no output shows one.

use super::*;

const COMPLETE: &str =
    "app_key = \"app-canary\"\naccess_key = \"access-canary\"\nsecret_key = \"Y2FuYXJ5IQ==\"\n";

/// A folder for a configuration, with or without credentials.
struct Installation {
    folder: tempfile::TempDir,
    environment: Environment,
}

impl Installation {
    fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            folder,
            environment: Environment::default(),
        }
    }

    fn with(content: &str) -> Self {
        let installation = Self::empty();
        durable::replace_secret(&installation.file(), content.as_bytes()).unwrap();
        installation
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("config.toml")
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join(FILE)
    }

    fn load(&self) -> Result<Credentials, CredentialsError> {
        Credentials::load(&self.config(), &self.environment)
    }

    fn refusal(&self) -> String {
        self.load().unwrap_err().message
    }
}

fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

fn new(app: &str, access: &str, key: &str) -> Result<Credentials, CredentialsError> {
    Credentials::new(&secret(app), &secret(access), &secret(key))
}

mod a_file {
    use super::*;

    #[test]
    fn beside_the_configuration_gives_all_three() {
        let credentials = Installation::with(COMPLETE).load().unwrap();
        assert_eq!(credentials.app_key().expose_secret(), "app-canary");
        assert_eq!(credentials.access_key().expose_secret(), "access-canary");
        assert_eq!(credentials.secret_key().expose_secret(), b"canary!");
    }

    #[test]
    fn that_is_incomplete_is_completed_by_setup() {
        let installation = Installation::with("access_key = \"a\"\napp_key = \"\"\n");
        let error = installation.load().unwrap_err();
        let shown = installation.file().display().to_string();
        assert_eq!(
            error.message,
            format!("no app_key and secret_key in {shown} or the environment")
        );
        assert_eq!(error.remedy, "run authentication_setup");
        let message = Installation::empty().refusal();
        assert!(
            message.starts_with("no app_key and access_key and secret_key in "),
            "{message}"
        );
    }

    #[test]
    fn with_an_unknown_key_is_refused() {
        assert_eq!(
            Installation::with("\nacces_key = \"canary\"\n").refusal(),
            "credentials.toml line 2: unknown key \"acces_key\": did you mean \"access_key\"?"
        );
        assert_eq!(
            Installation::with("password = \"canary\"\n").refusal(),
            "credentials.toml line 1: unknown key \"password\""
        );
        assert_eq!(
            Installation::with("[mimecast]\napp_key = \"canary\"\n").refusal(),
            "credentials.toml line 1: unknown key \"mimecast\""
        );
        let pasted = "\"CanaryCanary+/==\" = \"app_key\"\n";
        assert_eq!(
            Installation::with(pasted).refusal(),
            "credentials.toml line 1: unknown key"
        );
    }

    #[test]
    fn with_an_error_is_named_by_line_and_not_repeated() {
        for content in [
            "app_key = canary\n",
            "app_key: canary\n",
            "app_key = \"canary\n",
        ] {
            let error = Installation::with(content).load().unwrap_err();
            let start = "credentials.toml line 1: not valid TOML: ";
            assert!(error.message.starts_with(start), "{error}");
            assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        }
        assert_eq!(
            Installation::with("app_key = 5\n").refusal(),
            "credentials.toml line 1: app_key: expected text in quotes"
        );
        let twice = format!("{COMPLETE}secret_key = \"canary\"\n");
        assert_eq!(
            Installation::with(&twice).refusal(),
            "credentials.toml line 4: key \"secret_key\" is given twice"
        );
    }

    #[test]
    fn with_a_wrong_value_is_named_by_key() {
        let installation =
            Installation::with(&COMPLETE.replace("Y2FuYXJ5IQ==", "not-base64-canary"));
        let shown = installation.file().display().to_string();
        assert_eq!(
            installation.refusal(),
            format!("secret_key in {shown} is not base64")
        );
    }

    #[test]
    fn that_is_a_folder_is_refused() {
        let installation = Installation::empty();
        fs::create_dir(installation.file()).unwrap();
        let shown = installation.file().display().to_string();
        assert_eq!(
            installation.refusal(),
            format!("cannot read {shown}: not a regular file")
        );
    }

    #[test]
    fn that_is_too_large_is_refused() {
        let installation = Installation::with(&"#".repeat((1 << 20) + 1));
        assert!(
            installation
                .refusal()
                .ends_with(": larger than 1048576 bytes")
        );
    }
}

#[cfg(unix)]
mod permissions {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn set(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn for_anyone_else_are_refused() {
        let installation = Installation::with(COMPLETE);
        for mode in [0o640, 0o620, 0o604, 0o602, 0o644, 0o666, 0o601] {
            set(&installation.file(), mode);
            let error = installation.load().unwrap_err();
            let shown = installation.file().display().to_string();
            let expected = format!("{shown} is open to other users (mode {mode:04o})");
            assert_eq!(error.message, expected);
            assert_eq!(error.remedy, format!("chmod 600 {shown}"));
        }
        for mode in [0o600, 0o400] {
            set(&installation.file(), mode);
            installation.load().unwrap();
        }
    }

    #[test]
    fn of_systemd_s_folder_are_not_questioned_and_links_there_are_followed() {
        let mut installation = Installation::empty();
        let (given, target) = (Installation::empty(), Installation::with(COMPLETE));
        set(&target.file(), 0o444);
        symlink(target.file(), given.file()).unwrap();
        installation.environment.credentials_folder = Some(given.folder.path().to_owned());
        installation.load().unwrap();
    }

    #[test]
    fn of_a_link_cannot_be_trusted() {
        let (installation, target) = (Installation::empty(), Installation::with(COMPLETE));
        symlink(target.file(), installation.file()).unwrap();
        let error = installation.load().unwrap_err();
        let shown = installation.file().display().to_string();
        assert_eq!(
            error.message,
            format!("{shown} is a link, whose target others may control")
        );
        assert_eq!(error.remedy, "put the file itself there");
    }

    #[test]
    fn of_a_pipe_do_not_make_it_wait() {
        let installation = Installation::empty();
        let made = std::process::Command::new("mkfifo")
            .arg(installation.file())
            .status()
            .unwrap();
        assert!(made.success());
        assert!(installation.refusal().ends_with(": not a regular file"));
    }

    #[test]
    fn of_a_saved_file_are_the_owner_s_alone() {
        let installation = Installation::with("old");
        set(&installation.file(), 0o666);
        new("a", "b", "Y2Fu")
            .unwrap()
            .save(&installation.file())
            .unwrap();
        let mode = fs::metadata(installation.file())
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o7777, 0o600);
        installation.load().unwrap();
    }
}

mod origins {
    use super::*;

    #[test]
    fn are_variables_then_systemd_s_folder_then_the_file() {
        let mut installation = Installation::with(COMPLETE);
        let given = Installation::with("app_key = \"systemd\"\naccess_key = \"systemd\"\n");
        installation.environment.credentials_folder = Some(given.folder.path().to_owned());
        installation.environment.access_key = Some(secret("variable"));
        let credentials = installation.load().unwrap();
        assert_eq!(credentials.access_key().expose_secret(), "variable");
        assert_eq!(credentials.app_key().expose_secret(), "systemd");
        assert_eq!(credentials.secret_key().expose_secret(), b"canary!");
    }

    #[test]
    fn that_are_not_needed_are_not_read() {
        let mut installation = Installation::with("broken");
        installation.environment.app_key = Some(secret("a"));
        installation.environment.access_key = Some(secret("b"));
        installation.environment.secret_key = Some(secret("Y2Fu"));
        installation.load().unwrap();
    }

    #[test]
    fn that_are_variables_are_named_as_such() {
        let mut installation = Installation::with(COMPLETE);
        installation.environment.secret_key = Some(secret("%%%"));
        assert_eq!(installation.refusal(), "MIMECAST_SECRET_KEY is not base64");
        installation.environment.secret_key = None;
        installation.environment.app_key = Some(secret("a b"));
        assert_eq!(installation.refusal(), "MIMECAST_APP_KEY holds a space");
    }
}

mod a_value {
    use super::*;

    #[test]
    fn loses_white_space_around_it_and_may_lack_padding() {
        for key in [
            "Y2FuYXJ5IQ==",
            "Y2FuYXJ5IQ",
            "Y2FuYXJ5IQ=",
            "\r\n Y2FuYXJ5IQ==\n",
        ] {
            let credentials = new(" app\n", "access\r\n", key).unwrap();
            assert_eq!(credentials.app_key().expose_secret(), "app");
            assert_eq!(credentials.access_key().expose_secret(), "access");
            assert_eq!(credentials.secret_key().expose_secret(), b"canary!");
        }
    }

    #[test]
    fn that_is_unusable_is_refused_by_name() {
        let message = |app, access, key| new(app, access, key).unwrap_err().message;
        assert_eq!(message("", "b", "Y2Fu"), "app_key is empty");
        assert_eq!(
            message("a\nX-Other: 1", "b", "Y2Fu"),
            "app_key holds a line break"
        );
        assert_eq!(
            message("a", "b\u{fffd}", "Y2Fu"),
            "access_key holds text that is not UTF-8"
        );
        assert_eq!(
            message("a", "<access key>", "Y2Fu"),
            "access_key still holds a placeholder"
        );
        assert_eq!(message("a", "b", " "), "secret_key is empty");
        assert_eq!(message("a", "b", "Y2F"), "secret_key is not base64");
        assert_eq!(message("a", "b", "Y2Fu_-"), "secret_key is not base64");
    }

    #[test]
    fn comes_back_from_a_file_as_it_was_saved() {
        let installation = Installation::empty();
        let credentials = new("quote\"back\\slash'#", "b", "Y2FuYXJ5IQ").unwrap();
        credentials
            .save(&super::path_beside(&installation.config()))
            .unwrap();
        let text = fs::read_to_string(installation.file()).unwrap();
        assert!(text.starts_with(HEADER));
        assert!(
            text.contains("secret_key = \"Y2FuYXJ5IQ==\"\n"),
            "padding is back"
        );
        let again = installation.load().unwrap();
        assert_eq!(
            again.app_key().expose_secret(),
            credentials.app_key().expose_secret()
        );
        assert_eq!(
            again.access_key().expose_secret(),
            credentials.access_key().expose_secret()
        );
        assert_eq!(again.secret_key().expose_secret(), b"canary!");
    }

    #[test]
    fn is_never_part_of_debug_output() {
        let debug = format!("{:?}", Installation::with(COMPLETE).load().unwrap());
        for secret in ["canary", "Y2Fu", "99, 97, 110"] {
            assert!(!debug.contains(secret), "{debug}");
        }
    }
}
