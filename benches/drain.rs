//! Measures the cost of a drain, and the least cost that a drain can have.
//!
//! ```text
//! cargo bench --bench drain                 all of: many large objects idle audit
//! cargo bench --bench drain -- many idle    only these
//! ```
//!
//! The release binaries run against the simulator, which serves prebuilt bodies without delay. The
//! following programs run in turn with them, so that other load on the machine affects all alike:
//!
//! - **download**: `curl` fetches the same bodies over one kept-alive connection, and drops them;
//! - **unpack**: `unzip` (under API 2.0 `gunzip`) unpacks the same archives to the same disk. The files of
//!   one archive are synced before the next, as a collector must before it fetches the next;
//! - **Python**: `reference.py`, a plain collector. It runs in two forms: with large reads, and byte by
//!   byte as the Python scripts read, which themselves need Python 2.7.
//!
//! The least wall and CPU time of all runs count, because noise only adds time. The most memory counts.
//! The column of a missing program stays empty. The benchmark takes some minutes, 2 GB of memory for the
//! simulator and 3 GB of disk below the build's own folder.

#![allow(
    clippy::disallowed_methods,
    reason = "what is reserved in the product is a benchmark's daily work"
)]

#[path = "drain/cost.rs"]
mod cost;
#[path = "drain/data.rs"]
mod data;
#[path = "drain/floors.rs"]
mod floors;
#[path = "drain/installation.rs"]
mod installation;
#[path = "drain/table.rs"]
mod table;

use std::ops::Add as _;
use std::sync::{Arc, Mutex};

use cost::Cost;
use floors::{Bodies, Python};
use installation::{Installation, Stream};
use mimecast_sandbox::{Batch, CG_TYPES, Endpoint, Object, Sandbox};
use table::{Goals, Row, Table};

const MEGABYTE: u64 = 1_000_000;
const RUNS: usize = 5;
/// The number of idle runs per measurement, because one is too short for the kernel's clock ticks.
const IDLE_RUNS: u32 = 40;
const AUDIT_EVENTS: u64 = 1_000_000;

fn main() {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-')) // Cargo's own
        .collect();
    let is_wanted = |case: &str| wanted.is_empty() || wanted.iter().any(|name| name == case);
    let python = Python::find();
    let mut table = Table::default();
    if is_wanted("many") {
        let archives = (0..24).map(|seed| data::archive(seed, 4, 150 * MEGABYTE / 24));
        let name = "150 MB in 24 archives of 4 members";
        table.add(&siem(name, archives.collect(), python.as_ref()));
    }
    if is_wanted("large") {
        let archives = vec![data::archive(99, 4, 1000 * MEGABYTE)];
        table.add(&siem("1 GB in one archive", archives, python.as_ref()));
    }
    if is_wanted("objects") {
        table.add(&objects());
    }
    if is_wanted("idle") {
        for stream in [Stream::Siem, Stream::Audit] {
            table.add(&idle(&Sandbox::start(), stream));
        }
    }
    if is_wanted("audit") {
        audit(python.as_ref(), &mut table);
    }
    table.end();
}

/// Measures a drain of archives.
fn siem(name: &str, archives: Vec<data::Archive>, python: Option<&Python>) -> Row {
    let sandbox = Sandbox::start();
    let installation = Installation::connect(&sandbox);
    let folder = installation.folder().join("archives");
    let files = data::save(&folder, &archives);
    let bodies = Bodies::default();
    let bytes: u64 = archives.iter().map(|archive| archive.unpacked).sum();
    let events: u64 = archives.iter().map(|archive| archive.lines).sum();
    for archive in archives {
        bodies.add(Arc::clone(&archive.bytes));
        sandbox.serve(Batch::raw(archive.bytes));
    }
    let reference = |how: &str| python?.collect(&sandbox, how, installation.folder());
    let mut row = Row::new(name, Goals::Drain);
    (row.unpacked, row.packed) = (bytes, bodies.total());
    for _ in 0..RUNS {
        let (cost, report) = collect(&installation, Stream::Siem);
        assert_eq!(report["events"], events, "not all was collected: {report}");
        row.collector.push(cost);
        row.download.extend(bodies.download(installation.folder()));
        row.unpack.extend(floors::unpack(&files, &folder));
        row.python.extend(reference("siem"));
    }
    row.bytewise.extend(reference("siem-bytewise"));
    row
}

