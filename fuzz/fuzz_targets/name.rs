//! Names of files. A foreign stem becomes a name that every file system accepts.
//!
//! - A name has only `[a-z0-9._-]`, fewer than 90 characters, and no dot at either end. It is not a device
//!   of Windows.
//! - The collector recognises its own names. A name made of the stem of a name is the same name.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mimecast_collector::fuzzing::Extension;
use mimecast_collector::fuzzing::{file_name, own_name};
use mimecast_collector_fuzz::sha256;

const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];

fn is_portable(name: &str) -> bool {
    let base = name.split('.').next().unwrap_or_default();
    let numbered = base
        .strip_prefix("com")
        .or_else(|| base.strip_prefix("lpt"));
    let is_device =
        DEVICES.contains(&base) || numbered.is_some_and(|rest| rest.chars().count() == 1);
    let known = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
    !is_device
        && name.bytes().all(known)
        && !name.starts_with(['.', '-'])
        && !name.ends_with('.')
        && !name.contains("..")
}

fuzz_target!(|data: &[u8]| {
    let stem = String::from_utf8_lossy(data);
    let extension = [Extension::Siem, Extension::Log, Extension::Json][data.len() % 3];
    let digest = sha256(data);
    let name = file_name(&stem, &digest, extension);
    assert!(
        is_portable(name.as_str()) && name.as_str().len() < 90,
        "{name}"
    );
    assert_eq!(own_name(name.as_str()), Some(name.clone()));
    assert_eq!(file_name(name.stem(), &digest, extension), name);
    assert!(name.as_str().contains(&format!("_{}.", &digest[..16])));
    if let Some(name) = own_name(&stem) {
        assert!(is_portable(name.as_str()) && name.as_str() == stem && !name.stem().is_empty());
        assert!(file_name(name.stem(), &digest, extension).stem() == name.stem());
    }
});
