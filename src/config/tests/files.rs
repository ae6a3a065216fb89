//! Tests of loading a file: links, sizes, encodings and permissions.

use super::*;

/// Returns a new folder, and the path of its `config.toml` with this content.
#[expect(clippy::disallowed_methods, reason = "a fixture")]
fn file(content: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    fs::write(&path, content).unwrap();
    (folder, path)
}

fn load(path: &Path) -> Result<Config, ConfigError> {
    Config::load(path, &Environment::default())
}

#[test]
fn are_loaded_with_their_own_folder_as_base() {
    let (folder, path) = file(REQUIRED.as_bytes());
    let config = load(&path).unwrap();
    assert_eq!(config.path, path);
    assert_eq!(config.folders.data, folder.path().join("data"));
}

#[test]
fn that_do_not_exist_are_an_error_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    let error = load(&path).unwrap_err();
    let start = format!("cannot read {}: ", path.display());
    assert!(error.message.starts_with(&start), "{error}");
    assert_eq!(error.remedy, "run authentication_setup");
}

#[test]
fn that_are_too_large_or_not_utf8_are_refused() {
    let (_folder, path) = file(&vec![b'#'; (1 << 20) + 1]);
    let message = load(&path).unwrap_err().message;
    assert_eq!(
        message,
        format!("cannot read {}: larger than 1048576 bytes", path.display())
    );
    for (bytes, expected) in [
        (&b"\xff\xfe[\0"[..], "UTF-16 text, save it as UTF-8"),
        (b"\xfe\xff\0[", "UTF-16 text, save it as UTF-8"),
        (b"[\0m\0", "UTF-16 text, save it as UTF-8"),
        (b"# caf\xe9", "not UTF-8 text, save it as UTF-8"),
    ] {
        let (_folder, path) = file(bytes);
        let message = load(&path).unwrap_err().message;
        let shown = path.display();
        assert_eq!(message, format!("cannot read {shown}: {expected}"));
    }
}

#[cfg(unix)]
#[test]
fn with_a_proxys_password_belong_to_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let config = |proxy: &str| format!("{REQUIRED}[network]\nproxy = \"{proxy}\"\n");
    let host = "proxy.example.com:3128";
    for (proxy, is_secret) in [
        (format!("http://user:canary@{host}"), true),
        (format!("http://canary@{host}"), true),
        (format!("http://:canary@{host}"), true),
        (format!("http://{host}"), false),
        ("none".to_owned(), false),
        (String::new(), false),
    ] {
        let (folder, path) = file(config(&proxy).as_bytes());
        let link = folder.path().join("link.toml");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        for (mode, is_open) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let (direct, linked) = (load(&path), load(&link));
            assert_eq!(direct.is_err(), is_secret && is_open, "{proxy} {mode:o}");
            assert_eq!(linked.is_err(), is_secret && is_open, "{proxy} {mode:o}");
            if let Err(error) = direct {
                let shown = path.display();
                let what = format!("{shown} is open to other users (mode {mode:04o})");
                assert!(error.message.starts_with(&what), "{error}");
                assert_eq!(error.remedy, format!("chmod 600 {shown}"));
                assert!(!format!("{error:?}").contains("canary"));
            }
        }
    }
}

#[test]
fn that_are_folders_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let message = load(folder.path()).unwrap_err().message;
    let shown = folder.path().display();
    assert_eq!(message, format!("cannot read {shown}: not a regular file"));
}

#[cfg(unix)]
#[test]
fn behind_a_link_are_read_with_the_link_s_folder_as_base() {
    let (_folder, target) = file(REQUIRED.as_bytes());
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("config.toml");
    std::os::unix::fs::symlink(target, &link).unwrap();
    assert_eq!(
        load(&link).unwrap().folders.data,
        folder.path().join("data")
    );
}
