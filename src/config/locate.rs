//! Where the configuration file is looked for, and where setup puts a new one.
//!
//! Never in the current folder: under cron that is the home folder, under Task Scheduler System32.

use std::path::{Path, PathBuf};

use super::toml_file::Source;
use super::{ConfigError, EXAMPLE, Environment, User};

const FILE: &str = "config.toml";

/// The configuration file to use: the first that exists, nothing is merged.
///
/// A `config.toml` beside the executable or above it is passed over if it is another program's, such
/// as that of cargo above `~/.cargo/bin`.
///
/// In this order: `explicit` (`--config`), `$MIMECAST_CONFIG`, beside the executable, in the folder
/// above it, in the user's configuration folder, in the machine's.
///
/// # Errors
/// One that was named but does not exist is refused at once. When none is found, the message lists
/// every place.
pub fn find(explicit: Option<&Path>, environment: &Environment) -> Result<PathBuf, ConfigError> {
    if let Some((path, origin)) = named(explicit, environment) {
        let path = absolute(path)?;
        return match path.try_exists() {
            Ok(true) => Ok(path),
            Ok(false) => Err(ConfigError::new(
                format!("{}, named by {origin}, does not exist", path.display()),
                format!("correct {origin}, or run authentication_setup"),
            )),
            Err(error) => Err(ConfigError::reading(&path, &error)),
        };
    }
    let mut tried = Vec::new();
    for (path, owner) in places(environment) {
        match path.try_exists() {
            Ok(true) if owner == Owner::Anyone && is_foreign(&path) => {
                tried.push(format!("{} (not the collector's)", path.display()));
            }
            Ok(true) => return absolute(&path),
            Ok(false) => tried.push(path.display().to_string()),
            Err(error) => tried.push(format!("{} ({error})", path.display())),
        }
    }
    Err(ConfigError::new(
        format!("no configuration found, looked for {}", tried.join(", ")),
        "run authentication_setup, or name the file with --config",
    ))
}

/// Where setup writes a new file when [`find`] finds none: the one that was named, else in
/// `/etc/mimecast-collector` for root, else in the user's configuration folder.
///
/// Not beside the executable: what is installed belongs to whoever installs updates. Not in
/// `%ProgramData%`: its folders can be read by every user unless an administrator sees to it.
///
/// # Errors
/// When the user has no configuration folder, as with a service account without a home.
pub fn default_place(
    explicit: Option<&Path>,
    environment: &Environment,
) -> Result<PathBuf, ConfigError> {
    if let Some((path, _)) = named(explicit, environment) {
        return absolute(path);
    }
    let folder = match environment.user {
        User::Root => &environment.system_folder,
        User::Ordinary => &environment.user_folder,
    };
    folder
        .as_ref()
        .map(|folder| folder.join(FILE))
        .ok_or_else(|| {
            ConfigError::new(
                "this user has no folder for configuration",
                "name the file with --config or MIMECAST_CONFIG",
            )
        })
}

fn named<'a>(
    explicit: Option<&'a Path>,
    environment: &'a Environment,
) -> Option<(&'a Path, &'static str)> {
    let variable = environment
        .config
        .as_deref()
        .map(|path| (path, "MIMECAST_CONFIG"));
    explicit.map(|path| (path, "--config")).or(variable)
}

/// Who puts files into a folder.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// The folder bears the collector's name.
    Collector,
    /// Other programs may be there too.
    Anyone,
}

/// True if a file is valid TOML without a section of ours. A file that cannot be read, or is not
/// TOML, is taken for ours, so that its error is told.
fn is_foreign(path: &Path) -> bool {
    let Ok(text) = super::read(path) else {
        return false;
    };
    let (Ok(file), Ok(example)) = (Source::parse(path, &text), Source::parse(path, EXAMPLE)) else {
        return false;
    };
    let mut sections = example.table().iter();
    !sections.any(|(section, _)| file.table().contains_key(section))
}

fn places(environment: &Environment) -> impl Iterator<Item = (PathBuf, Owner)> {
    let beside = environment.executable.as_deref().and_then(Path::parent);
    let above = beside.and_then(Path::parent);
    let user = environment.user_folder.as_deref();
    let system = environment.system_folder.as_deref();
    let places = [
        (beside, Owner::Anyone),
        (above, Owner::Anyone),
        (user, Owner::Collector),
        (system, Owner::Collector),
    ];
    let places = places.into_iter();
    places.filter_map(|(folder, owner)| Some((folder?.join(FILE), owner)))
}

