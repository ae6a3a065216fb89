//! Tests of reading archives.

mod builder;
mod damage;
mod directory;
mod limits;
mod members;
mod reading;

use std::io::{Cursor, Read as _};

use super::{Fault, Limits, members as each_member};
use builder::{Entry, archive, good};

/// The whole members and the faults.
type Outcome = (Vec<(String, Vec<u8>)>, Vec<String>);

fn read_with(bytes: &[u8], limits: &Limits, step: usize) -> Outcome {
    let mut whole = Vec::new();
    let faults = each_member(Cursor::new(bytes), limits, |member| {
        let mut content = Vec::new();
        let mut buffer = vec![0; step];
        while let Ok(count @ 1..) = member.read(&mut buffer) {
            content.extend(&buffer[..count]);
        }
        assert_ne!(member.is_whole(), member.is_faulty());
        if member.is_whole() {
            whole.push((member.name().to_owned(), content));
        }
        Ok::<_, std::convert::Infallible>(())
    });
    (
        whole,
        faults.unwrap().iter().map(Fault::to_string).collect(),
    )
}

fn read(bytes: &[u8]) -> Outcome {
    read_with(bytes, &Limits::default(), 4 << 10)
}

/// Puts the entry between two good ones. Expects both good ones whole, and one fault.
#[track_caller]
fn faulty(entry: Entry, why: &str) {
    let (whole, faults) = read(&archive(&[good("first"), entry, good("last")]));
    assert_eq!(
        whole.iter().map(|(name, _)| &**name).collect::<Vec<_>>(),
        ["first", "last"]
    );
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].contains(why), "{faults:?}");
}

/// Expects one fault and no member.
#[track_caller]
fn refused(bytes: &[u8], why: &str) {
    let (whole, faults) = read(bytes);
    assert!(whole.is_empty(), "{whole:?}");
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].contains(why), "{faults:?}");
}
