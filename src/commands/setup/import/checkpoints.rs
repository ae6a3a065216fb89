//! The positions of the scripts.
//!
//! | file | content |
//! |---|---|
//! | `checkpoint_siem` | the continuation token of the last archive |
//! | `checkpoint_audit_start` | the end of the last complete window, where the next one starts |
//! | `checkpoint_audit_next` | a page token, while a window is incomplete |

use std::io;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};

use super::scripts::unreadable;
use crate::durable;
use crate::failure::{Code, Failure};

const SIEM: &str = "checkpoint_siem";
const AUDIT: &str = "checkpoint_audit_start";
const AUDIT_PAGE: &str = "checkpoint_audit_next";
/// The largest position, in bytes. The longest known token has three hundred.
const SIZE_LIMIT: u64 = 64 << 10;
/// The form in which the scripts write a time.
const FORM: &str = "%Y-%m-%dT%H:%M:%S%z";
/// A time this far in the future is accepted, because clocks are adjusted.
const AHEAD: TimeDelta = TimeDelta::minutes(10);

/// The positions. They are equal if no script has run between two readings.
#[derive(PartialEq, Eq)]
pub(super) struct Checkpoints {
    token: Option<String>,
    audit_end: Option<DateTime<Utc>>,
    audit_page: Option<Vec<u8>>,
}

impl Checkpoints {
    /// Reads the positions in a folder. A missing file means that its script has not saved a position.
    ///
    /// # Errors
    /// [`Code::Config`] for a file that the scripts did not write, or did not write completely.
    /// [`Code::Disk`] for a file that cannot be read.
    pub(super) fn read(folder: &Path, now: DateTime<Utc>) -> Result<Self, Failure> {
        let text = |name: &str| -> Result<Option<String>, Failure> {
            let Some(bytes) = content(&folder.join(name))? else {
                return Ok(None);
            };
            let text = std::str::from_utf8(&bytes).map(str::trim_ascii);
            match text {
                Ok(text) if is_word(text) => Ok(Some(text.to_owned())),
                Ok("") => Err(odd(
                    folder,
                    name,
                    "is empty, as after a killed run of the script",
                )),
                _ => Err(odd(folder, name, "is damaged")),
            }
        };
        let audit_end = text(AUDIT)?.map(|text| {
            let time = DateTime::parse_from_str(&text, FORM);
            let time = time.map_err(|_| odd(folder, AUDIT, "does not hold a time"))?;
            match time.to_utc() {
                time if time > now + AHEAD => Err(odd(folder, AUDIT, "holds a time in the future")),
                time => Ok(time),
            }
        });
        Ok(Self {
            token: text(SIEM)?,
            audit_end: audit_end.transpose()?,
            audit_page: content(&folder.join(AUDIT_PAGE))?,
        })
    }

    /// Returns the continuation token of the last archive.
    pub(super) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Returns the end of the last complete window of audit events.
    pub(super) const fn audit_end(&self) -> Option<DateTime<Utc>> {
        self.audit_end
    }

    /// True if the last window is incomplete. Its page token is an offset into a list that has grown
    /// since, so it is of no use.
    pub(super) const fn is_inside_window(&self) -> bool {
        self.audit_page.is_some()
    }
}

/// Returns the bytes of a file, or `None` if it is missing.
fn content(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    match durable::read_named(path, SIZE_LIMIT) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(path, &error)),
    }
}

/// True for one or more letters of ASCII without a space.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn odd(folder: &Path, name: &str, what: &str) -> Failure {
    let from = match name {
        SIEM => "at the oldest logs that Mimecast still has, up to 7 days back",
        _ => "first_look_back_days back",
    };
    let what = format!("{} {what}", folder.join(name).display());
    let remedy = format!(
        "restore the file from a copy; or move it away, and the first run begins {from} and may repeat events"
    );
    Failure::new(Code::Config, what, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::durable::{Mode, SystemDisk};

    fn read(files: &[(&str, &str)]) -> Result<Checkpoints, String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            durable::replace(&SystemDisk, &path, text.as_bytes(), Mode::PRIVATE).unwrap();
        }
        let now = "2026-11-20T10:00:00Z".parse().unwrap();
        Checkpoints::read(folder.path(), now).map_err(|failure| {
            assert_eq!(failure.code, Code::Config);
            failure.what
        })
    }

    #[test]
    fn positions_are_what_the_scripts_wrote_without_the_line_break_of_an_editor() {
        let none = read(&[]).unwrap_or_else(|what| panic!("{what}"));
        assert!(none.token().is_none() && none.audit_end().is_none());
        assert!(!none.is_inside_window());
        let all = read(&[
            (SIEM, "eNoABC_-=\r\n"),
            (AUDIT, "2026-11-20T09:30:00+0000"),
            (AUDIT_PAGE, "eNo"),
        ]);
        let all = all.unwrap_or_else(|what| panic!("{what}"));
        assert_eq!(all.token(), Some("eNoABC_-="));
        assert_eq!(all.audit_end(), "2026-11-20T09:30:00Z".parse().ok());
        assert!(all.is_inside_window());
    }

    #[test]
    fn a_position_that_the_scripts_did_not_write_is_refused() {
        for (name, text, why) in [
            (SIEM, "", "is empty"),
            (SIEM, "\n", "is empty"),
            (SIEM, "two words", "is damaged"),
            (SIEM, "t\u{f6}ken", "is damaged"),
            (SIEM, "token\0", "is damaged"),
            (AUDIT, "", "is empty"),
            (AUDIT, "yesterday", "does not hold a time"),
            (AUDIT, "2026-13-20T09:30:00+0000", "does not hold a time"),
            (AUDIT, "2026-11-20T10:30:00+0000", "in the future"),
        ] {
            let what = read(&[(name, text)]).err().expect("refused");
            assert!(what.contains(why), "{what}");
        }
    }
}
