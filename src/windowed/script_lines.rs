//! Lines that the retired Python scripts wrote, for the first run after they were replaced.
//!
//! The scripts appended each event to a file of the day, and did not save its id. Their position is the end
//! of their last window. Some events before it may be in the index since then, so the first run begins an
//! overlap before that position. It skips each event as many times as the scripts wrote its line.

use std::collections::HashMap;
use std::io::{self, BufRead as _, BufReader, Read};

use chrono::{DateTime, Utc};

use super::audit::{Event, one_line};
use crate::event_time::event_time;
use crate::spool::{Digest, Spool, SpoolError};

/// The longest line that is compared, in bytes. A longer one counts as several lines of no event.
const LINE_LIMIT: u64 = 4 << 20;
/// The beginning of the first line of an event. An event with line breaks has more lines.
const BEGINNING: &[u8] = b"date=";
/// The text that follows the time of an event.
const AFTER_TIME: &[u8] = b"|mcType=auditLog|";

/// The number of times that the scripts wrote each event, less the number of times that it was skipped.
#[derive(Debug, Default)]
pub(super) struct ScriptLines(HashMap<Digest, u32>);

impl ScriptLines {
    /// Reads the events from `from` on in the scripts' files. `None` means all events.
    ///
    /// # Errors
    /// [`SpoolError::Disk`] if the folder or a file cannot be read.
    pub(super) fn since(spool: &Spool, from: Option<DateTime<Utc>>) -> Result<Self, SpoolError> {
        let mut lines = Self::default();
        spool.read_foreign(is_of_scripts, |file| lines.add_file(file, from))?;
        Ok(lines)
    }

    fn add_file(&mut self, file: &mut dyn Read, from: Option<DateTime<Utc>>) -> io::Result<()> {
        let mut file = BufReader::new(file);
        let (mut event, mut line) = (Vec::new(), Vec::new());
        while (&mut file).take(LINE_LIMIT).read_until(b'\n', &mut line)? > 0 {
            let is_first = line.starts_with(BEGINNING);
            if is_first {
                self.add(&event, from);
                event.clear();
            }
            // a part of an event that is too long
            if event.len() as u64 > LINE_LIMIT {
                event.truncate(1);
            }
            event.append(&mut line);
        }
        self.add(&event, from);
        Ok(())
    }

    /// Adds an event with the line break at its end, in the form of either system.
    fn add(&mut self, event: &[u8], from: Option<DateTime<Utc>>) {
        let event = event.strip_suffix(b"\n").unwrap_or_default();
        let event = event.strip_suffix(b"\r").unwrap_or(event);
        let head = &event[..event.len().min(64)];
        if !head
            .windows(AFTER_TIME.len())
            .any(|part| part == AFTER_TIME)
        {
            return;
        }
        if let (Some(time), Some(from)) = (event_time(event), from)
            && time < from
        {
            return;
        }
        let line = one_line(&String::from_utf8_lossy(event));
        *self.0.entry(Digest::of(line.as_bytes())).or_insert(0) += 1;
    }

    /// True if the scripts wrote the event and it must be skipped. Counts down.
    pub(super) fn take(&mut self, event: &Event<'_>) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let line = event.key_value();
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        let left = self.0.get_mut(&Digest::of(line)).filter(|left| **left > 0);
        left.map(|left| *left -= 1).is_some()
    }
}

/// True for the name of a file of the scripts: `audit_log_20112026.log`, with day, month and year.
pub fn is_of_scripts(name: &str) -> bool {
    let stem = name.strip_prefix("audit_log_");
    let date = stem.and_then(|stem| stem.strip_suffix(".log"));
    date.is_some_and(|date| date.len() == 8 && date.bytes().all(|digit| digit.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"id":"1","auditType":"Log","user":"a@example.com","eventTime":"2026-11-20T10:00:00+0000","eventInfo":"one\ntwo"}"#;
    const PLAIN: &str = r#"{"id":"2","auditType":"Log","user":"a@example.com","eventTime":"2026-11-20T09:00:00+0000","eventInfo":"x"}"#;

    fn lines(text: &str, from: Option<&str>) -> ScriptLines {
        let from = from.map(|from| from.parse().unwrap());
        let mut lines = ScriptLines::default();
        lines.add_file(&mut text.as_bytes(), from).unwrap();
        lines
    }

    /// Returns how often an event is skipped.
    fn skipped(lines: &mut ScriptLines, event: &str) -> usize {
        let event = Event::read(event).unwrap();
        (0..9).take_while(|_| lines.take(&event)).count()
    }

    fn written(time: &str, info: &str) -> String {
        format!(
            "date={time}+0000|mcType=auditLog|user=a@example.com|auditType=\"Log\"|eventInfo=\"{info}"
        )
    }

    #[test]
    fn an_event_is_skipped_as_often_as_it_was_written() {
        let (both, plain) = ("2026-11-20T10:00:00", "2026-11-20T09:00:00");
        for (end, broken) in [("\n", "one\ntwo"), ("\r\n", "one\r\ntwo")] {
            let text = [
                written(plain, "x"),
                written(both, broken),
                written(plain, "x"),
            ]
            .map(|event| event + end)
            .concat();
            let mut all = lines(&text, None);
            assert_eq!(skipped(&mut all, EVENT), 1, "{end:?}");
            assert_eq!(skipped(&mut all, PLAIN), 2, "{end:?}");
            let mut late = lines(&text, Some("2026-11-20T09:30:00Z"));
            assert_eq!(skipped(&mut late, EVENT), 1, "{end:?}");
            assert_eq!(skipped(&mut late, PLAIN), 0, "{end:?}");
        }
    }

    #[test]
    fn a_line_that_is_torn_or_of_another_program_is_not_the_event() {
        let whole = written("2026-11-20T09:00:00", "x");
        for text in [
            &whole[..],
            &whole[..40],
            "",
            "\n\n",
            "date=\n",
            "x\n",
            &format!("{}\n", &whole[..whole.len() - 1]),
            &format!("{whole}y\n"),
        ] {
            assert_eq!(skipped(&mut lines(text, None), PLAIN), 0, "{text}");
        }
        let after_rubbish = format!("rubbish\n{whole}\n");
        assert_eq!(skipped(&mut lines(&after_rubbish, None), PLAIN), 1);
    }

    #[test]
    fn only_the_names_that_the_scripts_make_are_theirs() {
        for (name, is_theirs) in [
            ("audit_log_20112026.log", true),
            ("audit_log_2011202.log", false),
            ("audit_log_20112026.log.gz", false),
            ("audit_log_2011202x.log", false),
            (
                "audit_log_20261120t090000z_20261120t100000z_0123456789abcdef.log",
                false,
            ),
        ] {
            assert_eq!(is_of_scripts(name), is_theirs, "{name}");
        }
    }
}
