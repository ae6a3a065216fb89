//! Tests of the ledger.

use super::*;
use crate::failure::Code;
use crate::spool::PublishedFile;

fn time(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

fn run(began: &str, events: u64) -> Run {
    let mut report = Report::default();
    report.stream("audit").files.push(PublishedFile {
        name: format!("audit_log_{events}.log"),
        bytes: events * 10,
        events: Some(events),
        sha256: "0a".repeat(32),
    });
    let times = (time(began), time(began) + TimeDelta::seconds(2));
    Run::of(("audit_collection", "0a1b2c3d"), times, &report, None)
}

#[expect(clippy::disallowed_methods, reason = "a damaged ledger")]
fn damage(state: &Path, day: &str, change: fn(Vec<u8>) -> Vec<u8>) {
    let path = state
        .join(logs::HISTORY)
        .join(format!("audit_collection_{day}.jsonl"));
    let text = std::fs::read(&path).expect("the ledger");
    std::fs::write(path, change(text)).expect("a disk");
}

fn read_all(state: &Path) -> Ledger {
    read(
        state,
        "audit_collection",
        time("2026-11-01T00:00:00Z"),
        time("2026-11-30T00:00:00Z"),
    )
}

#[test]
fn runs_are_read_in_order_from_their_first_day_on() {
    let state = tempfile::tempdir().unwrap();
    assert!(read_all(state.path()).runs.is_empty(), "no ledger yet");
    for began in [
        "2026-11-20T23:59:59Z",
        "2026-11-21T00:00:00Z",
        "2026-11-21T08:00:00Z",
    ] {
        append(state.path(), &run(began, 3)).unwrap();
    }
    let since = time("2026-11-21T00:00:00Z");
    let now = time("2026-11-30T00:00:00Z");
    let ledger = read(state.path(), "audit_collection", since, now);
    let began: Vec<_> = ledger.runs.iter().map(|run| run.began).collect();
    assert_eq!(began, [since, time("2026-11-21T08:00:00Z")]);
    assert_eq!((ledger.damaged, ledger.newer), (0, 0));
    let last = &ledger.runs[1];
    assert_eq!((last.files(), last.events(), last.bytes()), (1, 3, 30));
    assert!(
        read(state.path(), "siem_collection", since, now)
            .runs
            .is_empty()
    );
}

#[test]
fn a_line_that_cannot_be_read_is_counted_and_hides_no_other() {
    let later = |text: Vec<u8>| {
        let text = String::from_utf8(text).unwrap();
        text.replacen("\"schema\":1", "\"schema\":2", 1)
            .into_bytes()
    };
    let cut = |text: Vec<u8>| text[..text.len() - 40].to_vec();
    let zeros = |mut text: Vec<u8>| {
        let half = text.len() / 2;
        text[..half].fill(0);
        text
    };
    type Change = fn(Vec<u8>) -> Vec<u8>;
    let changes: [(&str, Change, u64, u64); 3] = [
        ("later", later, 0, 1),
        ("cut", cut, 1, 0),
        ("zeros", zeros, 1, 0),
    ];
    for (name, change, damaged, newer) in changes {
        let state = tempfile::tempdir().unwrap();
        append(state.path(), &run("2026-11-20T08:00:00Z", 3)).unwrap();
        damage(state.path(), "2026-11-20", change);
        append(state.path(), &run("2026-11-20T09:00:00Z", 4)).unwrap();
        let ledger = read_all(state.path());
        assert_eq!((ledger.damaged, ledger.newer), (damaged, newer), "{name}");
        assert_eq!(ledger.runs.len(), 1, "{name}");
        assert_eq!(ledger.runs[0].events(), 4, "{name}");
    }
}

#[test]
fn a_failed_run_is_entered_with_its_failure() {
    let state = tempfile::tempdir().unwrap();
    let failure = Failure::new(Code::Denied, "refused", "run authentication_setup");
    let times = (time("2026-11-20T08:00:00Z"), time("2026-11-20T08:00:01Z"));
    let name = ("audit_collection", "0a1b2c3d");
    let entry = Run::of(name, times, &Report::default(), Some(&failure));
    append(state.path(), &entry).unwrap();
    let ledger = read_all(state.path());
    let told = ledger.runs[0].failure.as_ref().expect("a failure");
    assert_eq!((ledger.runs[0].code, &*told.message), (77, "refused"));
}

#[test]
fn only_files_of_the_ledger_are_ours() {
    for (name, expected) in [
        ("audit_collection_2026-11-20.jsonl", true),
        ("audit_collection_2026-11-20.jsonl.tmp", false),
        ("audit_collection_2026-1-20.jsonl", false),
        ("siem_collection_2026-11-20.jsonl", false),
        ("audit_collection.jsonl", false),
    ] {
        assert_eq!(is_ours(name, "audit_collection"), expected, "{name}");
    }
}

#[test]
fn what_is_not_a_ledger_is_named_and_hides_no_run() {
    let state = tempfile::tempdir().unwrap();
    append(state.path(), &run("2026-11-20T08:00:00Z", 3)).unwrap();
    let folder = state.path().join(logs::HISTORY);
    std::fs::create_dir(folder.join("audit_collection_2026-11-21.jsonl")).unwrap();
    append(state.path(), &run("2026-12-24T08:00:00Z", 5)).unwrap();
    let ledger = read_all(state.path());
    assert_eq!((ledger.runs.len(), ledger.future), (1, 1));
    assert!(ledger.unreadable[0].contains("2026-11-21"), "{ledger:?}");
    assert_eq!(ledger.notes().len(), 2);
}
