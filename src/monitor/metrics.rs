//! The overview as metrics, in the text format of Prometheus, for node_exporter and windows_exporter.
//!
//! Vendor: <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use chrono::{DateTime, Utc};
use prometheus::{GaugeVec, Opts, Registry, TextEncoder};

use super::destination::DestinationOverview;
use super::overview::Overview;
use super::stream::StreamOverview;

/// A value of a program, with its name and its description.
type OfProgram = (&'static str, &'static str, fn(&Overview) -> Option<f64>);
/// A value of a stream.
type OfStream = (
    &'static str,
    &'static str,
    fn(&StreamOverview, DateTime<Utc>) -> Option<f64>,
);

/// A value of a destination.
type OfDestination = (
    &'static str,
    &'static str,
    fn(&DestinationOverview) -> Option<f64>,
);

const OF_PROGRAM: [OfProgram; 7] = [
    (
        "mimecast_last_run_timestamp_seconds",
        "Start of the last run.",
        |overview| overview.last_run.as_ref().map(|run| seconds(run.began)),
    ),
    (
        "mimecast_last_run_duration_seconds",
        "Duration of the last run.",
        |overview| {
            let run = overview.last_run.as_ref();
            run.map(|run| run.milliseconds as f64 / 1_000.0)
        },
    ),
    (
        "mimecast_last_run_exit_code",
        "Exit code of the last run.",
        |overview| overview.last_run.as_ref().map(|run| f64::from(run.code)),
    ),
    (
        "mimecast_last_run_requests",
        "Requests that the last run sent.",
        |overview| overview.last_run.as_ref().map(|run| run.requests as f64),
    ),
    (
        "mimecast_last_run_retries",
        "Requests that the last run repeated.",
        |overview| overview.last_run.as_ref().map(|run| run.retries as f64),
    ),
    ("mimecast_week_runs", "Runs of seven days.", |overview| {
        Some(overview.runs.len() as f64)
    }),
    (
        "mimecast_keys_expire_timestamp_seconds",
        "When the keys of API 1.0 expire, if Mimecast has said it.",
        |overview| overview.keys_expire_at.map(seconds),
    ),
];

const OF_STREAM: [OfStream; 13] = [
    (
        "mimecast_last_success_timestamp_seconds",
        "End of the last run that collected the stream completely.",
        |stream, _| stream.last_success.map(seconds),
    ),
    (
        "mimecast_newest_event_timestamp_seconds",
        "Time of the newest published event.",
        |stream, _| stream.newest_event.map(seconds),
    ),
    (
        "mimecast_lag_seconds",
        "Age of the newest published event at the end of the last run.",
        |stream, now| stream.newest_event.map(|time| seconds(now) - seconds(time)),
    ),
    (
        "mimecast_data_loss_timestamp_seconds",
        "When Mimecast deletes the first event that may not be collected yet.",
        |stream, _| stream.loses_data_at.map(seconds),
    ),
    (
        "mimecast_last_run_files",
        "Files that the last run published.",
        |stream, _| Some(stream.last_run.files as f64),
    ),
    (
        "mimecast_last_run_events",
        "Events that the last run published.",
        |stream, _| Some(stream.last_run.events as f64),
    ),
    (
        "mimecast_last_run_bytes",
        "Bytes that the last run published.",
        |stream, _| Some(stream.last_run.bytes as f64),
    ),
    (
        "mimecast_week_files",
        "Files that were published in seven days.",
        |stream, _| Some(stream.week.files as f64),
    ),
    (
        "mimecast_week_events",
        "Events that were published in seven days.",
        |stream, _| Some(stream.week.events as f64),
    ),
    (
        "mimecast_week_bytes",
        "Bytes that were published in seven days.",
        |stream, _| Some(stream.week.bytes as f64),
    ),
    ("mimecast_week_gaps", "Gaps of seven days.", |stream, _| {
        Some(stream.gaps.len() as f64)
    }),
    (
        "mimecast_quarantined",
        "Answers in the quarantine.",
        |stream, _| Some(stream.quarantined as f64),
    ),
    (
        "mimecast_state_readable",
        "1 if the state of the stream is readable, else 0.",
        |stream, _| Some(f64::from(u8::from(stream.unreadable.is_none()))),
    ),
];

