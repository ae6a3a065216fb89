//! Tests of folders: their base, their defaults, and those that must not be mixed.

use super::*;

fn environment() -> Environment {
    Environment {
        state_folder: Some("/var/lib/mimecast".into()),
        log_folder: Some("/var/log/mimecast".into()),
        home: Some("/home/collector".into()),
        ..Environment::default()
    }
}

fn folders(lines: &str) -> Result<Folders, ConfigError> {
    Ok(parse_in(&format!("{REQUIRED}[folders]\n{lines}"), &environment())?.folders)
}

#[test]
fn start_at_the_file_s_own_folder() {
    let text = "data = \"d/e\"\nstate = \"../s\"\nlog = \"/l\"\n[network]\nca_file = \"ca.pem\"";
    let config = with(&format!("[folders]\n{text}")).unwrap();
    assert_eq!(config.folders.data, Path::new("/c/d/e"));
    assert_eq!(config.folders.state, Path::new("/c/../s"));
    assert_eq!(config.folders.log, Path::new("/l"));
    assert_eq!(
        config.network.ca_file.as_deref(),
        Some(Path::new("/c/ca.pem"))
    );
}

#[test]
fn of_systemd_are_used_unless_the_file_names_others() {
    let given = folders("").unwrap();
    assert_eq!(given.state, Path::new("/var/lib/mimecast"));
    assert_eq!(given.log, Path::new("/var/log/mimecast"));
    let given = folders("state = \"s\"\nlog = \"l\"").unwrap();
    assert_eq!(given.state, Path::new("/c/s"));
    assert_eq!(given.log, Path::new("/c/l"));
}

#[test]
fn of_the_system_or_a_home_are_no_data_folder() {
    let root = "is the root of a file system: expected a folder of its own";
    let home = "is a home folder: expected a folder of its own";
    let system = "is a folder of the system: expected a folder of its own";
    for (path, reason) in [
        ("/", root),
        ("..", root),
        ("/srv/..", root),
        ("/home/collector", home),
        ("/home/collector/x/../", home),
        ("/etc", system),
        ("/usr/bin/data", system),
        ("/proc/1", system),
        ("/var/log/", system),
        ("/tmp", system),
    ] {
        let message = folders(&format!("data = \"{path}\"")).unwrap_err().message;
        assert_eq!(
            message,
            format!("config.toml line 4: data in [folders]: {reason}"),
            "{path}"
        );
    }
    for path in [
        "/srv/mimecast",
        "/home/collector/data",
        "/etc/mimecast-collector/data",
    ] {
        folders(&format!("data = \"{path}\"")).unwrap();
    }
}

#[test]
fn of_state_and_data_do_not_lie_in_each_other_s_way() {
    for path in [
        "/var/lib/mimecast",
        "/var/lib/mimecast/data",
        "/var/lib/x/../mimecast/d",
    ] {
        assert_eq!(
            folders(&format!("data = \"{path}\"")).unwrap_err().message,
            "config.toml line 4: data in [folders]: is inside the state folder: expected a \
             folder outside"
        );
    }
    for key in ["state", "log"] {
        assert_eq!(
            folders(&format!("{key} = \"data/mta/x\""))
                .unwrap_err()
                .message,
            format!(
                "config.toml line 4: {key} in [folders]: is inside mta, audit or tmp of the \
                 data folder: expected a folder outside"
            )
        );
    }
    folders("data = \"/srv/mimecast\"\nstate = \"/srv/mimecast/checkpoint\"").unwrap();
    let error = folders("state = \"data\"").unwrap_err();
    let expected = "config.toml: data in [folders]: is inside the state folder: ";
    assert!(
        error.message.starts_with(expected),
        "a default has no line: {error}"
    );
    assert_eq!(error.remedy, "correct /c/config.toml");
}

#[test]
fn with_a_tilde_are_refused_rather_than_made() {
    for key in ["data", "state", "log"] {
        assert_eq!(
            folders(&format!("{key} = \"~/mimecast\""))
                .unwrap_err()
                .message,
            format!(
                "config.toml line 4: {key} in [folders]: ~ is not supported: expected the \
                 whole path"
            )
        );
    }
}
