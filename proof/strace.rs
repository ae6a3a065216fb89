//! strace: which file-system calls a run makes, and what happens to one of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::Points;
use crate::harness::{Installation, Outcome};
use crate::stream::Stream;
use crate::tally::Tally;

/// Every call that opens, changes, reads or describes a file or a folder.
const CALLS: &str = "openat,creat,read,pread64,readv,write,pwrite64,writev,copy_file_range,sendfile,\
    fsync,fdatasync,ftruncate,rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,\
    fchmod,chmod,fchmodat,flock,lseek,getdents64,stat,lstat,fstat,statx,newfstatat,close";

/// The `number`-th call of that name, in the first thread or in whichever comes to it first.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    pub(crate) call: String,
    pub(crate) number: u32,
    threads: Threads,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Threads {
    First,
    Any,
}

impl Point {
    /// strace counts in each thread by itself. A point of the first one is exact; one of another
    /// thread, which fetches ahead into scratch files, is where any thread comes to that number.
    pub(crate) const fn of(&self) -> &'static str {
        match self.threads {
            Threads::First => "the main thread",
            Threads::Any => "another thread",
        }
    }
}

impl std::fmt::Display for Point {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {} of {}", self.call, self.number, self.of())
    }
}

/// Passes each stream, and all calls of one undisturbed run of it, to a campaign.
pub(crate) fn with_points(
    points: &Points,
    mut campaign: impl FnMut(Stream, &[Point], &mut fastrand::Rng, &mut Tally),
) -> Tally {
    require();
    let mut random = points.random();
    let mut tally = Tally::default();
    for stream in Stream::ALL {
        let calls = calls(&stream.set(), stream);
        campaign(stream, &calls, &mut random, &mut tally);
    }
    tally
}

/// All calls of one undisturbed run, as points, in their order. What comes before it opens its
/// configuration is the loader's and not the program's.
pub(crate) fn calls(place: &Installation, stream: Stream) -> Vec<Point> {
    let log = place.path("calls");
    let mut strace = place.command("strace");
    strace.args(["-f", "-y", "-o"]).arg(&log).arg("-e");
    strace.arg(format!("trace={CALLS}"));
    let outcome = run(place, strace, stream);
    assert_eq!(outcome.code, 0, "an undisturbed run: {outcome:?}");
    points_of(&read_once(&log))
}

/// What strace wrote; it shows what was read and written, so it does not stay where no secret may be.
fn read_once(log: &Path) -> String {
    let text = fs::read_to_string(log).expect("strace has written it");
    fs::remove_file(log).expect("it is there");
    text
}

/// Lines of strace: thread, call, arguments. A line without `(` ends a call that began before.
fn points_of(log: &str) -> Vec<Point> {
    let mut counts: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    let mut points = Vec::new();
    let mut first = None;
    let mut begun = false;
    for line in log.lines() {
        let Some((thread, rest)) = line.split_once(' ') else {
            continue;
        };
        let Some((call, _)) = rest.trim_start().split_once('(') else {
            continue;
        };
        if !call.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            continue; // "<... read resumed>"
        }
        let threads = if *first.get_or_insert(thread) == thread {
            Threads::First
        } else {
            Threads::Any
        };
        let number = counts.entry((thread, call)).or_default();
        *number += 1;
        begun |= line.contains("config.toml");
        if begun && is_of_a_file(line) {
            points.push(Point {
                call: call.to_owned(),
                number: *number,
                threads,
            });
        }
    }
    points
}

/// `write` and its like are for sockets and the runtime's own wake-up calls, too.
fn is_of_a_file(line: &str) -> bool {
    let others = ["<anon_inode:", "<socket:", "<pipe:", "<TCP"];
    !others.iter().any(|other| line.contains(other))
}

/// A run that is killed at that point.
pub(crate) fn kill(place: &Installation, stream: Stream, point: &Point) -> Outcome {
    disturb(place, stream, point, "signal=KILL", Path::new("/dev/null"))
}

/// A run in which that call fails; nothing where another thread's call, of no file, has that number.
pub(crate) fn fail(
    place: &Installation,
    stream: Stream,
    point: &Point,
    error: &str,
) -> Option<Outcome> {
    let log = place.path("calls");
    let outcome = disturb(place, stream, point, &format!("error={error}"), &log);
    let text = read_once(&log);
    let mut hits = text
        .lines()
        .filter(|line| line.contains("(INJECTED)"))
        .peekable();
    (hits.peek().is_some() && hits.all(is_of_a_file)).then_some(outcome)
}

fn disturb(place: &Installation, stream: Stream, point: &Point, what: &str, log: &Path) -> Outcome {
    let mut strace = place.command("strace");
    strace.args(["-qq", "-y", "-o"]).arg(log);
    if point.threads == Threads::Any {
        strace.arg("-f");
    }
    let Point { call, number, .. } = point;
    strace.args(["-e", &format!("trace={call}"), "-e"]);
    strace.arg(format!("inject={call}:{what}:when={number}"));
    run(place, strace, stream)
}

fn run(place: &Installation, mut strace: Command, stream: Stream) -> Outcome {
    stream.arm(place, strace.arg(stream.program()));
    place.finish(strace)
}

/// Says what is missing.
pub(crate) fn require() {
    let found = Command::new("strace").arg("-V").output();
    let installed = found.is_ok_and(|output| output.status.success());
    assert!(
        installed,
        "strace is needed: apt-get install strace, or what your system calls it"
    );
}
