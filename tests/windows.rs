//! What only Windows can get in the way of: files that others hold, names, access lists.
//!
//! The process of the test is the other one: a virus scanner, an agent, a second run. wine is stricter
//! than Windows about renaming over a file that is open, and knows of access lists what the permission
//! bits below can hold.

use std::fs::{self, File, OpenOptions};
use std::os::windows::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use crate::harness::{AUDIT, Installation, SETUP, SIEM, set_mode, system};
use mimecast_sandbox::{Batch, Endpoint, Wire, ZipEntry, ZipFile, changes};

const SHARE_READ: u32 = 1;
const SHARE_WRITE: u32 = 2;

/// Opens a file as a program does that lets nobody rename or delete it.
fn hold(path: &Path) -> Option<File> {
    let mut options = OpenOptions::new();
    options.read(true).share_mode(SHARE_READ | SHARE_WRITE);
    options.open(path).ok()
}

/// Holds everything in a folder.
fn hold_all(folder: &Path) -> Vec<File> {
    let listed = fs::read_dir(folder).expect("the folder is there");
    let paths = listed.map(|entry| entry.expect("an entry").path());
    paths.map(|path| hold(&path).expect("opened")).collect()
}

/// The access list of a file or folder, as the system's own tool saves it.
fn access_list(path: &Path) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let saved = folder.path().join("list");
    let mut command = system("icacls.exe");
    let done = command.arg(path).arg("/save").arg(&saved).output();
    assert!(done.expect("it starts").status.success());
    let bytes = fs::read(saved).expect("readable");
    let units = bytes
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    String::from_utf16_lossy(&units.collect::<Vec<_>>())
}

/// A setup with all answers, for a configuration and a data folder of these names.
fn set_up(place: &Installation, config: &Path, data: &Path) {
    let account = place.sandbox.account();
    let mut command = place.command(SETUP);
    command.arg("--no-input").arg("--config").arg(config);
    command.args(["--discovery-url", &place.sandbox.url()]);
    command.arg("--data-dir").arg(data);
    command.args(["--email", account.email, "--app-id", account.app_id]);
    command.env("MIMECAST_PASSWORD", account.password);
    command.env("MIMECAST_APP_KEY", account.app_key);
    place.finish(command).ends_with(0);
}

fn collect(place: &Installation, program: &str, config: &Path) {
    let mut command = place.command(program);
    command.arg("--config").arg(config);
    place.finish(command).stays_silent();
}

/// The setup is the remedy: it leaves the file to its owner.
#[test]
fn a_proxys_password_that_others_can_read_is_not_used() {
    let place = Installation::configured("[network]\nproxy = \"http://user:canary@127.0.0.1:9\"");
    set_mode(&place.path("config.toml"), 0o644);
    for outcome in [place.siem(), place.audit()] {
        let outcome = outcome.ends_with(78).says("is open to other users");
        outcome.says("authentication_setup.exe").says("` again");
    }
    set_mode(&place.path("config.toml"), 0o600);
    assert_ne!(place.siem().code, 78);
}

#[test]
fn a_second_run_is_turned_away_while_one_works_and_let_in_after_a_kill() {
    let place = Installation::with_batches(1..2, 30);
    let stall = Wire::StallAt(100, Duration::from_secs(20));
    place.next(Endpoint::Siem, changes::wire(stall));
    let first = place.spawn_until(SIEM, Endpoint::Siem);
    let second = place.siem_says(75, "another run is collecting");
    assert!(second.took < Duration::from_secs(5), "{second:?}");
    place.audit().stays_silent(); // another stream is another lock
    place.kill(first);
    place.collects_logs();
}

#[test]
fn an_agent_that_holds_published_files_keeps_nothing_from_being_published() {
    let place = Installation::with_batches(1..2, 30);
    place.siem().stays_silent();
    let held = hold_all(&place.path("data/mta"));
    assert!(!held.is_empty());
    place.serve(Batch::realistic(2, 30));
    place.collects_logs();
    drop(held);
}

#[test]
fn an_old_file_that_is_held_is_left_for_a_later_run_without_waiting() {
    let place = Installation::connected();
    place.siem().stays_silent();
    let then = SystemTime::now() - Duration::from_secs(9 * 24 * 60 * 60);
    let names = ["receipt", "process", "delivery", "jrnl"];
    for name in names {
        let path = place.path(format!("data/mta/{name}_1_0123456789abcdef.siem"));
        fs::write(&path, "a=1\n").expect("written");
        let file = File::options().write(true).open(&path).expect("opened");
        file.set_modified(then).expect("set");
    }
    let held = hold_all(&place.path("data/mta"));
    let run = place.run(SIEM, ["--json"]).ends_with(0);
    assert_eq!(run.json()["pruned"], 0);
    assert!(run.took < Duration::from_secs(6), "{run:?}");
    assert_eq!(place.files("mta").len(), names.len());
    drop(held);
    let run = place.run(SIEM, ["--json"]).ends_with(0);
    assert_eq!(run.json()["pruned"], names.len());
}