/// Measures a drain of a thousand objects of API 2.0 over ten types.
fn objects() -> Row {
    let sandbox = Sandbox::start();
    let installation = Installation::connect_client(&sandbox);
    let folder = installation.folder().join("objects");
    let objects: Vec<_> = (0..1_000).map(|seed| data::object(seed, 100_000)).collect();
    let files = data::save_objects(&folder, &objects);
    let bodies = Bodies::default();
    let events: u64 = objects.iter().map(|(_, lines)| lines).sum();
    for (number, (bytes, _)) in objects.into_iter().enumerate() {
        bodies.add(Arc::clone(&bytes));
        let kind = CG_TYPES[number % CG_TYPES.len()];
        sandbox.serve_objects(kind, [Object::raw(bytes)]);
    }
    let mut row = Row::new(
        "API 2.0: 1,000 objects of 100 KB over ten types",
        Goals::Drain,
    );
    (row.unpacked, row.packed) = (100_000_000, bodies.total());
    for _ in 0..RUNS {
        let (cost, report) = collect(&installation, Stream::Siem);
        assert_eq!(report["events"], events, "not all was collected: {report}");
        row.collector.push(cost);
        row.download.extend(bodies.download(installation.folder()));
        row.unpack.extend(floors::gunzip(&files, &folder));
    }
    row
}

/// Measures a drain of audit events. The next run must read their ids and fetch an overlap again.
fn audit(python: Option<&Python>, table: &mut Table) {
    let sandbox = Sandbox::start();
    let installation = Installation::connect(&sandbox);
    sandbox.audit(data::audit_events(AUDIT_EVENTS));
    let pages = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&pages);
    sandbox.always(Endpoint::Audit, move |reply| {
        kept.lock()
            .expect("nobody panics")
            .push(Arc::clone(&reply.body));
    });
    let (first, report) = collect(&installation, Stream::Audit);
    sandbox.clear();
    let bodies = Bodies::default();
    let pages = std::mem::take(&mut *pages.lock().expect("nobody panics"));
    pages.into_iter().for_each(|page| bodies.add(page));

    let bytes = report["bytes"].as_u64().unwrap_or_default();
    let reference = |how: &str| python?.collect(&sandbox, how, installation.folder());
    let mut row = Row::new("1,000,000 audit events of 7 days", Goals::Drain);
    (row.unpacked, row.packed) = (bytes, bodies.total());
    row.collector.push(first);
    for run in 0..RUNS {
        if run > 0 {
            row.collector.push(collect(&installation, Stream::Audit).0);
        }
        row.download.extend(bodies.download(installation.folder()));
        row.python.extend(reference("audit"));
    }
    assert_eq!(report["events"], AUDIT_EVENTS, "not all was collected");
    table.add(&row);
    let mut row = Row::new("the run after: an hour of known ones", Goals::Memory);
    row.collector.push(mean(&installation, Stream::Audit));
    table.add(&row);
}

/// Measures a run without waiting logs.
fn idle(sandbox: &Sandbox, stream: Stream) -> Row {
    let installation = Installation::connect(sandbox);
    // the state of a first run differs from that of later runs
    installation.run(stream);
    let before = sandbox.count(stream.endpoint());
    let cost = mean(&installation, stream);
    let requests = sandbox.count(stream.endpoint()) - before;
    let requests = requests as f64 / f64::from(IDLE_RUNS);
    let name = format!("nothing waiting, {}", stream.name());
    let mut row = Row::new(name, Goals::Idle { requests });
    row.collector.push(cost);
    row
}

/// Returns the cost of one run out of many short ones.
fn mean(installation: &Installation, stream: Stream) -> Cost {
    let runs = (0..IDLE_RUNS).map(|_| installation.run(stream).0);
    runs.reduce(Cost::add).expect("there are some") / IDLE_RUNS
}

/// Measures a collector's first run, with an empty state.
fn collect(installation: &Installation, stream: Stream) -> (Cost, serde_json::Value) {
    installation.forget();
    installation.run(stream)
}
