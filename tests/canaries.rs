//! P6: the spellings in which a secret could get out by accident, and the search for them.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use crate::sandbox::Sandbox;

/// Tokens and signatures beyond so many are searched for as they are and in no other spelling.
const SPELLED_OUT: usize = 20;
/// Folders of a test's own: secrets that it hands over in files, and copies of the programs.
const EXEMPT_FOLDERS: [&str; 2] = ["secrets", "opt"];

/// Everything that must not be found, in every spelling.
pub(crate) struct Canaries(Vec<Vec<u8>>);

impl Canaries {
    /// Those of a sandbox: what the account holds, and every token and signature given out so far.
    pub(crate) fn of(sandbox: &Sandbox) -> Self {
        let account = sandbox.account();
        let log_in = format!("{}:{}", account.email, account.password);
        let fixed = account.secrets().map(|secret| secret.as_bytes().to_vec());
        let key = base64::engine::general_purpose::STANDARD
            .decode(account.secret_key)
            .expect("base64");
        let mut needles = Vec::new();
        for secret in fixed.into_iter().chain([key, log_in.into_bytes()]) {
            needles.extend(spellings(&secret));
            // a half gives a secret away as well
            let (left, right) = secret.split_at(secret.len() / 2);
            needles.extend([left.to_vec(), right.to_vec()]);
        }
        for passing in [sandbox.tokens(), sandbox.signatures()] {
            for (number, secret) in passing.into_iter().enumerate() {
                if number < SPELLED_OUT {
                    needles.extend(spellings(secret.as_bytes()));
                }
                needles.push(secret.into_bytes());
            }
        }
        needles.sort_unstable();
        needles.dedup();
        Self(needles)
    }

    /// The first that `text` holds.
    pub(crate) fn found_in(&self, text: &[u8]) -> Option<&[u8]> {
        let mut needles = self.0.iter();
        let found = needles.find(|needle| memchr::memmem::find(text, needle).is_some());
        found.map(Vec::as_slice)
    }

    /// How many of them `text` holds.
    pub(crate) fn count_in(&self, text: &[u8]) -> usize {
        let needles = self.0.iter();
        needles
            .filter(|needle| memchr::memmem::find(text, needle).is_some())
            .count()
    }

    #[track_caller]
    pub(crate) fn assert_absent(&self, what: &str, text: &[u8]) {
        if let Some(secret) = self.found_in(text) {
            let secret = String::from_utf8_lossy(secret);
            panic!("P6: {what} holds {secret:?}");
        }
    }

    /// Names and contents of everything below a folder, but for the file that is for secrets.
    #[track_caller]
    pub(crate) fn assert_none_below(&self, folder: &Path) {
        for file in files(folder) {
            let name = file.display().to_string();
            self.assert_absent("a name", name.as_bytes());
            // what cannot be read now, cannot be read by others either
            let content = fs::read(&file).unwrap_or_default();
            self.assert_absent(&name, &content);
        }
    }
}

/// A secret as it is, in base64 wherever it begins, in hexadecimal, escaped for a URL, and as a list of
/// numbers, which is what a debug output of bytes looks like.
fn spellings(secret: &[u8]) -> Vec<Vec<u8>> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let escaped = |lower: bool| -> String {
        let escape = |byte: &u8| match byte {
            b'-' | b'.' | b'_' | b'~' => char::from(*byte).to_string(),
            letter if letter.is_ascii_alphanumeric() => char::from(*letter).to_string(),
            other if lower => format!("%{other:02x}"),
            other => format!("%{other:02X}"),
        };
        secret.iter().map(escape).collect()
    };
    let list: Vec<String> = secret.iter().map(u8::to_string).collect();
    let texts = [
        hex.to_uppercase(),
        hex,
        escaped(true),
        escaped(false),
        list.join(", "),
    ];
    let mut spellings: Vec<Vec<u8>> = texts.map(String::into_bytes).into();
    spellings.push(secret.to_vec());
    for skipped in 0..3 {
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            spellings.push(embedded(&engine, secret, skipped));
        }
    }
    spellings
}

/// The letters of base64 that depend on the secret alone when `before` bytes stand before it and others
/// behind.
fn embedded(engine: &impl base64::Engine, secret: &[u8], before: usize) -> Vec<u8> {
    let padded = [&vec![0; before][..], secret].concat();
    let letters = engine.encode(padded).into_bytes();
    let first = (before * 8).div_ceil(6);
    let last = (before + secret.len()) * 8 / 6;
    letters[first..last].to_vec()
}

/// All files below a folder but those that are for secrets; links and pipes are not followed.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (name, path) = (entry.file_name(), entry.path());
        let is_exempt = name.to_string_lossy().starts_with("credentials.toml");
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && !EXEMPT_FOLDERS.map(Into::into).contains(&name) => {
                found.extend(files(&path));
            }
            Ok(kind) if kind.is_file() && !is_exempt => found.push(path),
            _ => {}
        }
    }
    found
}

#[test]
fn a_secret_is_found_however_it_is_written_and_whatever_stands_around_it() {
    let sandbox = Sandbox::start();
    let canaries = Canaries::of(&sandbox);
    let secret = sandbox.client().client_secret;
    let hex: String = secret.bytes().map(|byte| format!("{byte:02X}")).collect();
    let encoded = sandbox.client().encoded_secret();
    for text in [secret, &hex, &encoded] {
        assert!(
            canaries
                .found_in(format!("a {text} b").as_bytes())
                .is_some()
        );
    }
    for before in ["", "x", "xy", "user:"] {
        let text = format!("{before}{secret} and more");
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            assert!(canaries.found_in(engine.encode(&text).as_bytes()).is_some());
        }
    }
    assert_eq!(canaries.found_in(b"nothing of the kind"), None);
}
