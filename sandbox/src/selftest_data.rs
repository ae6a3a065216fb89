//! Proof that the sandbox hands its data out as recorded: cursors, pages, archives.

use std::collections::HashSet;

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use crate::by_hand::{audit, owned_lines, siem, unpack};
use crate::{
    AuditEvent, Batch, FLAG_ENCRYPTED, LOG_TYPES, PurgedToken, Sandbox, ZipEntry, ZipFile, tokens,
    zip_of,
};

#[test]
fn drains_three_batches_by_token() {
    let sandbox = Sandbox::start();
    for seed in 0..3 {
        sandbox.serve(Batch::realistic(seed, 40));
    }
    let mut lines = Vec::new();
    let mut objects = Vec::new();
    let mut token = String::new();
    for _ in 0..3 {
        let first = siem(&token, "key_value").send(&sandbox);
        let again = siem(&token, "key_value").send(&sandbox);
        assert_eq!(
            first.body, again.body,
            "a cursor leads to the same batch every time"
        );
        let disposition = first.header("content-disposition");
        assert!(
            disposition.starts_with("attachment; filename=\"") && disposition.ends_with(".zip\"")
        );
        lines.extend(
            unpack(&first.body)
                .iter()
                .flat_map(|(_, text)| owned_lines(text)),
        );
        for (name, text) in unpack(&siem(&token, "JSON").send(&sandbox).body) {
            assert!(name.ends_with(".json"));
            let document: Value = serde_json::from_str(&text).expect("a document");
            objects.extend(document["data"].as_array().expect("a list").clone());
        }
        token = first.header("mc-siem-token").to_owned();
        assert!(
            token.starts_with("eN") && (270..=300).contains(&token.len()),
            "{token}"
        );
    }
    let last = siem(&token, "key_value").send(&sandbox);
    assert_eq!(last.json()["meta"]["isLastToken"], json!(true));
    assert_eq!(last.header("mc-siem-token"), "");
    assert_eq!(lines, sandbox.siem_lines());
    assert_eq!(objects, sandbox.siem_objects());
    assert_eq!(
        lines.iter().collect::<HashSet<_>>().len(),
        120,
        "every line is distinct"
    );
    assert_eq!(objects.len(), 120);
}

#[test]
fn answers_purged_and_foreign_tokens() {
    let sandbox = Sandbox::start();
    for number in 0..4 {
        let line = format!("datetime={number}\n");
        sandbox.serve(Batch::files(&[(
            "receipt_20261120000000000.siem",
            line.as_bytes(),
        )]));
    }
    let token = siem("", "key_value")
        .send(&sandbox)
        .header("mc-siem-token")
        .to_owned();
    sandbox.purge(3);
    let jumped = siem(&token, "key_value").send(&sandbox);
    assert_eq!(unpack(&jumped.body)[0].1, "datetime=3\n");
    assert_eq!(sandbox.siem_lines(), [b"datetime=0", b"datetime=3"]);
    sandbox.set(|switches| switches.siem_purged_before = PurgedToken::Refuse400);
    assert_eq!(siem(&token, "key_value").send(&sandbox).status, 400);
    let mut foreign = token.into_bytes();
    foreign[100] = if foreign[100] == b'A' { b'B' } else { b'A' };
    let foreign = String::from_utf8(foreign).expect("still ASCII");
    let answer = siem(&foreign, "key_value").send(&sandbox);
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (200, "err_audit_siem_invalid_token")
    );
}

