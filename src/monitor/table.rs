//! The overview and the history as text of at most 80 columns.

use std::fmt::Write as _;

use chrono::TimeDelta;

use crate::history::Ledger;

use super::overview::{Overview, RunOverview};
use super::words::{age, ago, bytes, count, counted, escaped, minute, sparkline};

/// The columns of a terminal.
const WIDTH: usize = 80;
/// The hours of the sparkline.
const HOURS: usize = 48;

/// Returns the table of `status`.
pub fn status(overview: &Overview) -> String {
    let Overview {
        program, api, now, ..
    } = overview;
    let account = match &*overview.account {
        "" => "no account yet".to_owned(),
        account => format!("account {account}"),
    };
    let mut text = format!("{program}: {account}, API {api}, {}\n", minute(*now));
    text += &run_line(overview);
    let _ = writeln!(
        text,
        "\n{:26}{:>13}{:>13}{:>13}{:>15}",
        "STREAM", "LAST SUCCESS", "NEWEST EVENT", "LAST RUN", "SEVEN DAYS"
    );
    for stream in &overview.streams {
        let _ = writeln!(
            text,
            "{:26}{:>13}{:>13}{:>13}{:>15}",
            stream.name,
            ago(stream.last_success, *now),
            ago(stream.newest_event, *now),
            count(stream.last_run.events),
            count(stream.week.events),
        );
    }
    text += &volume(overview);
    text += &destinations(overview);
    let notes = overview.all_notes();
    if !notes.is_empty() {
        text.push('\n');
    }
    for note in notes {
        text += &wrapped(&note);
    }
    text
}

/// Returns the table of the destinations. Empty if there are none.
fn destinations(overview: &Overview) -> String {
    if overview.destinations.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "\n{:26}{:>13}{:>13}{:>13}{:>15}\n",
        "DESTINATION", "CONFIRMED", "FILES WAIT", "OLDEST", "SEVEN DAYS"
    );
    for destination in &overview.destinations {
        let _ = writeln!(
            text,
            "{:26}{:>13}{:>13}{:>13}{:>15}",
            destination.name,
            ago(destination.confirmed_at, overview.now),
            count(destination.waiting_files),
            ago(destination.oldest, overview.now),
            count(destination.week_events),
        );
    }
    text
}

fn run_line(overview: &Overview) -> String {
    let Some(last) = &overview.last_run else {
        return "no run is recorded\n".to_owned();
    };
    let mut line = format!(
        "last run {}, exit code {}, {}",
        ago(Some(last.began), overview.now),
        last.code,
        seconds(last.milliseconds)
    );
    if last.retries > 0 {
        let _ = write!(line, ", {} repeated", counted(last.retries, "request"));
    }
    match (overview.late(), overview.next_run) {
        (Some(late), _) if late >= TimeDelta::minutes(1) => {
            let _ = write!(line, "; the next is {} late", age(late));
        }
        (_, Some(next)) => {
            let _ = write!(line, "; the next is expected at {}", next.format("%H:%M"));
        }
        _ => {}
    }
    let line = filled(&line, ("", "  "));
    let message = last.message.as_ref().map(|message| wrapped(message));
    format!("{line}\n{}", message.unwrap_or_default())
}

/// Returns the events per hour of two days, and the sizes of seven.
fn volume(overview: &Overview) -> String {
    let mut hours = [0_u64; HOURS];
    let (mut files, mut size) = (0, 0);
    for stream in &overview.streams {
        let recent = &stream.hours[stream.hours.len().saturating_sub(HOURS)..];
        for (sum, events) in hours.iter_mut().zip(recent) {
            *sum += events;
        }
        files += stream.week.files;
        size += stream.week.bytes;
    }
    let most = hours.iter().copied().max().unwrap_or_default();
    format!(
        "\nevents per hour of two days, at most {}:\n  |{}|\nseven days: {}, {}\n",
        count(most),
        sparkline(&hours),
        counted(files, "file"),
        bytes(size)
    )
}

/// Returns the table of `history`: a line for each run, and its message below it.
pub fn history(ledger: &Ledger) -> String {
    let notes = ledger.notes();
    let notes = notes.iter().map(|note| wrapped(note)).collect::<String>();
    if ledger.runs.is_empty() {
        return format!("no run is recorded\n{notes}");
    }
    let mut text = format!(
        "{:17}{:>9}{:>6}{:>9}{:>13}{:>12}{:>9}\n",
        "BEGAN (UTC)", "SECONDS", "CODE", "FILES", "EVENTS", "BYTES", "RETRIES"
    );
    for run in ledger.runs.iter().map(RunOverview::of) {
        let _ = writeln!(
            text,
            "{:17}{:>9}{:>6}{:>9}{:>13}{:>12}{:>9}",
            run.began.format("%Y-%m-%d %H:%M"),
            seconds(run.milliseconds).trim_end_matches(" s"),
            run.code,
            count(run.totals.files),
            count(run.totals.events),
            bytes(run.totals.bytes),
            count(run.retries),
        );
        text += &run
            .message
            .as_ref()
            .map(|message| wrapped(message))
            .unwrap_or_default();
    }
    text + &notes
}

fn seconds(milliseconds: i64) -> String {
    let milliseconds = milliseconds.max(0);
    format!("{}.{} s", milliseconds / 1_000, milliseconds % 1_000 / 100)
}

/// Returns a text in lines of at most [`WIDTH`] columns, indented. Control characters are escaped.
pub fn wrapped(text: &str) -> String {
    let text = escaped(text);
    filled(&text, ("  ", "    ")) + "\n"
}

/// Returns a text in lines of at most [`WIDTH`] columns, with the indents of its first and its further lines. A
/// word stays whole, so that a date can be read and a path can be copied.
pub fn filled(text: &str, (first, further): (&str, &str)) -> String {
    let options = textwrap::Options::new(WIDTH)
        .initial_indent(first)
        .subsequent_indent(further)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .break_words(false);
    textwrap::fill(text, options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_wrapped_at_the_edge_of_the_terminal() {
        let text = wrapped(&"word ".repeat(60));
        assert!(text.lines().count() > 3);
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH));
        assert!(text.lines().skip(1).all(|line| line.starts_with("    ")));
        assert_eq!(text.split_whitespace().count(), 60);
        assert_eq!(wrapped("short"), "  short\n");
        for whole in ["2026-11-28", &format!("/srv/a-{}", "b".repeat(WIDTH))] {
            let text = wrapped(&format!("{} {whole} end", "w".repeat(72)));
            assert!(text.split_whitespace().any(|word| word == whole), "{text}");
        }
    }
}
