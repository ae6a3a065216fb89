//! A TOML file. Each error names its file, line and key, and never a value.

use std::fmt::Display;
use std::io;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeString, DeTable};

use super::ConfigError;
use crate::durable::{self, SystemDisk};

/// The largest file, in bytes: a thousand times what a configuration needs.
const LIMIT_BYTES: u64 = 1 << 20;

/// A parsed file.
pub(crate) struct TomlFile<'t> {
    path: &'t Path,
    text: &'t str,
    table: Spanned<DeTable<'t>>,
}

/// A key with its place in the text.
pub(crate) type Key<'t> = Spanned<DeString<'t>>;

/// Reads a file's text, at most 1 MiB.
///
/// # Errors
/// As [`durable::read`], which refuses links, pipes and folders. `InvalidData` if the text is not UTF-8.
pub(crate) fn read(path: &Path) -> io::Result<String> {
    decode(durable::read(&SystemDisk, path, LIMIT_BYTES)?)
}

/// Returns the bytes as text, without the byte order mark of Windows editors.
///
/// # Errors
/// `InvalidData` if the text is not UTF-8. The message names UTF-16, because Windows tools write it.
pub(crate) fn decode(bytes: Vec<u8>) -> io::Result<String> {
    let refused = |what: &str| {
        let what = format!("{what}, save it as UTF-8");
        io::Error::new(io::ErrorKind::InvalidData, what)
    };
    // UTF-16 has a byte order mark, or every other byte is zero, as with English letters
    let is_utf16 = match bytes[..] {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => true,
        [first, second, ..] => (first == 0) != (second == 0),
        _ => false,
    };
    if is_utf16 {
        return Err(refused("UTF-16 text"));
    }
    let text = String::from_utf8(bytes).map_err(|_| refused("not UTF-8 text"))?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

/// Returns the reason why a text is not one word of printable ASCII, or `None` if it is one.
pub(crate) fn flaw_of_word(text: &str) -> Option<&'static str> {
    let has = |is: fn(char) -> bool| text.contains(is);
    if text.is_empty() {
        Some("is empty")
    } else if has(|letter| matches!(letter, '\r' | '\n')) {
        Some("holds a line break")
    } else if has(char::is_whitespace) {
        Some("holds a space")
    } else if has(char::is_control) {
        Some("holds a control character")
    } else if has(|letter| letter == char::REPLACEMENT_CHARACTER) {
        Some("holds text that is not UTF-8")
    } else if has(|letter| !letter.is_ascii()) {
        Some("holds a letter or sign that is not ASCII, such as a typographic dash")
    } else {
        None
    }
}

impl<'t> TomlFile<'t> {
    /// Parses a text, with or without the byte order mark of Windows editors.
    pub(crate) fn parse(path: &'t Path, text: &'t str) -> Result<Self, ConfigError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match DeTable::parse(text) {
            Ok(table) => Ok(Self { path, text, table }),
            Err(error) => Err(syntax(path, text, &error)),
        }
    }

    pub(crate) fn table(&self) -> &DeTable<'t> {
        self.table.get_ref()
    }

    /// Returns an error about the line of `key`.
    pub(crate) fn refuse(&self, key: &Key<'_>, what: impl Display) -> ConfigError {
        refuse(self.path, line(self.text, Some(key.span())), what)
    }

    /// Returns an error about the file as a whole.
    pub(crate) fn refuse_all(&self, what: impl Display) -> ConfigError {
        refuse(self.path, None, what)
    }
}

/// Returns the name of a key or a section in quotes. Returns an empty text if `name` does not look like a
/// name, because it may be a misplaced secret.
pub(crate) fn shown(name: &str) -> String {
    let fits = |letter: char| letter.is_ascii_lowercase() || "_-0123456789".contains(letter);
    if name.len() <= 40 && name.chars().all(fits) {
        format!(" \"{name}\"")
    } else {
        String::new()
    }
}

/// Returns a hint at the known name that was probably meant, or an empty text.
pub(crate) fn meant<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let distance = |known: &str| strsim::damerau_levenshtein(name, known);
    // a long pasted text is not a typing error, and the comparison would take long
    let nearest = known
        .filter(|_| name.len() <= 40)
        .min_by_key(|known| distance(known));
    match nearest.filter(|known| distance(known) <= 1 + known.len() / 4) {
        Some(known) => format!(": did you mean \"{known}\"?"),
        None => String::new(),
    }
}

/// True if a value is still the placeholder of a guide or a template.
pub(crate) fn is_placeholder(value: &str) -> bool {
    let value = value.trim().to_lowercase();
    let bracketed = value.starts_with('<') && value.ends_with('>');
    let crossed = value.len() >= 3 && value.bytes().all(|byte| byte == b'x');
    let yours = ["your_", "your-", "your "]
        .iter()
        .any(|start| value.starts_with(start));
    let marked = ["changeme", "change_me", "change-me", "placeholder", "todo"];
    bracketed || crossed || yours || marked.contains(&value.as_str())
}

fn syntax(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    // the error's Display quotes the line, which may hold a secret; its message does not
    let found = error
        .span()
        .and_then(|span| text.get(span))
        .unwrap_or_default();
    let what = match error.message() {
        "duplicate key" => format!("key{} is given twice", shown(found)),
        message => format!("not valid TOML: {message}"),
    };
    let at = line(text, error.span());
    let refusal = refuse(path, at, what);
    let affected = at
        .and_then(|at| text.lines().nth(at - 1))
        .unwrap_or_default();
    if affected.contains('\\') {
        let remedy = "write a path with backslashes between single quotes, not double ones";
        return ConfigError::new(refusal.message, remedy);
    }
    refusal
}

fn refuse(path: &Path, line: Option<usize>, what: impl Display) -> ConfigError {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let line = line.map(|line| format!(" line {line}")).unwrap_or_default();
    ConfigError::new(
        format!("{name}{line}: {what}"),
        format!("correct {}", path.display()),
    )
}

fn line(text: &str, span: Option<Range<usize>>) -> Option<usize> {
    let before = text.as_bytes().get(..span?.start)?;
    Some(1 + before.iter().filter(|byte| **byte == b'\n').count())
}
