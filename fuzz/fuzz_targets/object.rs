//! The reader of gzip objects.
//!
//! - The reader blames the bytes and never the disk, because a disk error would stop collection for ever.
//! - An empty input is not an object.
//! - The lines of a clean object, or of one with bytes after it, are those that were packed. An object
//!   without its last byte is never clean, even if zeros followed it.
//! - Aliases do not change the number of lines. They only add members before the last brace of a line.
#![no_main]

use std::io::Write as _;

use arbitrary::{Arbitrary, Unstructured};
use flate2::Compression;
use flate2::write::GzEncoder;
use libfuzzer_sys::fuzz_target;
use mimecast_collector::fuzzing::Aliases;
use mimecast_collector::fuzzing::object;
use serde_json::Value;

type Fault = Option<(String, bool)>;

fn unpack(packed: &[u8], aliases: Aliases) -> (Vec<u8>, Fault) {
    let mut lines = Vec::new();
    let fault = object(packed, aliases, &mut lines).expect("memory is no disk that fails");
    (lines, fault)
}

fn check(packed: &[u8]) -> Option<Vec<u8>> {
    let (plain, fault) = unpack(packed, Aliases::Off);
    let (aliased, other) = unpack(packed, Aliases::On);
    assert_eq!(fault, other);
    let is_clean = match fault {
        None => true,
        Some((_, true)) => false, // bytes follow the object, and the collector publishes the lines
        Some((_, false)) => return None,
    };
    let (before, after) = (
        plain.split(|byte| *byte == b'\n'),
        aliased.split(|byte| *byte == b'\n'),
    );
    assert_eq!(before.clone().count(), after.clone().count());
    for (before, after) in before.zip(after) {
        if before != after {
            check_line(before, after);
        }
    }
    if !is_clean {
        return Some(plain);
    }
    let last = packed.iter().rposition(|byte| *byte != 0);
    let cut = &packed[..last.expect("a clean object has a header")];
    let (_, fault) = unpack(cut, Aliases::Off);
    assert!(fault.is_some(), "a cut object is clean");
    Some(plain)
}

fn check_line(before: &[u8], after: &[u8]) {
    let end = before
        .iter()
        .rposition(|byte| *byte == b'}')
        .expect("an object");
    let tail = before.len() - end;
    assert_eq!(&after[..end], &before[..end]);
    assert_eq!(&after[after.len() - tail..], &before[end..]);
    let added = &after[end..after.len() - tail];
    assert!(added.starts_with(br#","eventType":"#) || added.starts_with(br#","subType":"#));
    let read = |line: &[u8]| serde_json::from_slice::<Value>(line).ok();
    if let Some(Value::Object(before)) = read(before) {
        let Some(Value::Object(mut after)) = read(after) else {
            panic!("an alias made JSON into something else");
        };
        for alias in ["eventType", "subType"] {
            if !before.contains_key(alias) {
                after.remove(alias);
            }
        }
        assert_eq!(before, after);
    }
}

#[derive(Arbitrary, Debug)]
struct Scene {
    members: Vec<Part>,
    damage: Option<(u16, u8)>,
    cut: u8,
    behind: Vec<u8>,
}

#[derive(Arbitrary, Debug)]
struct Part {
    kind: String,
    rest: Vec<u8>,
    level: u8,
}

fn play(scene: &Scene) {
    let (mut packed, mut content) = (Vec::new(), Vec::new());
    let mut prefixes = vec![Vec::new()];
    for part in scene.members.iter().take(4) {
        let line = serde_json::json!({"type": part.kind, "subtype": null}).to_string();
        let line = [line.as_bytes(), b"\n", &part.rest].concat();
        let level = Compression::new(u32::from(part.level % 10));
        let mut encoder = GzEncoder::new(Vec::new(), level);
        encoder.write_all(&line).expect("memory takes all");
        packed.extend(encoder.finish().expect("memory takes all"));
        content.extend(line);
        prefixes.push(content.clone());
    }
    let is_cut = scene.cut != 0 && !packed.is_empty();
    packed.truncate(packed.len().saturating_sub(usize::from(scene.cut)));
    let mut is_damaged = is_cut;
    if let Some((at, flip)) = scene
        .damage
        .filter(|(_, flip)| *flip != 0 && !packed.is_empty())
    {
        let at = usize::from(at) % packed.len();
        packed[at] ^= flip;
        is_damaged = true;
    }
    // bytes that begin another gzip member are part of the object
    let first = scene.behind.iter().find(|byte| **byte != 0);
    if !packed.is_empty() && !is_cut && first != Some(&0x1f) {
        packed.extend(&scene.behind);
    }
    if packed.is_empty() {
        return assert!(check(&packed).is_none(), "an object of no bytes is clean");
    }
    match check(&packed) {
        Some(lines) => assert!(prefixes.contains(&lines), "lines that were never packed"),
        None => assert!(is_damaged, "a sound object is refused"),
    }
}

fuzz_target!(|data: &[u8]| {
    check(data);
    if let Ok(scene) = Scene::arbitrary(&mut Unstructured::new(data)) {
        play(&scene);
    }
});
