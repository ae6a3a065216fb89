//! Pickles of the retired Python scripts.
//!
//! - An accepted pickle has few entries, and no part of it is a pickle.
//! - A reason for a refusal is one short line, and repeats no text of the pickle.
//! - A dict that Python 2 writes in any protocol is read back.
#![no_main]

use std::collections::BTreeMap;

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use mimecast_collector::fuzzing::pickle_entries;

fn check(bytes: &[u8]) {
    match pickle_entries(bytes) {
        Ok(entries) => {
            assert!(entries.len() <= 64);
            assert!(entries.iter().all(|(name, _)| name.is_ascii()));
            for cut in [bytes.len() / 2, bytes.len() - 1] {
                assert!(pickle_entries(&bytes[..cut]).is_err(), "cut at {cut}");
            }
            let longer = [bytes, b"."].concat();
            assert!(pickle_entries(&longer).is_err());
        }
        Err(why) => {
            assert!(
                why.is_ascii() && why.len() < 100 && !why.contains('\n'),
                "{why}"
            );
        }
    }
}

#[derive(Arbitrary, Debug)]
struct Scene {
    entries: Vec<(String, String)>,
    protocol: u8,
    references: bool,
}

/// Returns a text as Python 2 writes a `str` in protocol 0.
fn repr(text: &str) -> String {
    let letters = text.bytes().map(|byte| match byte {
        b'\\' => "\\\\".to_owned(),
        b'\'' => "\\'".to_owned(),
        b' '..=b'~' => char::from(byte).to_string(),
        byte => format!("\\x{byte:02x}"),
    });
    format!("'{}'", letters.collect::<String>())
}

fn play(scene: &Scene) {
    let entries = scene.entries.iter().take(30);
    let named = entries.map(|(name, text)| {
        let letters = name.chars().filter(char::is_ascii_alphanumeric);
        (letters.take(20).collect::<String>(), text.clone())
    });
    let named: BTreeMap<String, String> = named.collect();
    let in_text = scene.protocol.is_multiple_of(3);
    let mut bytes = match scene.protocol % 3 {
        0 => b"(dp0\n(".to_vec(),
        1 => b"}q\x00(".to_vec(),
        _ => b"\x80\x02}q\x00(".to_vec(),
    };
    for (number, (name, text)) in (1_u32..).zip(&named) {
        bytes.extend(format!("S'{name}'\n").bytes());
        if scene.references {
            bytes.extend(format!("p{number}\n").bytes());
        }
        if in_text {
            bytes.extend(format!("S{}\n", repr(text)).bytes());
        } else {
            bytes.push(b'X');
            bytes.extend((text.len() as u32).to_le_bytes());
            bytes.extend(text.bytes());
        }
    }
    bytes.extend(b"u.");
    let expected: Vec<_> = named
        .into_iter()
        .map(|(name, text)| (name, Some(text)))
        .collect();
    assert_eq!(pickle_entries(&bytes), Ok(expected));
    check(&bytes);
}

fuzz_target!(|data: &[u8]| {
    check(data);
    if let Ok(scene) = Scene::arbitrary(&mut Unstructured::new(data)) {
        play(&scene);
    }
});
