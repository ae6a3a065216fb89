//! The collector's own log: one file a day, one `key=value` line per step, a run id in each.
//!
//! Several processes append to one file, so each line is a single write. Text from outside is quoted,
//! escaped and cut, so that an event or an answer cannot forge a line. Other crates do not log here.

use std::fmt::{self, Write as _};
use std::io;
use std::path::PathBuf;

use chrono::{DateTime, NaiveDate, Utc};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{FormatEvent, Writer};
use tracing_subscriber::fmt::{FmtContext, layer};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::clock;
use crate::config::Config;
use crate::durable;

/// The longest value, in characters. The rest is cut.
const VALUE_LIMIT: usize = 200;

/// The stream of the setup's log, which both collectors prune.
pub const SETUP: &str = "setup";

/// Starts the log of a run and returns the path of its file.
pub fn begin(
    config: &Config,
    stream: &str,
    run_id: &str,
    verbose: u8,
    now: DateTime<Utc>,
) -> io::Result<PathBuf> {
    let folder = &config.folders.log;
    durable::make_folder(folder, config.folders.folder_mode)?;
    let name = format!("{stream}_{}", now.format("%Y-%m-%d"));
    let place = folder.join(format!("{name}.log"));
    // refuses a pipe, because a pipe would make the run wait; a new file gets its mode
    durable::append(&place, config.folders.file_mode)?;
    // a run is short, so all its lines go into the file of its first day
    let file = RollingFileAppender::builder()
        .rotation(Rotation::NEVER)
        .filename_prefix(name)
        .filename_suffix("log")
        .build(folder)
        .map_err(io::Error::other)?;

    let (stderr_level, file_level) = match verbose {
        0 => (None, config.run.log_level),
        1 => (Some(Level::INFO), config.run.log_level.max(Level::INFO)),
        _ => (Some(Level::DEBUG), Level::DEBUG),
    };
    let line = || Line {
        run_id: run_id.to_owned(),
    };
    let to_file = layer().event_format(line()).with_writer(file);
    let to_person = stderr_level.map(|level| {
        layer()
            .event_format(line())
            .with_writer(io::stderr)
            .with_filter(ours(level))
    });
    let subscriber = tracing_subscriber::registry();
    let started = subscriber
        .with(to_file.with_filter(ours(file_level)))
        .with(to_person)
        .try_init();
    started.map_err(io::Error::other)?;
    Ok(place)
}

/// Logs to standard error alone, if `verbose` asks for it: for a run without a log file.
pub fn begin_on_stderr(run_id: &str, verbose: u8) {
    let level = match verbose {
        0 => return,
        1 => Level::INFO,
        _ => Level::DEBUG,
    };
    let line = Line {
        run_id: run_id.to_owned(),
    };
    let to_person = layer().event_format(line).with_writer(io::stderr);
    let subscriber = tracing_subscriber::registry().with(to_person.with_filter(ours(level)));
    let _ = subscriber.try_init(); // fails only if a log has started, and then that one is used
}

fn ours(level: Level) -> Targets {
    Targets::new().with_target(env!("CARGO_CRATE_NAME"), level)
}

/// True if [`begin`] makes a log of this name for this stream.
pub fn is_ours(name: &str, stream: &str) -> bool {
    name.strip_prefix(stream)
        .and_then(|rest| rest.strip_prefix('_'))
        .and_then(|rest| rest.strip_suffix(".log"))
        .is_some_and(|day| day.len() == 10 && NaiveDate::parse_from_str(day, "%Y-%m-%d").is_ok())
}

/// `time=… level=… run=… msg="…" key=value …`
struct Line {
    run_id: String,
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> tracing_subscriber::fmt::FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let time = clock::now().format("%Y-%m-%dT%H:%M:%S%.3fZ");
        let level = event.metadata().level();
        let mut values = Values {
            message: String::new(),
            rest: String::new(),
        };
        event.record(&mut values);
        let Values { message, rest } = values;
        writeln!(
            writer,
            "time={time} level={level} run={} msg={message}{rest}",
            self.run_id
        )
    }
}

struct Values {
    message: String,
    rest: String,
}

impl Visit for Values {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field.name(), &quoted(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        if field.name() == "message" {
            self.message = quoted(&text);
        } else {
            self.add(field.name(), &plain(&text));
        }
    }
}

impl Values {
    fn add(&mut self, name: &str, value: &str) {
        let _ = write!(self.rest, " {name}={value}"); // writing to a string cannot fail
    }
}

fn plain(text: &str) -> String {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || "-_.:".contains(letter);
    if !text.is_empty() && text.len() <= VALUE_LIMIT && text.chars().all(is_word) {
        return text.to_owned();
    }
    quoted(text)
}

fn quoted(text: &str) -> String {
    let cut: String = text.chars().take(VALUE_LIMIT).collect();
    format!("{cut:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_logs_of_the_stream_are_ours() {
        assert!(is_ours("siem_2026-11-20.log", "siem"));
        for other in [
            "audit_2026-11-20.log",
            "siem_2026-11-20.log.1",
            "siem_2026-13-20.log",
            "siem_20.log",
            "siem_x.log",
            "notes.log",
        ] {
            assert!(!is_ours(other, "siem"), "{other}");
        }
    }

    #[test]
    fn no_value_can_forge_a_line() {
        assert_eq!(
            quoted("a\nlevel=ERROR \u{1b}[31m\""),
            r#""a\nlevel=ERROR \u{1b}[31m\"""#
        );
        assert_eq!(plain("12.5s"), "12.5s");
        assert_eq!(plain("a b"), "\"a b\"");
        assert!(quoted(&"x".repeat(10_000)).len() < 210);
    }
}
