//! Limits of the operating system: too few files, too small ones, no threads. The disk's code, one
//! sentence, and the run with room again gets everything.

use std::process::Command;

use super::{Collector, side_by_side};
use crate::harness::{Installation, Outcome};
use mimecast_sandbox::Batch;

/// Runs a collector from a shell that has set its limits first.
fn limited(collector: Collector, place: &Installation, limits: &str) -> Outcome {
    place.finish(shell(collector.program(), place, limits))
}

fn shell(program: &str, place: &Installation, limits: &str) -> Command {
    let mut command = place.command("/bin/sh");
    let script = format!("{limits} && exec \"$0\" \"$@\"");
    command.args(["-c", &script, program, "--config"]);
    command.arg(place.path("config.toml"));
    command
}

/// The run ends with the disk's code and commits nothing.
#[track_caller]
fn held(collector: Collector, place: &Installation, limits: &str) {
    let before = place.files(collector.folder());
    let outcome = limited(collector, place, limits).ends_with(74);
    outcome.says("to do: ");
    assert_eq!(place.files(collector.folder()), before, "{limits}");
}

#[test]
fn a_limit_on_open_files_ends_a_run_in_good_order_or_is_not_even_noticed() {
    side_by_side(Collector::ALL, |collector| {
        let place = collector.behind();
        for files in [4, 6, 8, 10, 12, 16] {
            let before = place.files(collector.folder());
            let outcome = limited(collector, &place, &format!("ulimit -n {files}"));
            println!("{collector:?} {files}: {outcome:?}");
            // with four, the log takes the last one, and the credentials cannot be read
            let expected: &[i32] = if files == 4 { &[74] } else { &[0, 74] };
            assert!(!outcome.stderr.contains("move it away"), "{outcome:?}");
            assert!(expected.contains(&outcome.code), "{files}: {outcome:?}");
            let all_there = before
                .iter()
                .all(|(name, content)| place.files(collector.folder()).get(name) == Some(content));
            assert!(all_there, "P3");
        }
        collector.recovers(&place);
        collector.refill(&place);
        limited(collector, &place, "ulimit -n 32").stays_silent();
        collector.recovers(&place);
    });
}

/// What is written first fails: the log at no size at all, then scratch, staged file and state.
#[test]
fn a_limit_on_the_size_of_files_is_the_disks_fault_and_kills_nobody() {
    side_by_side(Collector::ALL, |collector| {
        let place = collector.behind();
        held(collector, &place, "ulimit -f 0");
        held(collector, &place, "ulimit -f 1");
        collector.recovers(&place);
    });
    let place = Installation::connected();
    place.siem().stays_silent();
    let lines: Vec<String> = (0..20_000)
        .map(|number| {
            format!(
                "datetime=2026-11-20T00:00:00+0000|number={number}|{:030}",
                number
            )
        })
        .collect();
    let content = lines.join("\n") + "\n";
    assert!(content.len() > 1 << 20);
    place.serve(Batch::files(&[("receipt_1.siem", content.as_bytes())]));
    held(Collector::Siem, &place, "ulimit -f 2048"); // 1 MB
    Collector::Siem.recovers(&place);
}

const NOBODY: u32 = 65_533;

#[test]
fn without_threads_a_run_ends_in_good_order_and_says_what_is_missing() {
    for collector in Collector::ALL {
        let place = collector.behind();
        std::fs::create_dir(place.path("opt")).expect("a folder");
        let program = place.path("opt/collector");
        std::fs::copy(collector.program(), &program).expect("copied");
        let limits = "{ ulimit -p 1 2>/dev/null || ulimit -u 1; }";
        let as_is = shell(program.to_str().expect("UTF-8"), &place, limits);
        let mut command = as_is;
        if rustix::process::geteuid().is_root() {
            // limits bind all users but root
            place.give_to(NOBODY, "");
            command = place.command_as(NOBODY, &command);
        }
        let outcome = place.finish(command);
        if rustix::process::geteuid().is_root() {
            place.give_to(0, "");
        }
        outcome.ends_with(74).says("thread");
        collector.recovers(&place);
    }
}
