//! `[monitor]`: metrics, page and check, after each run.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

use super::{ledger, lines_of};
use crate::harness::{Installation, SIEM};
use mimecast_sandbox::{Endpoint, changes};

/// The number in the last column of a line of metrics.
fn value(metrics: &str, name: &str) -> f64 {
    let line = metrics.lines().find(|line| line.starts_with(name));
    let number = line.and_then(|line| line.rsplit(' ').next());
    number
        .and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("{name} in {metrics}"))
}

#[test]
fn each_run_replaces_the_metrics_and_the_page_of_both_programs() {
    let place = Installation::configured(
        "[monitor]\nmetrics_file = \"mimecast.prom\"\nreport = \"report.html\"",
    );
    place.serve_batches(0..2, 30);
    place.siem().stays_silent();
    place.audit().stays_silent();
    let metrics = fs::read_to_string(place.path("mimecast.prom")).expect("metrics");
    let of_siem = "{program=\"siem_collection\",stream=\"siem\"}";
    let events = value(&metrics, &format!("mimecast_week_events{of_siem}"));
    assert_eq!(events, lines_of(&place) as f64);
    let code = "mimecast_last_run_exit_code{program=\"audit_collection\"}";
    assert_eq!(value(&metrics, code), 0.0);
    assert!(
        metrics
            .lines()
            .all(|line| line.starts_with("# ") || line.starts_with("mimecast_"))
    );
    let page = fs::read_to_string(place.path("report.html")).expect("a page");
    assert!(page.contains("siem_collection") && page.contains("audit_collection"));
    assert!(!page.contains("<script") && !page.contains("http:") && !page.contains("https:"));
    place.next(Endpoint::Siem, changes::html_200());
    place.next(Endpoint::Siem, changes::html_200());
    place.siem().ends_with(76);
    let metrics = fs::read_to_string(place.path("mimecast.prom")).expect("metrics");
    let code = "mimecast_last_run_exit_code{program=\"siem_collection\"}";
    assert_eq!(value(&metrics, code), 76.0);
    let left = fs::read_dir(place.path(".")).expect("a folder");
    let names = left.map(|entry| entry.expect("an entry").file_name().into_string());
    assert!(names.flatten().all(|name| !name.ends_with(".tmp")));
}

#[test]
fn files_of_monitor_that_cannot_be_written_do_not_fail_a_run() {
    let place = Installation::configured("[monitor]\nreport = \"nowhere/report.html\"");
    place.serve_batches(0..1, 10);
    place.siem().stays_silent();
    assert!(
        place
            .log("siem")
            .contains("could not write a file of [monitor]")
    );
    let place = Installation::configured("[monitor]\nreport = \"data/mta/report.html\"");
    place.siem_says(78, "report in [monitor]: is inside mta");
}

#[test]
fn text_from_outside_is_escaped_on_the_page() {
    let place = Installation::with_batches(0..1, 10);
    place.siem().stays_silent();
    place.rewrite_record("siem", |record| {
        record["untold"] = serde_json::json!(["<img src=x onerror=alert(1)>"]);
    });
    let page = place.path("page.html");
    place
        .run(
            SIEM,
            ["status".as_ref(), "--html".as_ref(), page.as_os_str()],
        )
        .ends_with(0);
    let page = fs::read_to_string(page).expect("a page");
    assert!(page.contains("&lt;img") && !page.contains("<img"), "{page}");
}

/// A check that answers every call with this status, and the paths that were called.
fn check(status: &'static str) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!(
        "http://{}/ping/canary-check",
        listener.local_addr().expect("an address")
    );
    let (called, calls) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut line = String::new();
            let mut reader = BufReader::new(stream.try_clone().expect("a copy"));
            reader.read_line(&mut line).expect("a request");
            let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\nOK");
            let _ = stream.write_all(answer.as_bytes());
            if called.send(path).is_err() {
                return;
            }
        }
    });
    (url, calls)
}

#[test]
fn a_run_calls_its_check_at_the_start_and_with_its_code() {
    let (url, calls) = check("200 OK");
    let place = Installation::configured(&format!("[monitor]\nping_url_siem = \"{url}\""));
    let called = || calls.try_iter().collect::<Vec<_>>();
    let path = "/ping/canary-check";
    place.siem().stays_silent();
    assert_eq!(called(), [format!("{path}/start"), path.to_owned()]);
    place.next(Endpoint::Siem, changes::html_200());
    place.next(Endpoint::Siem, changes::html_200());
    place.siem().ends_with(76);
    assert_eq!(called(), [format!("{path}/start"), format!("{path}/76")]);
    place.always(Endpoint::Siem, changes::status(503));
    place.siem().ends_with(75);
    assert_eq!(
        called(),
        [format!("{path}/start")],
        "the next run makes up for it"
    );
}

