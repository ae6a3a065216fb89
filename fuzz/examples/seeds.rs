//! Writes the seeds again: `cargo run --manifest-path fuzz/Cargo.toml --example seeds`.
//!
//! All of them are made up. Files in `fuzz/corpus/` with other names stay.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use mimecast_collector::fuzzing::EXAMPLE;
use mimecast_collector_fuzz::zips::{Entry, Lie, Plan};
use mimecast_collector_fuzz::{sealed, sha256};

const LINE: &str =
    "datetime=2026-11-20T16:47:41+0000|aCode=AAAAbbbb|acc=C0A0|Dir=Inbound|Act=Acc\n";
const EVENT: &str = r#"{"id":"eNo1","auditType":"User Logged On","user":"svc@example.com","eventTime":"2026-11-20T10:43:25+0000","eventInfo":"Successful authentication for svc@example.com <Svc>, Date: 2026-11-20, IP: 192.0.2.9, Method: Cloud","category":"authentication_logs"}"#;

fn main() -> io::Result<()> {
    archives()?;
    objects()?;
    pages()?;
    scans()?;
    answers()?;
    headers()?;
    records()?;
    configurations()?;
    names()?;
    lines()
}

#[expect(
    clippy::disallowed_methods,
    reason = "seeds are no data of an operator"
)]
fn put(target: &str, name: &str, bytes: impl AsRef<[u8]>) -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), bytes)
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

fn archives() -> io::Result<()> {
    let plan = |entries: &[Entry]| Plan {
        entries: entries.to_vec(),
        ..Plan::default()
    };
    let receipt = entry("receipt_20261120.siem");
    let stored = Entry {
        is_stored: true,
        ..entry("process_20261120.siem")
    };
    let streamed = Entry {
        is_streamed: true,
        ..entry("delivery_20261120.siem")
    };
    let large = Entry {
        is_zip64: true,
        ..entry("jrnl_20261120.siem")
    };
    let folder = Entry {
        name: "/".to_owned(),
        is_stored: true,
        ..Entry::default()
    };
    let all = [receipt.clone(), stored, streamed, large, folder];
    put("archive", "empty", plan(&[]).bytes())?;
    put("archive", "one", plan(&all[..1]).bytes())?;
    put("archive", "all_forms", plan(&all).bytes())?;
    put(
        "archive",
        "large_end",
        Plan {
            is_zip64: true,
            ..plan(&all)
        }
        .bytes(),
    )?;
    put(
        "archive",
        "comment",
        Plan {
            comment: b"a comment".to_vec(),
            ..plan(&all[..2])
        }
        .bytes(),
    )?;
    let bytes = plan(&all).bytes();
    put("archive", "cut", &bytes[..bytes.len() - 30])?;
    put("archive", "bytes_behind", [&bytes[..], b"more"].concat())?;
    put("archive", "bytes_before", [b"more", &bytes[..]].concat())?;
    put("archive", "no_archive", "<html>busy</html>")?;
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
        let lying = Entry {
            lie: Some(lie),
            ..receipt.clone()
        };
        put(
            "archive",
            &format!("lie_{name}"),
            plan(&[receipt.clone(), lying]).bytes(),
        )?;
    }
    Ok(())
}

