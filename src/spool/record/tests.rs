//! Tests of the record and its bytes.

use super::*;
use crate::spool::seen::Digest;
use proptest::prelude::*;

fn sample() -> Record {
    let mut record = Record::first("siem", "CUSA00A000");
    record.sequence = 7;
    record.position = Some("eNoAfter".to_owned());
    record.before = Some("eNoBefore".to_owned());
    record.pending.push(Move {
        staged: "siem-0a1b2c3d-7-1.staged".to_owned(),
        name: "receipt_20261120000000000_0123456789abcdef.siem".to_owned(),
        size: 12,
        sha256: digest(b"x"),
        events: Some(1),
    });
    record.added.extend([(1_700_000_000, Digest::of(b"id"))]);
    record
}

#[test]
fn the_bytes_of_version_1_stay_readable() {
    let body = r#"{"format":1,"stream":"siem","account":"CUSA00A000","sequence":3,"position":"t","before":null,"pending":[],"seen":{"471854":"AAAAAAAAAAAAAAAAAAAAAQ"},"added":{},"last_success":"2026-11-20T10:00:00Z","not_before":null}"#;
    let text = format!(
        "mimecast-collector-state {}\n{body}\n",
        digest(body.as_bytes())
    );
    let record = Record::decode(text.as_bytes()).unwrap();
    assert_eq!(record.position.as_deref(), Some("t"));
    assert_eq!(record.last_success.unwrap().timestamp(), 1_795_168_800);
    assert_eq!(record.seen.len(), 1);
    assert!(record.gaps.is_empty());
}

#[test]
fn a_later_version_is_told_from_damage() {
    let mut record = sample();
    record.format = FORMAT + 1;
    let refused = Err(Refusal::Newer(FORMAT + 1));
    assert_eq!(Record::decode(&record.encode()), refused);
}

#[test]
fn a_record_that_names_a_foreign_file_is_damaged() {
    for (staged, name) in [
        ("../x.staged", "receipt_0123456789abcdef.siem"),
        (
            "siem-0a1b2c3d-7-1.staged",
            "../receipt_0123456789abcdef.siem",
        ),
        ("siem-0a1b2c3d-7-1.staged", "notes.txt"),
    ] {
        let mut record = sample();
        record.pending[0].staged = staged.to_owned();
        record.pending[0].name = name.to_owned();
        assert!(matches!(
            Record::decode(&record.encode()),
            Err(Refusal::Damaged(_))
        ));
    }
}

#[test]
fn a_cut_or_a_flipped_bit_anywhere_is_noticed() {
    let bytes = sample().encode();
    for at in 0..bytes.len() {
        assert!(Record::decode(&bytes[..at]).is_err(), "cut at {at}");
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            assert!(Record::decode(&flipped).is_err(), "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn going_back_forgets_what_the_batch_added() {
    let mut record = sample();
    record.undo_batch();
    assert_eq!(record.position.as_deref(), Some("eNoBefore"));
    assert!(record.pending.is_empty() && record.added.len() + record.seen.len() == 0);
}

proptest! {
    #[test]
    fn every_record_is_read_back_as_it_was_written(
        position in prop::option::of(".*"),
        account in ".*",
        sequence in any::<u64>(),
        ids in prop::collection::vec((0_i64..4_000_000_000, any::<u64>()), 0..40),
        seconds in prop::option::of(0_i64..4_000_000_000),
        pending in 0_usize..4,
        damage in any::<(prop::sample::Index, u8)>(),
    ) {
        let mut record = Record { position, account, sequence, ..sample() };
        record.pending = vec![record.pending[0].clone(); pending];
        let ids = ids.iter().map(|(second, id)| (*second, Digest::of(&id.to_be_bytes())));
        record.seen.extend(ids);
        record.last_success = seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 7));
        let mut bytes = record.encode();
        prop_assert_eq!(Record::decode(&bytes), Ok(record));
        let at = damage.0.index(bytes.len());
        bytes[at] ^= damage.1.max(1);
        prop_assert!(Record::decode(&bytes).is_err());
    }

    #[test]
    fn decoding_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Record::decode(&bytes).is_err());
    }
}

#[test]
fn what_is_written_is_read_back() {
    assert_eq!(Record::decode(&sample().encode()), Ok(sample()));
}