#[test]
fn a_check_that_fails_is_a_note_that_does_not_show_its_address() {
    for (status, why) in [
        ("500 Oh", "HTTP status 500"),
        ("302 Found", "HTTP status 302"),
    ] {
        let (url, _calls) = check(status);
        let place = Installation::configured(&format!("[monitor]\nping_url_siem = \"{url}\""));
        let report = place.run(SIEM, ["--json"]).ends_with(0).json();
        assert!(
            report["notes"][0]
                .as_str()
                .is_some_and(|note| note.contains(why)),
            "{report}"
        );
        assert!(!report.to_string().contains("canary-check"));
        assert!(!place.log("siem").contains("canary-check"));
    }
    let place =
        Installation::configured("[monitor]\nping_url_siem = \"http://127.0.0.1:9/canary-check\"");
    place.siem().stays_silent();
    assert!(!place.log("siem").contains("canary-check"));
    for address in [
        "http://checks.example.com/a",
        "ftp://127.0.0.1/a",
        "https://checks.example.com/a?b",
        "word",
    ] {
        place.configure(&format!("[monitor]\nping_url_siem = \"{address}\""));
        place.siem_says(78, "ping_url_siem in [monitor]: expected an https URL");
    }
}

#[test]
fn a_file_that_a_run_must_not_replace_is_refused_and_stays() {
    for path in [
        "config.toml",
        "./config.toml",
        "data/../credentials.toml",
        "checkpoint/siem.state",
        "checkpoint/siem.lock",
        "log/siem.html",
        "data/.collector/siem",
        "data/audit/report.html",
    ] {
        let place = Installation::connected();
        let before = fs::read(place.path("credentials.toml")).expect("readable");
        for key in ["report", "metrics_file"] {
            place.configure(&format!("[monitor]\n{key} = \"{path}\""));
            place.siem_says(78, &format!("{key} in [monitor]: is "));
        }
        place.configure("");
        let whole = place.path(path);
        place
            .run(
                SIEM,
                ["status".as_ref(), "--html".as_ref(), whole.as_os_str()],
            )
            .ends_with(64);
        assert_eq!(
            fs::read(place.path("credentials.toml")).expect("readable"),
            before
        );
        place.siem().stays_silent();
    }
    let same = "[monitor]\nreport = \"a.prom\"\nmetrics_file = \"./a.prom\"";
    Installation::configured(same).siem_says(78, "is the same file as metrics_file");
}

#[test]
fn a_run_that_fails_before_its_first_request_is_entered_and_told() {
    let (url, calls) = check("200 OK");
    let place = Installation::configured(&format!("[monitor]\nping_url_siem = \"{url}\""));
    fs::remove_dir(place.path("data/mta")).expect("removed");
    place.siem().ends_with(74);
    let called: Vec<String> = calls.try_iter().collect();
    assert!(called[1].ends_with("/74"), "{called:?}");
    let history = place.run(SIEM, ["history", "--json"]).json();
    assert_eq!(history["runs"][0]["code"], 74);
}

#[test]
fn odd_times_and_numbers_never_change_the_code_of_a_run() {
    let place = Installation::configured("[monitor]\nmetrics_file = \"m.prom\"");
    place.serve_batches(0..1, 10);
    place.siem().stays_silent();
    place.rewrite_record("siem", |record| {
        record["last_success"] = "+262142-12-31T00:00:00Z".into();
    });
    let path = ledger(&place);
    let good = fs::read_to_string(&path).expect("text");
    let odd = |began: &str, events: &str, name: &str| {
        let line: serde_json::Value =
            serde_json::from_str(good.lines().next().expect("a line")).expect("JSON");
        let mut line = line;
        line["began"] = began.into();
        line["ended"] = "0001-01-01T00:00:00Z".into();
        line["streams"]["siem"]["files"][0]["name"] = name.into();
        line["streams"]["siem"]["newest"] = "+262142-01-01T00:00:00Z".into();
        line.to_string()
            .replacen("\"events\":", &format!("\"events\":{events},\"was\":"), 1)
    };
    let now = chrono::Utc::now().to_rfc3339();
    let lines = [
        odd(&now, "18446744073709551615", "a"),
        odd(&now, "18446744073709551615", "b"),
        odd("+262142-01-01T00:00:00Z", "1", "c"),
        odd("-262142-01-01T00:00:00Z", "1", "d"),
    ];
    fs::write(&path, format!("{good}{}\n", lines.join("\n"))).expect("written");
    place.audit().stays_silent();
    for command in ["status", "history", "verify"] {
        let shown = place.run(SIEM, [command]).ends_with(0);
        assert!(shown.stdout.contains("in the future"), "{shown:?}");
    }
    place.run(crate::harness::SETUP, ["check"]).ends_with(65);
}

#[cfg(unix)]
#[test]
fn a_link_does_not_lead_a_report_into_the_state() {
    let place = Installation::connected();
    place.siem().stays_silent();
    std::os::unix::fs::symlink(place.path("checkpoint"), place.path("www")).expect("a link");
    place.configure("[monitor]\nreport = \"www/siem.state\"");
    place.siem_says(78, "report in [monitor]: is inside the state");
    // the state folder itself may be a link
    fs::rename(place.path("checkpoint"), place.path("real")).expect("moved");
    std::os::unix::fs::symlink(place.path("real"), place.path("checkpoint")).expect("a link");
    place.configure("[monitor]\nreport = \"real/siem.state\"");
    place.siem_says(78, "report in [monitor]: is inside the state");
}
