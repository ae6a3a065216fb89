//! A TOML file about which every complaint names file, line and key, and never a value.

use std::fmt::Display;
use std::io;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeString, DeTable};

use super::ConfigError;
use crate::durable::{self, SystemDisk};

/// A thousand times what is needed; more is not a configuration.
const LIMIT_BYTES: u64 = 1 << 20;

/// A parsed file.
pub(crate) struct Source<'t> {
    path: &'t Path,
    text: &'t str,
    table: Spanned<DeTable<'t>>,
}

/// A key, which knows its place in the text.
pub(crate) type Key<'t> = Spanned<DeString<'t>>;

/// Reads a file's text, under a limit.
///
/// # Errors
/// As [`durable::read`]: links, pipes and folders are refused; also text that is not UTF-8.
pub(crate) fn read(path: &Path) -> io::Result<String> {
    decode(durable::read(&SystemDisk, path, LIMIT_BYTES)?)
}

/// Returns the bytes as text, without the mark that Windows editors put first.
///
/// # Errors
/// `InvalidData` for text that is not UTF-8; UTF-16 is named, as Windows tools write it.
pub(crate) fn decode(bytes: Vec<u8>) -> io::Result<String> {
    let refused = |what: &str| {
        let what = format!("{what}, save it as UTF-8");
        io::Error::new(io::ErrorKind::InvalidData, what)
    };
    // the mark of UTF-16, or every other byte zero as with letters of English
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

/// Returns why a text is not one word of printable ASCII, or `None` if it is.
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

impl<'t> Source<'t> {
    /// Parses a text, with or without the mark that Windows editors put first.
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

    /// A complaint about the line where `key` stands.
    pub(crate) fn refuse(&self, key: &Key<'_>, what: impl Display) -> ConfigError {
        refuse(self.path, line(self.text, Some(key.span())), what)
    }

    /// A complaint about the file as a whole.
    pub(crate) fn refuse_all(&self, what: impl Display) -> ConfigError {
        refuse(self.path, None, what)
    }
}

/// A key or section as it is shown: text that is no name could be a secret in the wrong place.
pub(crate) fn shown(name: &str) -> String {
    let fits = |letter: char| letter.is_ascii_lowercase() || "_-0123456789".contains(letter);
    if name.len() <= 40 && name.chars().all(fits) {
        format!(" \"{name}\"")
    } else {
        String::new()
    }
}

/// The hint at the known name that was probably meant, or nothing.
pub(crate) fn meant<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let distance = |known: &str| strsim::damerau_levenshtein(name, known);
    // a long pasted text is no typing error, and not worth the comparison
    let nearest = known
        .filter(|_| name.len() <= 40)
        .min_by_key(|known| distance(known));
    match nearest.filter(|known| distance(known) <= 1 + known.len() / 4) {
        Some(known) => format!(": did you mean \"{known}\"?"),
        None => String::new(),
    }
}

/// Whether a value was left as some guide or template wrote it.
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
    // the error's own Display quotes the line, which may hold a secret; its message does not
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
