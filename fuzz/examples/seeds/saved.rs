//! Seeds of saved files: state records, and configurations.

use std::io;

use mimecast_collector::fuzzing::EXAMPLE;
use mimecast_collector_fuzz::{sealed, sha256};

use crate::put;

pub fn write() -> io::Result<()> {
    records()?;
    configurations()
}

fn records() -> io::Result<()> {
    let digest = sha256(b"x");
    let record = |pending: &str, more: &str| {
        format!(
            r#"{{"format":1,"stream":"siem","account":"C0A0","sequence":3,"position":"eNoAfter","before":null,"pending":[{pending}],"seen":{{"498658":"AAAAAAAAAAAAAAAAAAAAAQ"}},"added":{{}},"last_success":"2026-11-20T10:00:00Z","not_before":null{more}}}"#
        )
    };
    let moved = |staged: &str, name: &str| {
        format!(r#"{{"staged":"{staged}","name":"{name}","size":12,"sha256":"{digest}"}}"#)
    };
    let ours = moved(
        "siem-0a1b2c3d-7-1.staged",
        &format!("receipt_20261120_{}.siem", &digest[..16]),
    );
    let gap = r#","gaps":[{"from":null,"to":"2026-11-20T10:00:00.5+02:00","reason":"r"}]"#;
    for (name, body) in [
        ("settled", record("", "")),
        ("pending", record(&ours, "")),
        ("gap", record(&ours, gap)),
        ("later_field", record("", r#","later":[1]"#)),
        (
            "later_version",
            record("", "").replace("\"format\":1", "\"format\":2"),
        ),
        (
            "foreign_file",
            record(&moved("../a.staged", "notes.txt"), ""),
        ),
        ("far_time", record("", "").replace("2026-", "+262142-")),
        (
            "leap_second",
            record("", "").replace("10:00:00Z", "23:59:60Z"),
        ),
        ("cut_ids", record("", "").replace("AAAQ", "A")),
    ] {
        // the target also reads its input as the body of a sealed record
        put("record", name, &body)?;
        put("record", &format!("{name}.state"), sealed(body.as_bytes()))?;
    }
    put(
        "record",
        "wrong_sum.state",
        [&sealed(b"{}")[..90], b"{ }\n"].concat(),
    )
}

fn configurations() -> io::Result<()> {
    let short = "[mimecast]\nbase_url = \"https://us-api.mimecast.com\"\n";
    put("config", "example", EXAMPLE)?;
    put("config", "short", short)?;
    for (name, more) in [
        (
            "second_generation",
            "[siem]\naliases = \"on\"\ncloud_gateway_types = \"receipt, av\"\n",
        ),
        ("unknown_key", "[audit]\noverlap = 5\n"),
        ("unknown_section", "[audits]\noverlap_minutes = 5\n"),
        ("misplaced_secret", "secret_key = \"AAAA\"\n"),
        (
            "twice",
            "[audit]\noverlap_minutes = 5\noverlap_minutes = 6\n",
        ),
        ("out_of_range", "[retention]\ndata_days = 0\n"),
        ("wrong_type", "[retention]\ndata_days = \"7\"\n"),
        (
            "proxy",
            "[network]\nproxy = \"http://user:word@proxy.example.com:3128\"\n",
        ),
        ("mode", "[folders]\nfile_mode = \"0666\"\n"),
        ("windows_path", "[folders]\ndata = \"C:\\Mimecast\\data\"\n"),
        (
            "mixed_folders",
            "[folders]\ndata = \"/srv/mimecast\"\nstate = \"/srv/mimecast/mta/x\"\n",
        ),
        ("syntax", "[folders\ndata = \n"),
        ("dotted", "network.retries = 3\n"),
    ] {
        put("config", name, format!("{short}{more}"))?;
    }
    put(
        "config",
        "inline",
        "mimecast = { base_url = 'http://127.0.0.1:1' }\nfolders = { data = '/srv/a' }\n",
    )?;
    put(
        "config",
        "other_host",
        short.replace("us-api.mimecast.com", "user:word@example.com/a?b"),
    )?;
    put(
        "config",
        "marked",
        format!("\u{feff}{}", short.replace('\n', "\r\n")),
    )
}
