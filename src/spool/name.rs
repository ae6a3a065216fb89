//! File names. The collector makes them and never uses a server's name as it is.
//!
//! The form is `<stem>_<first 16 hex digits of the content's SHA-256>.<extension>`. The stem keeps
//! the vendor's log type and time, for parsers and for sorting. Because of the digest, publishing
//! the same content again finds its name in use. A name holds only `[a-z0-9._-]`, so that every
//! file system accepts it. Windows is the strictest: no reserved stems, no case, no trailing dots.

use std::fmt;

/// The longest stem, in characters. With digest and extension a name stays below 90.
const STEM_LIMIT: usize = 60;
/// The number of hex digits of the digest in a name.
const DIGEST_DIGITS: usize = 16;

/// The kind of content of a published file. It decides the extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extension {
    /// SIEM events as `key=value` lines.
    Siem,
    /// Audit events as `key=value` lines.
    Log,
    /// One JSON object a line.
    Json,
}

impl Extension {
    const ALL: [Self; 3] = [Self::Siem, Self::Log, Self::Json];

    const fn text(self) -> &'static str {
        match self {
            Self::Siem => "siem",
            Self::Log => "log",
            Self::Json => "json",
        }
    }
}

/// The name of a published file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName(String);

impl FileName {
    /// Makes the name of the content with this SHA-256 (lower-case hex).
    pub(crate) fn new(stem: &str, sha256: &str, extension: Extension) -> Self {
        let stem = sanitise(stem);
        let digest = &sha256[..DIGEST_DIGITS];
        Self(format!("{stem}_{digest}.{}", extension.text()))
    }

    /// Makes the name of lines with this SHA-256 (lower-case hex), for a file that is never written.
    pub fn of_content(stem: &str, sha256: &str) -> Self {
        Self::new(stem, sha256, Extension::Siem)
    }

    /// Returns a name that [`FileName::new`] or [`FileName::variant`] can have made, or `None`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (base, extension) = text.rsplit_once('.')?;
        Extension::ALL
            .iter()
            .find(|known| known.text() == extension)?;
        let (stem, digest) = base.rsplit_once('_')?;
        let (digest, variant) = digest.split_at_checked(DIGEST_DIGITS)?;
        let hex = digest
            .bytes()
            .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        let counted = variant.is_empty()
            || variant
                .strip_prefix('-')
                .and_then(|count| count.parse().ok())
                .is_some_and(|count: u32| variant == format!("-{count}") && count > 1);
        (hex && counted && !stem.is_empty() && sanitise(stem) == stem)
            .then(|| Self(text.to_owned()))
    }

    /// Returns the name with `count` before the extension, for use if other content has this name.
    pub(crate) fn variant(&self, count: u32) -> Self {
        match (count, self.0.rsplit_once('.')) {
            (2.., Some((base, extension))) => Self(format!("{base}-{count}.{extension}")),
            _ => self.clone(),
        }
    }

    /// Returns the part before the digest.
    pub fn stem(&self) -> &str {
        self.0.rsplit_once('_').map_or("", |(stem, _)| stem)
    }

    /// Returns the first hex digits of the content's SHA-256.
    pub(crate) fn digest(&self) -> &str {
        let end = self.0.rsplit_once('_').map_or("", |(_, end)| end);
        end.get(..DIGEST_DIGITS).unwrap_or_default()
    }

    /// Returns the whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Returns the last part of a path in lower case, with `_` for each unusual letter. A `-` at the
/// beginning also becomes `_`, because commands read it as an option. The result has 1 to 60
/// characters and stays the same if sanitised again.
fn sanitise(stem: &str) -> String {
    let last = stem.rsplit(['/', '\\']).next().unwrap_or_default();
    let letters = last.chars().take(STEM_LIMIT).enumerate();
    let clean: String = letters
        .map(|(place, letter)| match letter.to_ascii_lowercase() {
            kept @ ('a'..='z' | '0'..='9' | '_') => kept,
            '-' if place > 0 => '-',
            _ => '_',
        })
        .collect();
    if clean.is_empty() {
        "log".to_owned()
    } else {
        clean
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SHA: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn a_vendor_stem_keeps_its_type_and_time() {
        let name = FileName::new("receipt_20261120000000000", SHA, Extension::Siem);
        assert_eq!(
            name.as_str(),
            "receipt_20261120000000000_0123456789abcdef.siem"
        );
        assert_eq!(name.stem(), "receipt_20261120000000000");
        assert_eq!(name.variant(2).digest(), &SHA[..16]);
    }

    #[test]
    fn hostile_stems_become_harmless() {
        for (stem, expected) in [
            ("../../etc/passwd", "passwd"),
            ("C:\\windows\\NUL", "nul"),
            ("a:b", "a_b"),
            ("trailing. ", "trailing__"),
            ("", "log"),
            ("évil\u{202e}", "_vil_"),
            ("--rf-", "_-rf-"),
        ] {
            let name = FileName::new(stem, SHA, Extension::Json);
            assert_eq!(name.as_str(), format!("{expected}_0123456789abcdef.json"));
        }
    }

    #[test]
    fn foreign_names_are_not_ours() {
        for foreign in [
            "notes.txt",
            "receipt_20261120000000000.siem",
            "receipt_0123456789abcdeg.siem",
            "receipt_0123456789ABCDEF.siem",
            "_0123456789abcdef.siem",
            "receipt_0123456789abcdef.txt",
            "receipt_0123456789abcdef-1.siem",
            "receipt_0123456789abcdef-02.siem",
            "Receipt_0123456789abcdef.siem",
            "x/receipt_0123456789abcdef.siem",
            "-receipt_0123456789abcdef.siem",
        ] {
            assert_eq!(FileName::parse(foreign), None, "{foreign}");
        }
    }

    proptest! {
        #[test]
        fn every_name_is_recognised_and_portable(stem in ".*", count in 2_u32..200) {
            let name = FileName::new(&stem, SHA, Extension::Log);
            prop_assert!(name.as_str().len() < 90);
            prop_assert!(name.as_str().bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-')));
            prop_assert!(!name.as_str().starts_with(['.', '-']));
            prop_assert_eq!(FileName::new(name.stem(), SHA, Extension::Log), name.clone());
            prop_assert_eq!(FileName::parse(name.as_str()), Some(name.clone()));
            let variant = name.variant(count);
            prop_assert_eq!(FileName::parse(variant.as_str()), Some(variant));
        }

        #[test]
        fn recognising_a_name_never_panics(text in ".*") {
            let _ = FileName::parse(&text);
        }
    }
}