/// `path` as seen from the current folder.
pub(super) fn absolute(path: &Path) -> Result<PathBuf, ConfigError> {
    std::path::absolute(path).map_err(|error| ConfigError::reading(path, &error))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A machine in a temporary folder, without any configuration.
    struct Machine {
        root: tempfile::TempDir,
        environment: Environment,
    }

    impl Machine {
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            let at = |path: &str| Some(root.path().join(path));
            let environment = Environment {
                executable: at("opt/bin/siem_collection"),
                user_folder: at("home/.config/mimecast-collector"),
                system_folder: at("etc/mimecast-collector"),
                ..Environment::default()
            };
            Self { root, environment }
        }

        fn at(&self, path: &str) -> PathBuf {
            self.root.path().join(path)
        }

        fn put(&self, path: &str) -> PathBuf {
            self.put_text(path, "[mimecast]\n")
        }

        #[expect(clippy::disallowed_methods, reason = "a fixture")]
        fn put_text(&self, path: &str, text: &str) -> PathBuf {
            let path = self.at(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            path
        }

        fn find(&self, explicit: Option<&Path>) -> Result<PathBuf, ConfigError> {
            find(explicit, &self.environment)
        }
    }

    #[test]
    fn each_place_wins_over_those_after_it() {
        let mut machine = Machine::new();
        for path in [
            "etc/mimecast-collector/config.toml",
            "home/.config/mimecast-collector/config.toml",
            "opt/config.toml",
            "opt/bin/config.toml",
        ] {
            let path = machine.put(path);
            assert_eq!(machine.find(None), Ok(path));
        }
        let variable = machine.put("variable.toml");
        machine.environment.config = Some(variable.clone());
        assert_eq!(machine.find(None), Ok(variable));
        let explicit = machine.put("explicit.toml");
        assert_eq!(machine.find(Some(&explicit)), Ok(explicit.clone()));
    }

    #[test]
    fn a_file_of_another_program_is_passed_over_and_said_to_be_there() {
        const CARGO: &str = "[net]\nretry = 3\n[build]\njobs = 2\n";
        let system = "etc/mimecast-collector/config.toml";
        for (text, is_ours) in [
            (CARGO, false),
            ("", false),
            ("# a comment\n", false),
            ("[mimecast\n", true),
            ("[network]\n", true),
            ("\u{feff}[network]\r\n", true),
            ("network.ca_file = \"x\"\n", true),
            ("[net]\n[audit]\n", true),
        ] {
            for place in ["opt/bin/config.toml", "opt/config.toml"] {
                let mut machine = Machine::new();
                let there = machine.put_text(place, text);
                let found = machine.find(None);
                if is_ours {
                    assert_eq!(found, Ok(there), "{text}");
                    continue;
                }
                let said = found.unwrap_err().message;
                let expected = format!("{} (not the collector's)", there.display());
                assert!(said.contains(&expected), "{said}");
                let ours = machine.put(system);
                assert_eq!(machine.find(None), Ok(ours), "{text}");
                assert_eq!(
                    machine.find(Some(&there)),
                    Ok(there.clone()),
                    "it was named"
                );
                machine.environment.config = Some(there.clone());
                assert_eq!(machine.find(None), Ok(there), "it was named");
            }
        }
        let machine = Machine::new();
        let empty = machine.put_text(system, "");
        assert_eq!(machine.find(None), Ok(empty), "the folder's name is ours");
    }

    #[test]
    fn a_named_file_that_does_not_exist_is_an_error_at_once() {
        let mut machine = Machine::new();
        machine.put("opt/config.toml");
        let missing = machine.at("missing.toml");
        let error = machine.find(Some(&missing)).unwrap_err();
        let shown = missing.display();
        assert_eq!(
            error.message,
            format!("{shown}, named by --config, does not exist")
        );
        assert_eq!(
            error.remedy,
            "correct --config, or run authentication_setup"
        );

        machine.environment.config = Some(missing.clone());
        let error = machine.find(None).unwrap_err();
        assert_eq!(
            error.message,
            format!("{shown}, named by MIMECAST_CONFIG, does not exist")
        );
    }

    #[test]
    fn the_error_lists_every_place_that_was_tried() {
        let machine = Machine::new();
        let error = machine.find(None).unwrap_err();
        let places = [
            "opt/bin",
            "opt",
            "home/.config/mimecast-collector",
            "etc/mimecast-collector",
        ];
        let places = places
            .map(|folder| machine.at(folder).join(FILE).display().to_string())
            .join(", ");
        assert_eq!(
            error.message,
            format!("no configuration found, looked for {places}")
        );
        assert_eq!(
            error.remedy,
            "run authentication_setup, or name the file with --config"
        );
    }

    #[test]
    fn the_current_folder_is_used_for_an_explicit_relative_path_alone() {
        // tests run in the package's folder, which holds this file
        let here = std::env::current_dir().unwrap();
        let found = find(
            Some(Path::new("config.example.toml")),
            &Environment::default(),
        );
        assert_eq!(found, Ok(here.join("config.example.toml")));
        let error = find(None, &Environment::default()).unwrap_err();
        assert!(!error.message.contains(here.to_str().unwrap()));
    }

    #[test]
    fn setup_writes_where_it_is_told_else_where_the_user_may() {
        let mut machine = Machine::new();
        let place = |machine: &Machine, explicit| default_place(explicit, &machine.environment);
        let user = machine.at("home/.config/mimecast-collector/config.toml");
        assert_eq!(place(&machine, None), Ok(user));

        machine.environment.user = User::Root;
        let system = machine.at("etc/mimecast-collector/config.toml");
        assert_eq!(place(&machine, None), Ok(system));

        machine.environment.config = Some(machine.at("new.toml"));
        assert_eq!(place(&machine, None), Ok(machine.at("new.toml")));
        let here = std::env::current_dir().unwrap();
        assert_eq!(
            place(&machine, Some(Path::new("x.toml"))),
            Ok(here.join("x.toml"))
        );
    }

    #[test]
    fn without_any_folder_setup_asks_for_a_name() {
        let error = default_place(None, &Environment::default()).unwrap_err();
        assert_eq!(error.message, "this user has no folder for configuration");
        assert_eq!(
            error.remedy,
            "name the file with --config or MIMECAST_CONFIG"
        );
    }
}
