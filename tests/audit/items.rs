//! Events by themselves: their names, ids and times.

use chrono::TimeDelta;
use sha2::{Digest as _, Sha256};

use super::{JSON, ago, event, place, windows};

#[test]
fn a_file_is_named_by_its_window_and_its_content() {
    for (config, extension) in [("", "log"), (JSON, "json")] {
        let place = place(config);
        let time = ago(TimeDelta::minutes(5));
        place.serve_events([event(1, time)]);
        place.audit().stays_silent();
        let mut asked = windows(&place).into_iter();
        let around = asked.find(|(from, to)| *from <= time && time <= *to);
        let (from, to) = around.expect("it asked");
        let [from, to] = [from, to].map(|time| time.format("%Y%m%dt%H%M%Sz"));
        let files = place.files("audit");
        let (name, content) = files.first_key_value().expect("a file");
        let digest = Sha256::digest(content);
        let digest: String = digest[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(*name, format!("audit_log_{from}_{to}_{digest}.{extension}"));
        assert_eq!(files.len(), 1);
    }
}

#[test]
fn items_without_an_id_are_taken_once_each_and_odd_ones_are_kept_aside_once() {
    let place = place("");
    let time = ago(TimeDelta::minutes(10));
    let text = time.format("%Y-%m-%dT%H:%M:%S+0000");
    let nameless =
        format!(r#"{{"eventTime":"{text}","user":"u","auditType":"t","eventInfo":"i"}}"#);
    // two equal ones are two events; what is no object cannot become a line
    let raw = [&nameless, &nameless, "{}", "null", "[1]", "\"text\""];
    place.serve_events(raw.map(|raw| event(0, time).with_raw(raw)));
    place.audit_says(65, "audit items that are not events were kept in");
    assert_eq!(place.quarantined().len(), 2, "the bytes and a note");
    let line = format!("date={text}|mcType=auditLog|user=u|auditType=\"t\"|eventInfo=\"i");
    let empty = "date=|mcType=auditLog|user=|auditType=\"\"|eventInfo=\"";
    let mut expected = [&line, &line, empty].map(|line| line.as_bytes().to_vec());
    expected.sort_unstable();
    assert_eq!(place.lines("audit"), expected);
    place.audit().stays_silent();
    place.serve_events([event(0, time).with_raw(&nameless)]);
    place.audit().stays_silent();
    assert_eq!(
        place.lines("audit").len(),
        4,
        "a third one is new, the first two are not"
    );
}

#[test]
fn an_event_comes_once_whatever_its_time_says() {
    let place = place(JSON);
    let times = [
        "1970-01-01T00:00:00+0000",
        "2099-12-31T23:59:59+0000",
        "-262143-01-01T00:00:00Z",
        "0000-00-00T99:99:99+0000",
        "yesterday",
        "",
    ];
    let usual = ago(TimeDelta::minutes(10));
    let wild = (0..).zip(times).map(|(number, time)| {
        let text = event(number, usual).json();
        let stamp = usual.format("%Y-%m-%dT%H:%M:%S+0000").to_string();
        assert!(text.contains(&stamp), "{text}");
        event(number, usual).with_raw(text.replace(&stamp, time))
    });
    place.serve_events(wild);
    for run in 0..3 {
        place.serve_events([event(100 + run, ago(TimeDelta::minutes(5)))]);
        place.audit().stays_silent();
    }
    place.assert_audit_complete();
}
