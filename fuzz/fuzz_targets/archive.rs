//! The archive reader.
//!
//! - The reader returns at most as many bytes as the limits allow, for a member and for all together.
//! - For a clean archive the reader returns every file of the directory, with the right checksum.
//! - A clean archive that is cut at any place is not clean.
//! - The reader returns only content that was put in, even if the archive is false or damaged.
#![no_main]

use std::convert::Infallible;
use std::io::{Cursor, Read as _};

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use mimecast_collector::fuzzing::{Limits, members};
use mimecast_collector_fuzz::zips::Plan;

const LIMITS: Limits = Limits {
    entries: 64,
    member_bytes: 1 << 20,
    total_bytes: 2 << 20,
    ratio: 400,
};
const TIGHT: Limits = Limits {
    entries: 3,
    member_bytes: 50,
    total_bytes: 80,
    ratio: 400,
};

/// The whole members with their names, and the faults.
struct Outcome {
    whole: Vec<(String, Vec<u8>)>,
    faults: Vec<String>,
}

fn read(bytes: &[u8], limits: &Limits) -> Outcome {
    let mut whole = Vec::new();
    let (mut count, mut total) = (0, 0);
    let faults = members(Cursor::new(bytes), limits, |member| {
        let mut content = Vec::new();
        let result = member.read_to_end(&mut content);
        assert_eq!(result.is_ok(), member.is_whole());
        assert_ne!(member.is_whole(), member.is_faulty());
        count += 1;
        total += content.len() as u64;
        assert!(content.len() as u64 <= limits.member_bytes);
        if member.is_whole() {
            whole.push((member.name().to_owned(), content));
        }
        Ok::<_, Infallible>(())
    });
    assert!(total <= limits.total_bytes && count <= limits.entries);
    let faults = faults.expect("memory can always be read");
    let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
    for fault in &faults {
        assert!(fault.chars().count() <= 300 && !fault.contains(char::is_control));
    }
    Outcome { whole, faults }
}

/// Returns the checksums of the files in the directory, or `None` for a zip64 archive.
fn declared(bytes: &[u8]) -> Option<Vec<u32>> {
    let number = |at: usize, width: usize| {
        let field = bytes.get(at..at + width)?;
        Some(
            field
                .iter()
                .rev()
                .fold(0, |sum, byte| sum << 8 | usize::from(*byte)),
        )
    };
    let end = bytes
        .windows(4)
        .rposition(|window| window == b"PK\x05\x06")?;
    let (count, mut at) = (number(end + 10, 2)?, number(end + 16, 4)?);
    if count == 0xFFFF || at == 0xFFFF_FFFF {
        return None;
    }
    let mut checksums = Vec::new();
    for _ in 0..count {
        let name = bytes.get(at + 46..at + 46 + number(at + 28, 2)?)?;
        let is_folder = name.ends_with(b"/") || name.ends_with(b"\\");
        if !is_folder && number(at + 38, 4)? >> 28 != 4 {
            checksums.push(number(at + 16, 4)? as u32);
        }
        at += 46 + number(at + 28, 2)? + number(at + 30, 2)? + number(at + 32, 2)?;
    }
    Some(checksums)
}

fn check(bytes: &[u8]) -> Outcome {
    read(bytes, &TIGHT);
    let outcome = read(bytes, &LIMITS);
    if outcome.faults.is_empty() && !bytes.is_empty() {
        if let Some(checksums) = declared(bytes) {
            let found = outcome
                .whole
                .iter()
                .map(|(_, content)| crc32fast::hash(content));
            assert_eq!(found.collect::<Vec<_>>(), checksums);
        }
        for cut in [1, 2, 21, 22, bytes.len() / 2, bytes.len() - 1] {
            if (1..bytes.len()).contains(&cut) {
                let cut = &bytes[..bytes.len() - cut];
                assert!(
                    !read(cut, &LIMITS).faults.is_empty(),
                    "a cut archive is clean"
                );
            }
        }
    }
    outcome
}

#[derive(Arbitrary, Debug)]
struct Scene {
    plan: Plan,
    /// The bytes to change, at most three, because more could make another valid archive.
    damage: Vec<(u16, u8)>,
}

fn play(scene: &Scene) {
    let mut bytes = scene.plan.bytes();
    let mut is_damaged = false;
    for (at, flip) in scene.damage.iter().take(3) {
        let at = usize::from(*at) % bytes.len();
        bytes[at] ^= flip;
        is_damaged |= *flip != 0;
    }
    let contents: Vec<_> = scene.plan.entries().map(|entry| entry.content()).collect();
    let outcome = check(&bytes);
    for (name, content) in &outcome.whole {
        assert!(contents.contains(content), "{name:?} was never put in");
    }
    let is_small = contents.iter().map(Vec::len).sum::<usize>() <= 1 << 20;
    let is_plain = scene
        .plan
        .entries()
        .all(|entry| !entry.name.contains(['/', '\\']));
    let comment = scene.plan.comment.windows(2).any(|pair| pair == b"PK");
    if scene.plan.is_honest() && !is_damaged && is_small && is_plain && !comment {
        assert_eq!(outcome.faults, [""; 0]);
        let whole: Vec<_> = outcome
            .whole
            .into_iter()
            .map(|(_, content)| content)
            .collect();
        assert_eq!(whole, contents);
    }
}

fuzz_target!(|data: &[u8]| {
    check(data);
    if let Ok(scene) = Scene::arbitrary(&mut Unstructured::new(data)) {
        play(&scene);
    }
});
