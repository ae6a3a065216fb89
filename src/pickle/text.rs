//! The texts of a pickle: bytes, or Unicode.

use std::borrow::Cow;

/// A text. It has no `Debug`, because it may be a secret.
#[derive(PartialEq, Eq)]
pub(crate) enum Text {
    /// A `str` of Python 2: bytes without an encoding.
    Bytes(Vec<u8>),
    /// A `unicode` of Python 2.
    Unicode(String),
}

impl Text {
    /// Returns a `str` with these bytes.
    pub(super) fn bytes(bytes: &[u8]) -> Result<Self, &'static str> {
        Ok(Self::Bytes(bytes.to_vec()))
    }

    /// Returns a `unicode` of UTF-8.
    pub(super) fn unicode(bytes: &[u8]) -> Result<Self, &'static str> {
        let text = std::str::from_utf8(bytes).map_err(|_| "a text is not UTF-8")?;
        Ok(Self::Unicode(text.to_owned()))
    }

    /// Returns the text, or `None` if it is bytes that are not UTF-8.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
            Self::Unicode(text) => Some(text),
        }
    }

    /// Returns the text for a message, with replacements for bytes that are not UTF-8.
    pub(crate) fn shown(&self) -> Cow<'_, str> {
        match self {
            Self::Bytes(bytes) => String::from_utf8_lossy(bytes),
            Self::Unicode(text) => Cow::Borrowed(text),
        }
    }
}

/// Reads a `str` of protocol 0: between quotes, with the escapes that `repr` writes.
pub(super) fn quoted(line: &[u8]) -> Result<Text, &'static str> {
    const NOT_QUOTED: &str = "a text is not between quotes";
    let (Some(quote @ (b'\'' | b'"')), Some(last)) = (line.first(), line.last()) else {
        return Err(NOT_QUOTED);
    };
    if line.len() < 2 || quote != last {
        return Err(NOT_QUOTED);
    }
    let mut rest = line[1..line.len() - 1].iter();
    let mut bytes = Vec::with_capacity(line.len());
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' => match rest.next().ok_or("a text ends inside an escape")? {
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'x' => {
                    let (code, after) = hexadecimal(rest.as_slice(), 2)?;
                    rest = after.iter();
                    u8::try_from(code).expect("two digits are a byte")
                }
                plain @ (b'\\' | b'\'' | b'"') => *plain,
                _ => return Err("a text has an unknown escape"),
            },
            byte if byte == quote || !(b' '..=b'~').contains(byte) => {
                return Err("a text holds a byte that should be escaped");
            }
            byte => *byte,
        });
    }
    Ok(Text::Bytes(bytes))
}

/// Reads a `unicode` of protocol 0: Latin-1 with escapes of four or eight hex digits. Every backslash is
/// escaped itself. Python for Windows writes a letter above U+FFFF as two surrogates.
pub(super) fn escaped(line: &[u8]) -> Result<Text, &'static str> {
    let mut units = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'\\' {
            units.push(u16::from(*byte));
            continue;
        }
        let digits = match after.first() {
            Some(b'u') => 4,
            Some(b'U') => 8,
            _ => return Err("a text has an unknown escape"),
        };
        let (code, after) = hexadecimal(&after[1..], digits)?;
        rest = after;
        match u16::try_from(code) {
            Ok(unit) => units.push(unit),
            Err(_) => {
                let letter =
                    char::from_u32(code).ok_or("a text holds a letter that does not exist")?;
                units.extend_from_slice(letter.encode_utf16(&mut [0; 2]));
            }
        }
    }
    let text = String::from_utf16(&units);
    text.map(Text::Unicode)
        .map_err(|_| "a text holds half a letter")
}

/// Returns the number that the first `count` hex digits spell, and the bytes after them.
fn hexadecimal(bytes: &[u8], count: usize) -> Result<(u32, &[u8]), &'static str> {
    let split = bytes.split_at_checked(count);
    let (digits, rest) = split.ok_or("a text ends inside an escape")?;
    let code = digits.iter().try_fold(0, |code, digit| {
        let digit = char::from(*digit).to_digit(16);
        digit.map(|digit| code << 4 | digit)
    });
    Ok((code.ok_or("an escape is not hexadecimal")?, rest))
}
