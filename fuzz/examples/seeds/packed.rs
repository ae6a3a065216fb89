//! Seeds of the packed formats: archives of API 1.0, and objects of API 2.0.

use std::io::{self, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;
use mimecast_collector_fuzz::zips::{Entry, Lie, Plan};

use crate::put;

const LINE: &str =
    "datetime=2026-11-20T16:47:41+0000|aCode=AAAAbbbb|acc=C0A0|Dir=Inbound|Act=Acc\n";

pub fn write() -> io::Result<()> {
    archives()?;
    false_archives()?;
    objects()
}

fn archives() -> io::Result<()> {
    let all = entries();
    put("archive", "empty", plan(&[]).bytes())?;
    put("archive", "one", plan(&all[..1]).bytes())?;
    put("archive", "all_forms", plan(&all).bytes())?;
    let mut large_end = plan(&all);
    large_end.is_zip64 = true;
    put("archive", "large_end", large_end.bytes())?;
    let mut comment = plan(&all[..2]);
    comment.comment = b"a comment".to_vec();
    put("archive", "comment", comment.bytes())?;
    let bytes = plan(&all).bytes();
    put("archive", "cut", &bytes[..bytes.len() - 30])?;
    put("archive", "bytes_behind", [&bytes[..], b"more"].concat())?;
    put("archive", "bytes_before", [b"more", &bytes[..]].concat())?;
    put("archive", "no_archive", "<html>busy</html>")
}

/// Writes archives in which the second of two entries is false in one way.
fn false_archives() -> io::Result<()> {
    let receipt = entry("receipt_20261120.siem");
    for (name, lie) in [
        ("checksum", Lie::Checksum(7)),
        ("size", Lie::Size(7)),
        ("large_size", Lie::Size(u32::MAX - 1)),
        ("packed_size", Lie::Packed(7)),
        ("offset", Lie::Offset(7)),
        ("encrypted", Lie::Flags(1)),
        ("method", Lie::Method(12)),
        ("link", Lie::Mode(0o120_777)),
        ("local_name", Lie::LocalName),
    ] {
        let mut lying = receipt.clone();
        lying.lie = Some(lie);
        let bytes = plan(&[receipt.clone(), lying]).bytes();
        put("archive", &format!("lie_{name}"), bytes)?;
    }
    Ok(())
}

/// Returns one entry of each form.
fn entries() -> [Entry; 5] {
    let mut stored = entry("process_20261120.siem");
    stored.is_stored = true;
    let mut streamed = entry("delivery_20261120.siem");
    streamed.is_streamed = true;
    let mut large = entry("jrnl_20261120.siem");
    large.is_zip64 = true;
    let folder = Entry {
        name: "/".to_owned(),
        is_stored: true,
        ..Entry::default()
    };
    [
        entry("receipt_20261120.siem"),
        stored,
        streamed,
        large,
        folder,
    ]
}

fn entry(name: &str) -> Entry {
    let (name, data) = (name.to_owned(), LINE.as_bytes().to_vec());
    Entry {
        name,
        data,
        repeats: 3,
        ..Entry::default()
    }
}

fn plan(entries: &[Entry]) -> Plan {
    Plan {
        entries: entries.to_vec(),
        ..Plan::default()
    }
}

fn objects() -> io::Result<()> {
    let line =
        "{\"_offset\":103,\"accountId\":\"C0A0\",\"subtype\":\"true\",\"type\":\"delivery\"}\n";
    let packed = gzip(line);
    put("object", "one_line", &packed)?;
    put("object", "no_lines", gzip(""))?;
    put("object", "two_members", packed.repeat(2))?;
    put("object", "no_last_break", gzip(line.trim_end()))?;
    put("object", "cut", &packed[..packed.len() - 5])?;
    put("object", "zeros_behind", [&packed[..], &[0; 9]].concat())?;
    put(
        "object",
        "odd_lines",
        gzip("[1]\n\n}\n{\"type\":\n{\"type\":1,\"type\":2}\r\n{\"eventType\":1}"),
    )?;
    put(
        "object",
        "nested",
        gzip(&format!(
            "{{\"type\":{}1{}}}\n",
            "[".repeat(300),
            "]".repeat(300)
        )),
    )?;
    put("object", "repetitive", gzip(&line.repeat(500)))?;
    put("object", "page", "<html>busy</html>")
}

fn gzip(lines: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder
        .write_all(lines.as_bytes())
        .expect("memory takes all");
    encoder.finish().expect("memory takes all")
}
