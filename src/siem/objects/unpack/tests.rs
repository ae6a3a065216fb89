//! Unpacks objects, complete and damaged.

use super::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

fn packed(lines: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(lines).unwrap();
    encoder.finish().unwrap()
}

/// Returns the lines and the damage. Memory is not a disk, so no other error is possible.
fn read(bytes: &[u8], aliases: Aliases) -> (Vec<u8>, Option<String>) {
    let mut found = Vec::new();
    let fault = lines(bytes, &mut found, aliases, &|| Ok(())).unwrap();
    (found, fault.map(|fault| fault.what))
}

fn aliased(line: &str) -> String {
    let mut line = line.as_bytes().to_vec();
    add_aliases(&mut line);
    String::from_utf8(line).unwrap()
}

#[test]
fn aliases_are_added_at_the_end_and_nothing_else_changes() {
    assert_eq!(
        aliased("{\"type\":\"receipt\",\"a\":\"\\/ }\", \"subtype\":null}\r\n"),
        "{\"type\":\"receipt\",\"a\":\"\\/ }\", \"subtype\":null,\"eventType\":\"receipt\",\"subType\":null}\r\n"
    );
    for unchanged in [
        "{\"eventType\":\"x\",\"type\":\"y\"}\n",
        "[1]\n",
        "{\"type\":\n",
        "\n",
        "}",
    ] {
        assert_eq!(aliased(unchanged), unchanged);
    }
}

#[test]
fn only_lines_of_the_listed_type_pass_for_an_unpacked_object() {
    for (text, expected) in [
        ("{\"type\":\"url protect\",\"a\":1}\n", true),
        (
            "{\"type\":\"url_protect\"}\n\n{\"eventType\":\"Url Protect\"}",
            true,
        ),
        (
            "{\"type\":\"url protect\"}\n{\"type\":\"receipt\"}\n",
            false,
        ),
        ("{\"type\":\"url protect\"}\n{\"type\":\"url pro", false),
        ("{\"error\":\"blocked\"}\n", false),
        ("<html>url protect</html>", false),
        ("\n\n", false),
        ("", false),
    ] {
        let found = are_lines_of_type(&mut text.as_bytes(), "url protect").unwrap();
        assert_eq!(found, expected, "{text}");
    }
}

proptest! {
    #[test]
    fn an_object_is_whole_or_at_fault_and_never_the_disk(
        members in prop::collection::vec("(\\{\"type\":\"[a-z]{0,9}\"\\}\n|\\PC{0,9})", 1..4),
        damage in any::<(prop::sample::Index, u8)>(),
        cut in 1_usize..40,
    ) {
        let whole: Vec<u8> = members.iter().flat_map(|lines| packed(lines.as_bytes())).collect();
        let text = members.concat();
        prop_assert_eq!(read(&whole, Aliases::Off), (text.clone().into_bytes(), None));
        prop_assert_eq!(read(&whole, Aliases::On).1, None);

        let mut damaged = whole.clone();
        damaged[damage.0.index(whole.len())] ^= damage.1;
        let (lines, fault) = read(&damaged, Aliases::Off);
        prop_assert!(fault.is_some() || lines == text.as_bytes());

        let cut = &whole[..whole.len().saturating_sub(cut).max(1)];
        let (lines, fault) = read(cut, Aliases::Off);
        let is_prefix = text.as_bytes().starts_with(&lines) && lines.len() < text.len();
        prop_assert!(fault.is_some() || is_prefix || members.last().is_some_and(String::is_empty));
    }

    #[test]
    fn bytes_that_are_no_object_are_to_blame_themselves(
        start in prop::sample::select(vec![&b""[..], b"\x1f\x8b\x08\x00", b"\x1f\x8b\x08\x04"]),
        bytes in prop::collection::vec(any::<u8>(), 1..200),
    ) {
        read(&[start, &bytes].concat(), Aliases::On);
    }
}