#[test]
fn pages_the_audit_journal_newest_first() {
    let sandbox = Sandbox::start();
    let end = Utc::now() - TimeDelta::minutes(1);
    let start = end - TimeDelta::seconds(24);
    let event = |n: i64| AuditEvent::realistic((n + 100) as u64, start + TimeDelta::seconds(n));
    // Late ones after the others; the first and the last second belong to the window, their neighbours do not.
    sandbox.audit((0..20).map(event));
    sandbox.audit((-1..0).chain(20..26).map(event));
    let mut ids = Vec::new();
    let mut token = None;
    for size in [10, 10, 5] {
        let answer = audit((start, end), token.as_deref()).send(&sandbox).json();
        let pagination = &answer["meta"]["pagination"];
        assert_eq!(pagination["pageSize"], json!(size));
        let items = answer["data"].as_array().expect("a list");
        ids.extend(
            items
                .iter()
                .map(|item| item["id"].as_str().expect("a text").to_owned()),
        );
        token = pagination["next"].as_str().map(str::to_owned);
    }
    assert_eq!(token, None);
    ids.reverse();
    assert_eq!(ids, sandbox.audit_ids()[1..26]);
    assert!(
        ids.iter().all(|id| (180..=250).contains(&id.len())),
        "{}",
        ids[0]
    );
    let inside = tokens::unpack(&ids[0]).expect("of the recorded form");
    assert_eq!(inside["customercode"], json!("CUSA00A000"));
    let events = sandbox.audit_events();
    assert_eq!(events[3], event(2));

    let empty = (end - TimeDelta::hours(2), end - TimeDelta::hours(1));
    let answer = audit(empty, None).send(&sandbox).json();
    assert_eq!(answer["meta"]["pagination"], json!({"pageSize": 0}));
    let too_old = Utc::now() - TimeDelta::days(61);
    assert_eq!(audit((too_old, too_old), None).send(&sandbox).status, 400);
    assert!(sandbox.complaints().is_empty());
    sandbox.allow_complaints();
    let token = tokens::page(10, 10, empty);
    assert_eq!(audit((start, end), Some(&token)).send(&sandbox).status, 400);
    assert_eq!(sandbox.complaints().len(), 1);
}

#[test]
fn every_log_type_occurs_and_survives_both_renderings() {
    let batch = Batch::realistic(7, 1000);
    let lines = batch.lines();
    assert_eq!(lines.iter().collect::<HashSet<_>>().len(), 1000);
    assert!(
        lines
            .iter()
            .all(|line| line.starts_with(b"datetime=") && !line.contains(&b'\n'))
    );
    let sandbox = Sandbox::start();
    sandbox.serve(batch);
    let members = unpack(&siem("", "key_value").send(&sandbox).body);
    let names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
    let expected = LOG_TYPES.map(|log_type| format!("{log_type}_20261120033000000.siem"));
    assert_eq!(names, expected);
    let plain = unpack(&zip_of(&[("ä.siem", b"x"), ("empty", b"")]));
    assert_eq!(
        plain,
        [
            ("ä.siem".to_owned(), "x".to_owned()),
            ("empty".to_owned(), String::new())
        ]
    );
}

#[test]
fn builds_archives_that_lie() {
    let read = |file: &ZipFile| {
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(file.bytes()))?;
        let mut entry = archive.by_index(0)?;
        std::io::copy(&mut entry, &mut std::io::sink())?;
        Ok::<_, zip::result::ZipError>((entry.is_symlink(), entry.size()))
    };
    let of = |entry: ZipEntry| ZipFile::new([entry]);
    let plain = ZipEntry::new("receipt_1.siem", "datetime=1\n");
    assert_eq!(
        read(&of(plain.clone().streamed())).expect("sound"),
        (false, 11)
    );
    let link = read(&of(ZipEntry::symlink("link", "/etc/passwd")));
    assert_eq!(link.expect("a link"), (true, 11));
    let surrounded = ZipFile {
        before: b"in front".to_vec(),
        comment: b"a comment".to_vec(),
        ..of(plain.clone().stored())
    };
    assert_eq!(read(&surrounded).expect("sound"), (false, 11));
    let lies = [
        ZipEntry {
            declared_crc: Some(1),
            ..plain.clone()
        },
        ZipEntry {
            method: 99,
            ..plain.clone()
        },
        ZipEntry {
            flags: FLAG_ENCRYPTED,
            ..plain.clone()
        },
        ZipEntry {
            packed: Some(b"no deflate stream".to_vec()),
            ..plain
        },
    ];
    for lie in lies {
        assert!(read(&of(lie.clone())).is_err(), "{lie:?}");
    }
}
