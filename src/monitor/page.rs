//! The overview as a page: one file that loads nothing from elsewhere and runs no script.

use std::fmt::Write as _;

use chrono::TimeDelta;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::overview::{Overview, RunOverview};
use super::stream::StreamOverview;
use super::words::{age, ago, bytes, count, counted, minute};

const STYLE: &str = include_str!("page.css");
/// The width and the height of a plot of hours, in units of the drawing.
const PLOT: (usize, usize) = (336, 40);

/// Returns the page of several collectors.
pub fn page(overviews: &[Overview]) -> String {
    let made = overviews.first().map(|overview| minute(overview.now));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy"
                    content="default-src 'none'; style-src 'unsafe-inline'";
                title { "Mimecast collector" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { "Mimecast collector" }
                    p { "As of " (made.unwrap_or_default()) }
                }
                main { @for overview in overviews { (collector(overview)) } }
                footer { "Version " (env!("CARGO_PKG_VERSION")) ". Times are in UTC." }
            }
        }
    };
    page.into_string()
}

fn collector(overview: &Overview) -> Markup {
    let notes = overview.all_notes();
    html! {
        section {
            h2 { (overview.program) " " (verdict(overview, &notes)) }
            p.facts {
                @if overview.account.is_empty() { "No account yet" } @else { "Account " (overview.account) }
                ", API " (overview.api) ". " (last_run(overview))
            }
            @if !notes.is_empty() {
                ul.notes { @for note in &notes { li { (note) } } }
            }
            h3 { "Runs of seven days" }
            (runs(overview))
            h3 { "Streams" }
            div.scroll { (streams(overview)) }
            @if !overview.destinations.is_empty() {
                h3 { "Destinations" }
                div.scroll { (destinations(overview)) }
            }
        }
    }
}

/// Returns the word that says if a person is needed.
fn verdict(overview: &Overview, notes: &[String]) -> Markup {
    let is_late = overview
        .late()
        .is_some_and(|late| late > TimeDelta::hours(1));
    let (class, word) = match &overview.last_run {
        _ if is_late => ("bad", "does not run"),
        None => ("unknown", "no run yet"),
        Some(run) if run.needs_person() => ("bad", "needs a person"),
        Some(run) if run.code != 65 && notes.is_empty() => ("good", "well"),
        Some(_) => ("look", "look at it"),
    };
    html! { span.verdict.(class) { (word) } }
}

fn last_run(overview: &Overview) -> String {
    let Some(run) = &overview.last_run else {
        return "No run is recorded.".to_owned();
    };
    let mut text = format!(
        "The last run was {} and ended with {}",
        ago(Some(run.began), overview.now),
        run.code
    );
    if let Some(message) = &run.message {
        let _ = write!(text, ": {message}");
    }
    match (overview.late(), overview.next_run) {
        (Some(late), _) if late >= TimeDelta::minutes(1) => {
            let _ = write!(text, ". The next is {} late.", age(late));
        }
        (_, Some(next)) => {
            let _ = write!(text, ". The next is expected at {}.", next.format("%H:%M"));
        }
        _ => text.push('.'),
    }
    text
}

/// Returns a strip with a mark for each run.
fn runs(overview: &Overview) -> Markup {
    let week = 7.0 * 24.0 * 60.0;
    let place = |run: &RunOverview| {
        let minutes = (overview.now - run.began).num_minutes() as f64;
        format!("{:.1}", 1_000.0 * (1.0 - minutes / week))
    };
    let class = |run: &RunOverview| match run.code {
        0 => "good",
        _ if run.needs_person() => "bad",
        _ => "look",
    };
    let total = counted(overview.runs.len() as u64, "run");
    let failed = overview.runs.iter().filter(|run| run.code != 0).count();
    let label = format!("{total}, {failed} of them did not end with 0");
    html! {
        svg.runs viewBox="0 0 1000 24" preserveAspectRatio="none" role="img" aria-label=(label) {
            @for run in &overview.runs {
                rect class=(class(run)) x=(place(run)) y="0" width="2" height="24" {
                    title { (minute(run.began)) ", exit code " (run.code) }
                }
            }
        }
        p.facts { (label) "." }
    }
}

fn streams(overview: &Overview) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th { "Stream" }
                    th { "Events per hour, seven days" }
                    th.number { "At most" }
                    th.number { "Seven days" }
                    th.number { "Size" }
                    th.number { "Newest event" }
                    th.number { "Last success" }
                }
            }
            tbody {
                @for stream in &overview.streams {
                    tr {
                        th { (stream.name) }
                        td { (hours(stream)) }
                        td.number { (count(stream.hours.iter().copied().max().unwrap_or_default())) }
                        td.number { (count(stream.week.events)) }
                        td.number { (bytes(stream.week.bytes)) }
                        td.number { (ago(stream.newest_event, overview.now)) }
                        td.number { (ago(stream.last_success, overview.now)) }
                    }
                }
            }
        }
    }
}

fn destinations(overview: &Overview) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th { "Destination" }
                    th { "Type" }
                    th.number { "Files wait" }
                    th.number { "Size" }
                    th.number { "Oldest" }
                    th.number { "Seven days" }
                    th.number { "Confirmed" }
                }
            }
            tbody {
                @for destination in &overview.destinations {
                    tr {
                        th { (destination.name) }
                        td { (destination.kind) }
                        td.number { (count(destination.waiting_files)) }
                        td.number { (bytes(destination.waiting_bytes)) }
                        td.number { (ago(destination.oldest, overview.now)) }
                        td.number { (count(destination.week_events)) }
                        td.number { (ago(destination.confirmed_at, overview.now)) }
                    }
                }
            }
        }
    }
}

/// Returns the bars of a stream, relative to its own largest hour.
fn hours(stream: &StreamOverview) -> Markup {
    let (width, height) = PLOT;
    let most = stream
        .hours
        .iter()
        .copied()
        .max()
        .unwrap_or_default()
        .max(1);
    let bar = width / stream.hours.len().max(1);
    let mut path = String::new();
    for (hour, events) in stream
        .hours
        .iter()
        .enumerate()
        .filter(|(_, events)| **events > 0)
    {
        let tall = (*events as f64 / most as f64 * height as f64).max(1.0);
        let (left, top) = (hour * bar, height as f64 - tall);
        let _ = write!(path, "M{left} {height}V{top:.1}h{bar}V{height}z");
    }
    let label = format!(
        "{}: {} events in seven days",
        stream.name,
        count(stream.week.events)
    );
    html! {
        svg.hours viewBox=(format!("0 0 {width} {height}")) role="img" aria-label=(label) {
            // an element of SVG without an end tag would hold all that follow
            @for day in 1..7 { line x1=(day * 24 * bar) x2=(day * 24 * bar) y1="0" y2=(height) {} }
            path d=(path) {}
        }
    }
}