const OF_DESTINATION: [OfDestination; 7] = [
    (
        "mimecast_delivery_waiting_files",
        "Files that wait for the destination.",
        |destination| Some(destination.waiting_files as f64),
    ),
    (
        "mimecast_delivery_waiting_bytes",
        "Bytes that wait for the destination.",
        |destination| Some(destination.waiting_bytes as f64),
    ),
    (
        "mimecast_delivery_oldest_timestamp_seconds",
        "Commit of the oldest file that waits.",
        |destination| destination.oldest.map(seconds),
    ),
    (
        "mimecast_delivery_behind_since_timestamp_seconds",
        "Since when files wait that could not be delivered.",
        |destination| destination.behind_since.map(seconds),
    ),
    (
        "mimecast_delivery_confirmed_timestamp_seconds",
        "Last confirmation by the destination.",
        |destination| destination.confirmed_at.map(seconds),
    ),
    (
        "mimecast_delivery_week_events",
        "Events that were confirmed in seven days.",
        |destination| Some(destination.week_events as f64),
    ),
    (
        "mimecast_delivery_week_refused",
        "Events of seven days that the destination refused.",
        |destination| Some(destination.week_refused as f64),
    ),
];

/// Returns the metrics of several collectors.
pub fn metrics(overviews: &[Overview]) -> String {
    let registry = Registry::new();
    for (name, help, value) in OF_PROGRAM {
        let gauge = gauge(&registry, name, help, &["program"]);
        for overview in overviews {
            if let Some(value) = value(overview) {
                gauge.with_label_values(&[overview.program]).set(value);
            }
        }
    }
    for (name, help, value) in OF_STREAM {
        let gauge = gauge(&registry, name, help, &["program", "stream"]);
        for overview in overviews {
            for stream in &overview.streams {
                if let Some(value) = value(stream, overview.now) {
                    let labels = [overview.program, &*stream.name];
                    gauge.with_label_values(&labels).set(value);
                }
            }
        }
    }
    for (name, help, value) in OF_DESTINATION {
        let gauge = gauge(&registry, name, help, &["destination"]);
        // any collector delivers whatever waits, so that each knows all
        for destination in overviews
            .iter()
            .take(1)
            .flat_map(|overview| &overview.destinations)
        {
            if let Some(value) = value(destination) {
                gauge.with_label_values(&[&*destination.name]).set(value);
            }
        }
    }
    TextEncoder::new()
        .encode_to_string(&registry.gather())
        .expect("every metric has a name")
}

fn gauge(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
    let gauge = GaugeVec::new(Opts::new(name, help), labels).expect("a valid name");
    let registered = registry.register(Box::new(gauge.clone()));
    registered.expect("each name is registered once");
    gauge
}

fn seconds(time: DateTime<Utc>) -> f64 {
    time.timestamp_millis() as f64 / 1_000.0
}

/// Returns the names of all metrics, in the order of the page that lists them.
#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let of_program = OF_PROGRAM.iter().map(|(name, ..)| *name);
    let of_destination = OF_DESTINATION.iter().map(|(name, ..)| *name);
    of_program
        .chain(OF_STREAM.iter().map(|(name, ..)| *name))
        .chain(of_destination)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_lists_every_metric_in_order() {
        let page = include_str!("../../docs/watch.md");
        let rows = page
            .lines()
            .filter_map(|line| line.strip_prefix("| `mimecast_"));
        let listed = rows.filter_map(|row| row.split('`').next());
        let names = super::names().filter_map(|name| name.strip_prefix("mimecast_"));
        assert!(listed.eq(names));
    }
}
