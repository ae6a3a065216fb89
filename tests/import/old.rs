//! A folder as the Python scripts left it. The folder is in `secrets/`, because its keys are readable.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Installation, SETUP};

/// A way in which Python 2 writes a pickle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Protocol 0, which the scripts use.
    Text,
    /// Protocol 1.
    Binary,
    /// Protocol 2.
    Two,
}

/// Names and values of a configuration, in the order of the scripts. The first value is a `str`, and the
/// others are `unicode`.
pub(crate) type Entries = [(&'static str, String); 5];

/// The folder of the scripts.
pub(crate) struct OldScripts {
    folder: PathBuf,
    entries: Entries,
}

impl OldScripts {
    /// Writes the configuration of the sandbox's account.
    pub(crate) fn of(place: &Installation) -> Self {
        let account = place.sandbox.account();
        let data = place.path("data").display().to_string();
        let entries = [
            ("data_dir", data),
            ("api_base_url", place.sandbox.url()),
            ("access_key", account.access_key.to_owned()),
            ("secret_key", account.secret_key.to_owned()),
            ("account_code", account.account_code.to_owned()),
        ];
        let folder = place.path("secrets/python");
        fs::create_dir_all(folder.join("checkpoint")).expect("a folder");
        for folder in ["data/audit", "data/mta", "data/tmp"] {
            fs::create_dir_all(place.path(folder)).expect("a folder");
        }
        let old = Self { folder, entries };
        old.write_config(Protocol::Text, |_| ());
        old
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.folder.join(below).components().collect()
    }

    /// Writes the configuration after a change.
    pub(crate) fn write_config(&self, protocol: Protocol, change: impl FnOnce(&mut Entries)) {
        let mut entries = self.entries.clone();
        change(&mut entries);
        self.write_pickle(&pickle(protocol, &entries));
    }

    /// Writes these bytes as the configuration.
    pub(crate) fn write_pickle(&self, bytes: &[u8]) {
        fs::write(self.path("checkpoint/config.txt"), bytes).expect("written");
    }

    /// Writes a position.
    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path("checkpoint").join(name), text).expect("written");
    }

    /// Names and contents of all its files.
    pub(crate) fn content(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut content = BTreeMap::new();
        let mut folders = vec![self.folder.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => drop(content.insert(path.clone(), fs::read(&path).expect("readable"))),
                }
            }
        }
        content
    }

    /// An import without questions.
    pub(crate) fn import(&self, place: &Installation) -> Command {
        self.import_of(place, &self.folder)
    }

    /// An import without questions from this folder.
    pub(crate) fn import_of(&self, place: &Installation, folder: &Path) -> Command {
        let account = place.sandbox.account();
        let mut command = place.command(SETUP);
        command.arg("--config").arg(place.path("config.toml"));
        command.arg("import").arg(folder).arg("--no-input");
        command.args(["--app-id", account.app_id]);
        command.env("MIMECAST_APP_KEY", account.app_key);
        command
    }
}

/// A token in the form of Mimecast's.
pub(crate) fn token() -> String {
    "eNoUx_-0123456789".repeat(16)
}

/// Writes a dict as Python 2 does.
fn pickle(protocol: Protocol, entries: &Entries) -> Vec<u8> {
    match protocol {
        Protocol::Text => in_text(entries),
        Protocol::Binary => in_binary(entries),
        Protocol::Two => [&b"\x80\x02"[..], &in_binary(entries)].concat(),
    }
}

fn in_text(entries: &Entries) -> Vec<u8> {
    let mut text = String::from("(dp0\n");
    for (number, (name, value)) in entries.iter().enumerate() {
        let value = match number {
            0 => format!("S{}", repr(value)),
            _ => format!("V{}", value.replace('\\', "\\u005c")),
        };
        let (first, second) = (2 * number + 1, 2 * number + 2);
        text += &format!("S'{name}'\np{first}\n{value}\np{second}\ns");
    }
    (text + ".").into_bytes()
}

/// Returns a `str` in ASCII as Python 2 shows it.
fn repr(text: &str) -> String {
    assert!(text.is_ascii(), "{text}");
    match text.contains('\'') {
        true => format!("\"{}\"", text.replace('\\', "\\\\")),
        false => format!("'{}'", text.replace('\\', "\\\\")),
    }
}

fn in_binary(entries: &Entries) -> Vec<u8> {
    let mut bytes = b"}q\x00(".to_vec();
    for (number, (name, value)) in entries.iter().enumerate() {
        let number = u8::try_from(number).expect("small");
        let short = |text: &str| u8::try_from(text.len()).expect("short");
        bytes.extend([b'U', short(name)]);
        bytes.extend(name.bytes());
        bytes.extend([b'q', 2 * number + 1]);
        if number == 0 {
            bytes.extend([b'U', short(value)]);
        } else {
            let length = u32::try_from(value.len()).expect("short");
            bytes.push(b'X');
            bytes.extend(length.to_le_bytes());
        }
        bytes.extend(value.bytes());
        bytes.extend([b'q', 2 * number + 2]);
    }
    bytes.extend(b"u.");
    bytes
}