fn gzip(lines: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder
        .write_all(lines.as_bytes())
        .expect("memory takes all");
    encoder.finish().expect("memory takes all")
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

fn pages() -> io::Result<()> {
    let page = |next: &str| {
        format!(
            r#"{{"meta":{{"status":200,"pagination":{{"pageSize":500{next}}}}},"data":[{EVENT},{EVENT}],"fail":[]}}"#
        )
    };
    put("audit_page", "last", page(""))?;
    put("audit_page", "token", page(r#","next":"eNoAfter""#))?;
    put("audit_page", "null_token", page(r#","next":null"#))?;
    put("audit_page", "odd_token", page(r#","next":{"a":1}"#))?;
    put("audit_page", "no_items", r#"{"meta":{},"data":[]}"#)?;
    put(
        "audit_page",
        "odd_items",
        "{\"data\":[1,null,\"x\",[{}],{},\n{\"user\":\"a|b\\\"\\u2028\"}],\"meta\":null}",
    )?;
    put(
        "audit_page",
        "text_for_data",
        format!(r#"{{"data":"{}"}}"#, "word ".repeat(60)),
    )?;
    put("audit_page", "data_twice", r#"{"data":[],"data":[{}]}"#)?;
    put(
        "audit_page",
        "nested",
        format!("{{\"data\":[{}1{}]}}", "[".repeat(200), "]".repeat(200)),
    )?;
    put(
        "audit_page",
        "half_letter",
        r#"{"data":[{"user":"\ud800","\udc00":1}]}"#,
    )?;
    let url = "https://store.example.com/cg/part-0001.json.gz?X-Amz-Signature=0a1b";
    let item = format!(r#"{{"url":"{url}","expiry":"2026-11-20T10:00:00Z","size":12}}"#);
    put(
        "list_page",
        "one",
        format!(r#"{{"value":[{item}],"@nextPage":"NDU=","isCaughtUp":false}}"#),
    )?;
    put(
        "list_page",
        "caught_up",
        r#"{"value":[],"isCaughtUp":true}"#,
    )?;
    put(
        "list_page",
        "odd_token",
        r#"{"value":[],"@nextPage":{"a":1}}"#,
    )?;
    put("list_page", "no_url", r#"{"value":[{"size":1}]}"#)?;
    put(
        "list_page",
        "twice",
        format!(r#"{{"value":[{item},{item}],"@nextPage":"","isCaughtUp":"yes"}}"#),
    )?;
    for (name, address) in [
        ("public", url),
        ("user", "https://user:word@store.example.com/a"),
        ("plain", "http://store.example.com/a"),
        ("loopback", "https://127.0.0.1:8425/a"),
        ("short", "https://0x7f.1/a"),
        ("metadata", "https://169.254.169.254/latest"),
        ("six", "https://[2001:db8::1]/a/b"),
        ("mapped", "https://[::ffff:10.0.0.1]/a"),
        ("compatible", "https://[::10.0.0.1]/a"),
        ("translated", "https://[64:ff9b::10.0.0.1]/a"),
        ("tunnelled", "https://[2002:a00:1::]/a"),
    ] {
        put("list_page", &format!("address_{name}"), address)?;
    }
    Ok(())
}

fn scans() -> io::Result<()> {
    for (name, text) in SCANS {
        put("scan", name, text)?;
    }
    Ok(())
}

const SCANS: [(&str, &str); 9] = [
    ("event", EVENT),
    ("list", "[1, \"]\" ,{\"a\":[null,true]},\r\n[[]]]"),
    ("broken_item", r#"[{"a":1},{"b":tru},{"c" 1},"d"]"#),
    ("broken_member", r#"{"data":[{"a":1}],"meta":tru}"#),
    ("control", "{\"a\":\"x\ty\\\n\",\"b\":\"\u{1}\"}"),
    ("twice", r#"{"a":1,"a":2,"\u0061":3}"#),
    (
        "escapes",
        r#"{"b":"\ud83c\udf89\/","a":"\ud800","c":1.0e+5}"#,
    ),
    ("cut", r#"{"data":[{"a":"b\"#),
    ("behind", "[1] [2]"),
];

fn answers() -> io::Result<()> {
    // a call, a status of 200, the body
    for (name, call, body) in [
        (
            "page",
            4,
            r#"{"meta":{"status":200},"data":[{"a":1}],"fail":[]}"#,
        ),
        (
            "nothing",
            3,
            r#"{"meta":{"isLastToken":true,"status":200},"data":[],"fail":[]}"#,
        ),
        ("strange", 3, r#"{"status":"ok"}"#),
        ("list", 6, r#"{"value":[],"@nextPage":"NDU="}"#),
        (
            "token",
            5,
            r#"{"access_token":"t","token_type":"Bearer","expires_in":1799}"#,
        ),
        ("token_refused", 5, r#"{"error":"invalid_client"}"#),
        ("inner_status", 4, r#"{"meta":{"status":429},"data":[]}"#),
        ("odd_status", 4, r#"{"meta":{"status":"401"},"data":[]}"#),
        ("large_status", 4, r#"{"meta":{"status":65736},"data":[]}"#),
        (
            "expired",
            3,
            r#"{"meta":{"status":401},"data":[],"fail":[{"errors":[{"code":"err_xdk_binding_expired","message":"m","retryable":false}]}]}"#,
        ),
        (
            "position",
            3,
            r#"{"meta":{"status":200},"fail":[{"code":"err_audit_siem_invalid_token","message":"m","retryable":false}]}"#,
        ),
        (
            "retryable",
            2,
            r#"{"fail":[{"errors":[{"code":"err_busy","retryable":true}]}]}"#,
        ),
        ("odd_failure", 2, r#"{"data":[],"fail":{"a":1}}"#),
        ("page_of_a_proxy", 3, "<html>busy</html>"),
    ] {
        put(
            "answer",
            name,
            [&[call][..], b"200"[..2].as_ref(), body.as_bytes()].concat(),
        )?;
    }
    put(
        "answer",
        "status_503",
        [&[4][..], &403_u16.to_be_bytes(), b"{}"].concat(),
    )
}

fn headers() -> io::Result<()> {
    let date = "Fri, 20 Nov 2026 10:00:00 GMT";
    let later = "Fri, 20 Nov 2026 10:05:00 GMT";
    let long = format!("https://{}.example.com/", "a".repeat(400));
    put(
        "headers",
        "long_host",
        ["", "", date, "", "", "", &*long].join("\n"),
    )?;
    for (name, values) in [
        (
            "seconds",
            ["120", "", date, "eNoAfter", "application/zip", "", ""],
        ),
        ("later", [later, "", date, "", "", "", ""]),
        ("earlier", [date, "", later, "", "", "", ""]),
        (
            "milliseconds",
            ["", "9000", date, "", "application/json", "", ""],
        ),
        ("time_in_seconds", ["", "1795168860", date, "", "", "", ""]),
        (
            "time_in_milliseconds",
            ["", "1795168860000", date, "", "", "", ""],
        ),
        (
            "large",
            [
                "18446744073709551615",
                "18446744073709551615",
                date,
                "",
                "",
                "",
                "",
            ],
        ),
        ("negative", ["-1", "-1", date, "", "", "", ""]),
        ("fraction", ["1.5", "1e9", "", "", "", "", ""]),
        (
            "old_dates",
            [
                "Sunday, 06-Nov-94 08:49:37 GMT",
                "",
                "Sun Nov  6 08:49:37 1994",
                "",
                "",
                "",
                "",
            ],
        ),
        (
            "far_dates",
            [
                "Fri, 31 Dec 9999 23:59:59 GMT",
                "",
                "Thu, 01 Jan 1970 00:00:00 GMT",
                "",
                "",
                "",
                "",
            ],
        ),
        (
            "redirect",
            [
                "",
                "",
                date,
                " a b ",
                "text/html; charset=utf-8",
                "attachment; filename=\"a.zip\"",
                "https://user:word@login.example.com/a?b=c#d",
            ],
        ),
    ] {
        put("headers", name, values.join("\n"))?;
    }
    Ok(())
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

fn names() -> io::Result<()> {
    for (name, text) in [
        ("receipt", "receipt_20261120000000000"),
        ("path", "../../etc/passwd"),
        ("windows_path", "C:\\windows\\NUL"),
        ("device", "con"),
        ("stream", "a:b"),
        ("dots", "...trailing. "),
        ("option", "--rf"),
        ("empty", ""),
        ("letters", "\u{e9}vil\u{202e}"),
        ("ours", "receipt_0123456789abcdef.siem"),
        ("variant", "receipt_0123456789abcdef-2.json"),
        ("doubtful", "receipt_0123456789abcdef-02.json"),
        ("upper", "Receipt_0123456789ABCDEF.SIEM"),
    ] {
        put("name", name, text)?;
    }
    put("name", "long", "a".repeat(300))
}

fn lines() -> io::Result<()> {
    for (name, item) in [
        ("event", EVENT),
        ("empty", "{}"),
        ("no_object", "[1]"),
        (
            "odd_values",
            r#"{"user":null,"auditType":7,"eventInfo":{"a":[1]},"eventTime":"x\ud800"}"#,
        ),
        (
            "forged",
            r#"{"user":"a|auditType=\"x","auditType":"b\"|c","eventInfo":"d|\"e"}"#,
        ),
        (
            "breaks",
            r#"{"eventInfo":"a\r\nb\u0085c\u2028d\u001b[0me\u0000f"}"#,
        ),
        (
            "pretty",
            "{\r\n  \"eventInfo\" : \"a\u{2029}b\",\n\t\"n\": {\"x\":\n1.0e5}\n}",
        ),
        ("twice", r#"{"eventTime":"1","a":1,"eventTime":"2","a":2}"#),
        ("escaped_name", r#"{"event\u0054ime":"1","\u2028":2}"#),
    ] {
        put("line", name, item)?;
    }
    Ok(())
}
