//! Measures the delivery of 1 GB to a receiver on this machine, and the least cost that it can have.
//!
//! ```text
//! cargo bench --bench delivery              tcp http
//! cargo bench --bench delivery -- tcp       only this
//! ```
//!
//! The receivers read and drop: one confirms by closing, as a syslog receiver does, the other answers each request.
//! The floor is a program that sends the same bytes from memory: over one connection, or compressed in requests of
//! the same size. Both are measured in turn in one run, so that other load affects both alike.

#![allow(
    clippy::disallowed_methods,
    reason = "what is reserved in the product is a benchmark's daily work"
)]

#[allow(dead_code, reason = "shared with the other benchmark")]
#[path = "drain/cost.rs"]
mod cost;
#[path = "delivery/receiver.rs"]
mod receiver;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use cost::Cost;
use receiver::{Kind, Receiver};
use sha2::{Digest as _, Sha256};

const FILES: u64 = 40;
const FILE_BYTES: usize = 25_000_000;
const RUNS: usize = 3;

fn main() {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-')) // Cargo's own
        .collect();
    println!(
        "| | wall | MB/s | CPU | memory | floor | wall : floor |\n|---|--:|--:|--:|--:|--:|--:|"
    );
    for (name, kind) in [("tcp", Kind::Lines), ("http", Kind::Requests)] {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            measure(name, kind);
        }
    }
}

fn measure(name: &str, kind: Kind) {
    let text = lines(FILE_BYTES);
    let megabytes = FILES as f64 * text.len() as f64 / 1e6;
    let (mut costs, mut floors) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let receiver = Receiver::start(kind);
        install(folder.path(), &receiver, &text);
        costs.push(deliver(folder.path()));
        assert!(receiver.bytes() > 0, "nothing arrived");
        let begun = Instant::now();
        receiver::send(kind, receiver.address(), &text, FILES);
        floors.push(begun.elapsed().as_secs_f64());
    }
    let cost = Cost::best(&costs).expect("it ran");
    let floor = floors.into_iter().reduce(f64::min).expect("it ran");
    let (cpu, memory) = (
        cost.cpu.unwrap_or_default(),
        cost.memory.unwrap_or_default(),
    );
    println!(
        "| {name}, {megabytes:.0} MB | {:.2} s | {:.0} | {cpu:.2} s | {:.0} MB | {floor:.2} s | {:.2} |",
        cost.wall,
        megabytes / cost.wall,
        memory / 1e6,
        cost.wall / floor
    );
    for (goal, met) in [
        ("at most 64 MB of memory", memory < 64e6),
        (
            "100 MB/s by TCP",
            kind != Kind::Lines || megabytes / cost.wall >= 100.0,
        ),
        (
            "50 MB/s by HTTP",
            kind != Kind::Requests || megabytes / cost.wall >= 50.0,
        ),
    ] {
        let verdict = if met { "met" } else { "NOT MET" };
        eprintln!("{name}: {goal}: {verdict}");
    }
}

/// Published files that wait for a new destination, beside a Mimecast that cannot be reached.
fn install(folder: &Path, receiver: &Receiver, text: &str) {
    for name in ["data/mta", "data/audit", "data/tmp"] {
        fs::create_dir_all(folder.join(name)).expect("a folder");
    }
    for number in 0..FILES {
        // another first line makes another name
        let text = format!("datetime=2026-11-20T16:47:41+0000|number={number}\n{text}");
        let digest = Sha256::digest(&text);
        let digest: String = digest[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let name = format!("data/mta/receipt_2026112000000{number:04}_{digest}.siem");
        fs::write(folder.join(name), text).expect("written");
    }
    let destination = receiver.table();
    let config = format!(
        "[mimecast]\nbase_url = \"http://127.0.0.1:1\"\naccount_code = \"C0A0\"\napp_id = \"made-up\"\n\
         [folders]\ndata = \"data\"\n[run]\nretry_minutes = 0\n[network]\nretries = 0\n{destination}"
    );
    fs::write(folder.join("config.toml"), config).expect("written");
}

fn deliver(folder: &Path) -> Cost {
    let mut command = Command::new(env!("CARGO_BIN_EXE_siem_collection"));
    command.arg("--config").arg(folder.join("config.toml"));
    for (name, value) in [
        ("MIMECAST_APP_KEY", "made-up"),
        ("MIMECAST_ACCESS_KEY", "made-up"),
        ("MIMECAST_SECRET_KEY", "bWFkZS11cA=="),
    ] {
        command.env(name, value);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let (cost, output) = Cost::of(&mut command).expect("the collector starts");
    assert_eq!(
        output.status.code(),
        Some(75),
        "it delivers, and cannot collect"
    );
    let left = fs::read_dir(folder.join("data/outbox/sink")).expect("a folder");
    assert_eq!(
        left.count(),
        1,
        "everything was confirmed: only the mark is left"
    );
    cost
}

/// Lines of about 400 bytes, as gateway logs have them.
fn lines(bytes: usize) -> String {
    let mut random = fastrand::Rng::with_seed(1);
    let mut text = String::with_capacity(bytes + 1_000);
    while text.len() < bytes {
        let words: Vec<String> = (0..12).map(|_| format!("{:08x}", random.u32(..))).collect();
        text += &format!(
            "datetime=2026-11-20T16:47:41+0000|aCode={}|acc=C0A0|Sender={}@example.com|Recipient={}@example.com|\
             SenderDomain=example.com|Subject=Invoice {} of {}|MsgId=<{}{}{}@example.com>|IP=192.0.2.{}|Dir=Inbound|\
             Rcpt={}@example.com|headerFrom={}@example.com|TlsVer=TLSv1.3|Cphr=TLS_AES_256_GCM_SHA384|SpamScore={}\n",
            words[0],
            words[1],
            words[2],
            words[3],
            words[4],
            words[5],
            words[6],
            words[7],
            random.u8(..),
            words[8],
            words[9],
            random.u8(..30)
        );
    }
    text
}
