//! Tests of the places of the configuration file.

use std::fs;

use super::*;

/// A machine in a temporary folder, without any configuration.
struct Machine {
    root: tempfile::TempDir,
    environment: Environment,
}

/// Returns a path below `root`, with the separators of this system.
fn below(root: &Path, path: &str) -> PathBuf {
    path.split('/')
        .fold(root.to_owned(), |at, part| at.join(part))
}

impl Machine {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| Some(below(root.path(), path));
        let environment = Environment {
            executable: at("opt/bin/siem_collection"),
            user_folder: at("home/.config/mimecast-collector"),
            system_folder: at("etc/mimecast-collector"),
            ..Environment::default()
        };
        Self { root, environment }
    }

    fn at(&self, path: &str) -> PathBuf {
        below(self.root.path(), path)
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
    let place = |machine: &Machine, explicit| default_path(explicit, &machine.environment);
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
    let error = default_path(None, &Environment::default()).unwrap_err();
    assert_eq!(
        error.message,
        "this user does not have a configuration folder"
    );
    assert_eq!(
        error.remedy,
        "name the file with --config or MIMECAST_CONFIG"
    );
}
