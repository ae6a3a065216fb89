//! Tests with random and systematic damage.

use proptest::prelude::*;

use super::builder::{archive64, good};
use super::read;

/// Returns a small archive with every form of entry, and the contents of its members.
fn small() -> (Vec<u8>, Vec<Vec<u8>>) {
    let entries = [
        good("a"),
        good("b").streamed(),
        good("c").stored(),
        good("d").with(|entry| entry.is_zip64 = true),
    ];
    (
        archive64(&entries),
        entries.map(|entry| entry.data).to_vec(),
    )
}

#[test]
fn no_flipped_byte_makes_a_wrong_content_whole() {
    let (bytes, contents) = small();
    for at in 0..bytes.len() {
        for flip in [1, 0x10, 0x80, 0xFF] {
            let mut damaged = bytes.clone();
            damaged[at] ^= flip;
            let (whole, faults) = read(&damaged);
            assert!(
                whole.iter().all(|(_, content)| contents.contains(content)),
                "byte {at}"
            );
            assert!(
                whole.len() == contents.len() || !faults.is_empty(),
                "byte {at}"
            );
        }
    }
}

#[test]
fn no_cut_archive_is_read() {
    let (bytes, _) = small();
    for length in 1..bytes.len() {
        let (whole, faults) = read(&bytes[..length]);
        assert_eq!((whole.len(), faults.len()), (0, 1), "{length} bytes");
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(
        start in prop::sample::select(vec![&b""[..], b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06"]),
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        end in prop::sample::select(vec![&b""[..], b"PK\x05\x06\0\0\0\0\x01\0\x01\0\0\0\0\0\0\0\0\0\0\0"]),
    ) {
        read(&[start, &bytes, end].concat());
    }

    #[test]
    fn an_archive_of_scattered_damage_never_panics_or_lies(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in 0..4_usize,
    ) {
        let (mut bytes, contents) = small();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(bytes.len() - cut);
        let (whole, _) = read(&bytes);
        prop_assert!(whole.iter().all(|(_, content)| contents.contains(content)));
    }

    #[test]
    fn an_archive_with_wild_numbers_in_its_directory_never_panics(
        from_end in 0..400_usize,
        number in prop::sample::select(vec![0_u64, 0xFFFF, 0xFFFF_FFFF, 1 << 63, u64::MAX - 20, u64::MAX]),
        width in prop::sample::select(vec![2_usize, 4, 8]),
    ) {
        let (mut bytes, contents) = small();
        let at = bytes.len() - width - from_end;
        bytes[at..at + width].copy_from_slice(&number.to_le_bytes()[..width]);
        let (whole, _) = read(&bytes);
        prop_assert!(whole.iter().all(|(_, content)| contents.contains(content)));
    }
}
