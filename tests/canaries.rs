//! P6: the spellings in which a secret could get out by accident, and the search for them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use mimecast_sandbox::{Account, Sandbox};

/// Tokens and signatures beyond so many are searched for as they are and in no other spelling.
const SPELLED_OUT: usize = 20;
/// Folders of a test's own: secrets that it hands over in files, and copies of the programs.
const EXEMPT_FOLDERS: [&str; 2] = ["secrets", "opt"];

/// Everything that must not be found, in every spelling.
pub(crate) struct Canaries {
    /// What the account holds: the same in every test.
    lasting: &'static [Vec<u8>],
    /// Tokens and signatures of one sandbox.
    passing: Vec<Vec<u8>>,
}

impl Canaries {
    /// Those of a sandbox, with every token and signature given out so far.
    pub(crate) fn of(sandbox: &Sandbox) -> Self {
        let mut passing = Vec::new();
        for secrets in [sandbox.tokens(), sandbox.signatures()] {
            for secret in secrets.iter().take(SPELLED_OUT) {
                passing.extend(spellings(secret.as_bytes()));
            }
            let others = secrets.into_iter().skip(SPELLED_OUT);
            passing.extend(others.map(String::into_bytes));
        }
        let lasting = lasting();
        Self { lasting, passing }
    }

    fn all(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.lasting.iter().chain(&self.passing)
    }

    /// The first that `text` holds.
    pub(crate) fn found_in(&self, text: &[u8]) -> Option<&[u8]> {
        let found = self.all().find(|canary| is_in(text, canary));
        found.map(Vec::as_slice)
    }

    /// How many of them `text` holds.
    pub(crate) fn count_in(&self, text: &[u8]) -> usize {
        self.all().filter(|canary| is_in(text, canary)).count()
    }

    #[track_caller]
    pub(crate) fn assert_absent(&self, what: &str, text: &[u8]) {
        if text.is_empty() {
            return;
        }
        if let Some(secret) = self.found_in(text) {
            let secret = String::from_utf8_lossy(secret);
            panic!("P6: {what} holds {secret:?}");
        }
    }

    /// Names and contents of everything below a folder, but for the file that is for secrets.
    #[track_caller]
    pub(crate) fn assert_none_below(&self, folder: &Path) {
        // what cannot be read here, cannot be read by others either
        let named = files(folder).into_iter().map(|file| {
            let name = file.display().to_string();
            (name, fs::read(file).unwrap_or_default())
        });
        let named: Vec<(String, Vec<u8>)> = named.collect();
        // one search over all: many files and many canaries make a great many searches otherwise
        let parts = named
            .iter()
            .flat_map(|(name, content)| [name.as_bytes(), content]);
        let all: Vec<&[u8]> = parts.collect();
        if self.found_in(&all.join(&0)).is_some() {
            for (name, content) in named {
                self.assert_absent("a name", name.as_bytes());
                self.assert_absent(&name, &content);
            }
        }
    }
}

fn is_in(text: &[u8], canary: &[u8]) -> bool {
    memchr::memmem::find(text, canary).is_some()
}

/// The account's secrets, whole and in halves: a half gives one away as well.
fn lasting() -> &'static [Vec<u8>] {
    static LASTING: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    LASTING.get_or_init(|| {
        let account = Account::SYNTHETIC;
        let log_in = format!("{}:{}", account.email, account.password);
        let texts = account.secrets().map(|secret| secret.as_bytes().to_vec());
        let key = STANDARD.decode(account.secret_key).expect("base64");
        let mut canaries = Vec::new();
        for secret in texts.into_iter().chain([key, log_in.into_bytes()]) {
            canaries.extend(spellings(&secret));
            let (left, right) = secret.split_at(secret.len() / 2);
            canaries.extend([left.to_vec(), right.to_vec()]);
        }
        canaries.sort_unstable();
        canaries.dedup();
        canaries
    })
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

#[test]
#[should_panic(expected = "P6: ")]
fn a_secret_that_a_test_leaves_in_a_file_fails_it() {
    let place = crate::harness::Installation::unconnected();
    let secret = place.sandbox.account().app_key;
    fs::write(place.path("siem_2026-11-20.log"), secret).expect("written");
    drop(place);
}
