//! Composes syslog messages.
//!
//! Standards: RFC 5424 section 6, <https://www.rfc-editor.org/rfc/rfc5424>, and RFC 3164 section 4,
//! <https://www.rfc-editor.org/rfc/rfc3164>.

use chrono::{DateTime, SecondsFormat, Utc};

use crate::clock::Clock;
use crate::config::destination::{Syslog, SyslogFormat};
use crate::delivery::batch::{Line, Part};
use crate::event_time::event_time;

/// Facility `local0`, severity `informational`.
const PRIORITY: &str = "<134>";
const APP_NAME: &str = "mimecast";
/// The longest `MSGID`, in bytes.
const MESSAGE_ID_LIMIT: usize = 32;

/// Composes the messages of one destination.
pub struct Composer {
    format: SyslogFormat,
    host: String,
    structured_data: String,
    max_bytes: Option<usize>,
    clock: Clock,
    /// The number of messages that were cut, since the last call of [`Composer::remark`].
    cut: u64,
}

impl Composer {
    /// Returns a composer with the settings of a destination. `host` is the name of this host.
    pub fn new(settings: &Syslog, host: &str, clock: Clock) -> Self {
        let host = match settings.hostname.as_str() {
            "" => host,
            host => host,
        };
        // a header field holds printable ASCII without spaces
        let host: String = host.chars().filter(char::is_ascii_graphic).collect();
        Self {
            format: settings.format,
            host: Some(host)
                .filter(|host| !host.is_empty())
                .unwrap_or("-".to_owned()),
            structured_data: match settings.structured_data.as_str() {
                "" => "-".to_owned(),
                data => data.to_owned(),
            },
            max_bytes: settings.max_bytes.map(|bytes| bytes as usize),
            clock,
            cut: 0,
        }
    }

    /// Replaces `message` with the message of a line, at most `max_bytes` long.
    pub fn compose(&mut self, part: Part<'_>, text: &[u8], line: &Line, message: &mut Vec<u8>) {
        let time = event_time(text);
        let kind = part.log_type(line);
        message.clear();
        message.extend_from_slice(self.header(time, kind).as_bytes());
        message.extend_from_slice(text);
        let Some(most) = self.max_bytes.filter(|most| message.len() > *most) else {
            return;
        };
        message.truncate(at_a_character(message, most));
        self.cut += 1;
    }

    fn header(&self, time: Option<DateTime<Utc>>, kind: &str) -> String {
        let host = &self.host;
        match self.format {
            SyslogFormat::Rfc5424 => {
                let time = time.map_or("-".to_owned(), |time| {
                    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
                });
                let kind = &kind[..kind.len().min(MESSAGE_ID_LIMIT)];
                let data = &self.structured_data;
                format!("{PRIORITY}1 {time} {host} {APP_NAME} - {kind} {data} ")
            }
            SyslogFormat::Rfc3164 => {
                // without a year and a zone: the text has its own time
                let time = time
                    .unwrap_or_else(|| self.clock.now())
                    .format("%b %e %H:%M:%S");
                format!("{PRIORITY}{time} {host} {APP_NAME}: ")
            }
        }
    }

    /// Returns a sentence about messages that were cut since the last call.
    pub fn remark(&mut self) -> Option<String> {
        let (cut, most) = (std::mem::take(&mut self.cut), self.max_bytes?);
        let text = format!("events longer than {most} bytes were cut (max_bytes)");
        (cut > 0).then_some(text)
    }
}

/// Returns the longest length of at most `most` bytes that cuts no character of UTF-8.
fn at_a_character(message: &[u8], most: usize) -> usize {
    let is_inside = |at: &usize| message[*at] & 0b1100_0000 == 0b1000_0000;
    // a character has at most four bytes
    (most.saturating_sub(3)..=most)
        .rev()
        .find(|at| !is_inside(at))
        .unwrap_or(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_is_at_a_character() {
        let message = "aé€😀".as_bytes(); // 1, 2, 3 and 4 bytes
        let ends = [(1, 1), (2, 1), (3, 3), (4, 3), (5, 3), (6, 6), (9, 6)];
        for (most, end) in ends {
            assert_eq!(at_a_character(message, most), end, "{most}");
        }
        assert_eq!(at_a_character(&[0x80; 9], 7), 7, "not UTF-8");
    }
}