#[test]
fn a_scanner_that_holds_the_state_for_a_moment_is_waited_for() {
    let place = Installation::with_batches(1..2, 30);
    place.siem().stays_silent();
    let published = place.files("mta").len();
    place.serve(Batch::realistic(2, 30));
    let held = hold(&place.path("checkpoint/siem.state")).expect("opened");
    let before = place.count(Endpoint::Siem);
    let run = place.spawn(SIEM);
    // the last answer has been asked for: the state is about to be replaced
    while place.count(Endpoint::Siem) < before + 2 {
        std::thread::yield_now();
    }
    std::thread::sleep(Duration::from_millis(800));
    assert_eq!(place.files("mta").len(), published, "it waits");
    drop(held);
    place.wait(run).stays_silent();
    place.assert_siem_complete();
}

#[test]
fn a_scanner_that_holds_new_files_too_long_delays_them_until_the_next_run_without_a_download() {
    let place = Installation::connected();
    place.serve(Batch::realistic(1, 3_000));
    let (tmp, is_over) = (place.path("data/tmp"), AtomicBool::new(false));
    let held = std::thread::scope(|scope| {
        let scanner = scope.spawn(|| scan(&tmp, &is_over));
        let outcome = place.siem().ends_with(74);
        outcome.says("publish into");
        is_over.store(true, Ordering::Relaxed);
        scanner.join().expect("it ends")
    });
    assert!(!held.is_empty());
    drop(held);
    place.always(Endpoint::Siem, changes::status(503));
    place.siem().ends_with(75); // nothing can be downloaded
    place.assert_siem_complete();
    place.clear();
    place.collects_logs();
}

/// Opens every finished file as soon as it appears, and keeps it open.
fn scan(folder: &Path, is_over: &AtomicBool) -> Vec<File> {
    let mut held = std::collections::BTreeMap::<PathBuf, File>::new();
    while !is_over.load(Ordering::Relaxed) {
        for entry in fs::read_dir(folder).expect("listed").flatten() {
            let path = entry.path();
            let is_staged = path.extension().is_some_and(|kind| kind == "staged");
            if is_staged && !held.contains_key(&path) {
                held.extend(hold(&path).map(|file| (path, file)));
            }
        }
    }
    held.into_values().collect()
}

#[test]
fn spaces_and_letters_of_every_alphabet_may_stand_in_all_paths() {
    let place = Installation::unconnected();
    let folder = place.path("Eigene Dateien & Ümläute, 日本 (x86)");
    let (config, data) = (folder.join("mein config.toml"), folder.join("Daten größer"));
    set_up(&place, &config, &data);
    for (run, program) in (0..).zip([SIEM, AUDIT, SIEM, AUDIT]) {
        place.serve(Batch::realistic(run, 20));
        collect(&place, program, &config);
    }
    assert!(fs::read_dir(data.join("mta")).expect("the folder").count() > 0);
    assert!(folder.join("checkpoint").is_dir() && folder.join("log").is_dir());
}

#[test]
fn names_of_devices_and_streams_become_ordinary_files() {
    let names = [
        "NUL.siem",
        "con",
        "AUX.log.siem",
        "com1.siem",
        "LPT9. .siem",
        "a:b.siem",
        "COM\u{b2}.siem",
    ];
    let place = Installation::connected();
    let lines: Vec<String> = (0..names.len()).map(|at| format!("number={at}")).collect();
    let entries = names.iter().zip(&lines);
    let entries = entries.map(|(name, line)| ZipEntry::new(name.as_bytes(), format!("{line}\n")));
    let batch = Batch::raw(ZipFile::new(entries).bytes()).with_lines(lines.iter().cloned());
    place.serve(batch);
    place.collects_logs();
    assert_eq!(place.files("mta").len(), names.len());
    for name in place.files("mta").into_keys() {
        let usual = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.');
        assert!(name.bytes().all(usual), "{name}");
        let (stem, _) = name.split_once('.').expect("an extension");
        assert!(stem.len() > 17, "no name of a device: {name}");
    }
}

#[test]
fn what_setup_saves_is_left_to_its_owner_whatever_the_folder_lets_in() {
    let place = Installation::unconnected();
    let (config, data) = (place.path("config.toml"), place.path("data"));
    set_up(&place, &config, &data);
    for private in ["credentials.toml", "checkpoint"] {
        let list = access_list(&place.path(private));
        for crowd in [
            ";WD)",
            ";BU)",
            ";AU)",
            ";S-1-1-0)",
            ";S-1-5-32-545)",
            ";S-1-5-11)",
        ] {
            assert!(!list.contains(crowd), "{private}: {list}");
        }
        assert!(list.contains(";SY)"), "{private}: {list}");
    }
    collect(&place, SIEM, &config);
}

#[test]
fn credentials_that_everybody_can_read_are_refused_until_setup_closes_them() {
    let place = Installation::unconnected();
    let (config, data) = (place.path("config.toml"), place.path("data"));
    set_up(&place, &config, &data);
    let asked = place.requests().len();
    set_mode(&place.path("credentials.toml"), 0o644);
    for outcome in [place.siem(), place.audit()] {
        let outcome = outcome.ends_with(78).says("open to other users (Everyone)");
        outcome.says("authentication_setup.exe").says("` again");
    }
    assert_eq!(place.requests().len(), asked, "nothing was asked");
    set_up(&place, &config, &data);
    place.siem().stays_silent();
}
