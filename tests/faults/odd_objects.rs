//! Objects of API 2.0 and lines of either generation that are odd: kept byte for byte where they can be
//! read to a clean end, kept raw where not.

use std::fs;

use super::Collector::{self, Objects, Siem};
use super::gzip;
use crate::harness::Installation;
use mimecast_sandbox::{Batch, Endpoint, Object, zip_of};

const LINE: &[u8] = b"{\"acc\":\"C0A0\",\"_offset\":1}\n";

/// A gzip file whose header has these flags and this between header and data.
fn with_header(flags: u8, more: &[u8]) -> Vec<u8> {
    let plain = gzip(LINE);
    let mut odd = plain[..10].to_vec();
    odd[3] = flags;
    odd.extend_from_slice(more);
    odd.extend_from_slice(&plain[10..]);
    odd
}

/// Every usual form of a gzip file that other tools write.
fn usual() -> Vec<Vec<u8>> {
    let (extra, name, comment, text) = (4, 8, 16, 1);
    vec![
        with_header(extra, b"\x05\0ab\x01\0x"),
        with_header(name, b"part-0001.json\0"),
        with_header(comment, b"made by a gateway\0"),
        with_header(text, b""),
        [gzip(LINE), gzip(b""), gzip(b"")].concat(),
        [gzip(b""), gzip(LINE)].concat(),
        [gzip(LINE), vec![0; 512]].concat(),
    ]
}

#[test]
fn every_usual_form_of_a_gzip_file_comes_out_whole() {
    let place = Objects.behind();
    for body in usual() {
        let lines = [LINE.strip_suffix(b"\n").expect("a break")];
        place.serve_objects("receipt", [Object::raw(body).with_lines(lines)]);
    }
    // equal contents of different objects are different events
    Objects.overcomes(&place);
}

/// What is no whole gzip file, by what is wrong with it.
fn unusual() -> Vec<(&'static str, Vec<u8>)> {
    let whole = gzip(&LINE.repeat(40));
    let size = whole.len();
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x40;
        bytes
    };
    let two = [whole.clone(), gzip(LINE)].concat();
    vec![
        ("the checksum is wrong", flipped(size - 7)),
        ("the size is wrong", flipped(size - 1)),
        ("a method that nobody knows", flipped(2)),
        ("cut in its last 8 bytes", whole[..size - 3].to_vec()),
        ("cut before its last 8 bytes", whole[..size - 8].to_vec()),
        ("cut in its header", whole[..6].to_vec()),
        ("cut in its second member", two[..size + 14].to_vec()),
        ("no gzip at all", LINE.to_vec()),
        ("an archive", zip_of(&[("receipt_1.siem", LINE)])),
        ("one byte", vec![0x1f]),
    ]
}

#[test]
fn what_is_no_whole_gzip_file_is_kept_raw_and_the_objects_around_it_arrive() {
    let place = Objects.behind();
    let all = unusual();
    for (_, bytes) in &all {
        place.serve_objects("receipt", [Object::raw(bytes.as_slice())]);
        Objects.refill(&place);
    }
    let report = place
        .run(Objects.program(), ["--json"])
        .ends_with(65)
        .json();
    let warnings = report["warnings"].as_array().expect("a list");
    assert_eq!(warnings.len(), all.len(), "one for each: {report}");
    let folder = place.path("checkpoint/quarantine");
    let raw = place.quarantined().into_iter();
    let raw = raw.filter(|name| name.ends_with(".raw"));
    let mut kept: Vec<Vec<u8>> = raw
        .map(|name| fs::read(folder.join(name)).expect("readable"))
        .collect();
    let mut served: Vec<Vec<u8>> = all.into_iter().map(|(_, bytes)| bytes).collect();
    kept.sort_unstable();
    served.sort_unstable();
    assert!(kept == served, "P1: the very bytes that were served");
    Objects.overcomes(&place);
}

#[test]
fn bytes_behind_a_whole_gzip_file_are_told_and_kept_and_its_lines_arrive() {
    let place = Objects.behind();
    let body = [&gzip(LINE), &b"\0\0garbage"[..]].concat();
    let lines = [LINE.strip_suffix(b"\n").expect("a break")];
    place.serve_objects("receipt", [Object::raw(&*body).with_lines(lines)]);
    place.siem_says(65, "bytes follow its end");
    assert!(place.quarantined_bytes() == [body]);
    Objects.overcomes(&place);
}

/// Lines as no log has them.
fn strange() -> Vec<Vec<u8>> {
    let utf_16: Vec<u8> = "a=1|b=ü\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    vec![
        b"a=1\r\nb=2\r\n".to_vec(),
        b"a=1\rb=2\rc=3".to_vec(),
        b"\xef\xbb\xbfa=1\n".to_vec(),
        [&b"\xff\xfe"[..], &*utf_16].concat(),
        b"a=\0\0|b=\xff\xfe\xc3\n".to_vec(),
        b"\n\n\n".to_vec(),
        "a=\u{85}\u{2028}\u{2029}|b=\u{202e}\n".as_bytes().to_vec(),
        b"\x1b[31mred\x07\x08\n".to_vec(),
        [vec![b'x'; 5 << 20], b"\n".to_vec()].concat(),
        b"{\"open\":".to_vec(),
    ]
}

/// The contents of all published files but for the line break that may have been added.
fn contents(place: &Installation) -> Vec<Vec<u8>> {
    let files = place.files("mta").into_values();
    let mut contents: Vec<Vec<u8>> = files
        .map(|content| content.strip_suffix(b"\n").unwrap_or(&content).to_vec())
        .collect();
    contents.sort_unstable();
    contents
}

#[test]
fn strange_lines_stay_byte_for_byte_under_either_generation() {
    for collector in [Siem, Objects] {
        let place = Installation::connected();
        collector.configure(&place, "");
        let strange = strange();
        for (number, text) in strange.iter().enumerate() {
            let name = format!("receipt_{number}.siem");
            match collector {
                Siem => place.serve(Batch::files(&[(&name, text)])),
                _ => place.serve_objects("receipt", [Object::text(text.as_slice())]),
            };
        }
        collector.run(&place).stays_silent();
        let mut expected: Vec<Vec<u8>> = strange
            .into_iter()
            .map(|text| text.strip_suffix(b"\n").unwrap_or(&text).to_vec())
            .collect();
        expected.sort_unstable();
        assert!(contents(&place) == expected, "{collector:?}");
        collector.run(&place).stays_silent();
    }
}

/// 200 MB of zeros in 200 KB: bounded by the ratio in an archive, written out as a line in an object.
#[test]
fn an_archive_that_unpacks_without_end_is_kept_and_what_follows_arrives() {
    let place = Siem.behind();
    let zeros = vec![0; 200 << 20];
    let bomb = zip_of(&[("receipt_1.siem", &zeros)]);
    drop(zeros);
    assert!(bomb.len() < 1 << 20);
    place.serve(Batch::raw(bomb).with_lines([b""; 0]));
    Siem.refill(&place);
    Siem.run(&place).ends_with(65).says("per byte allowed");
    place.assert_siem_complete();
    Siem.overcomes(&place);
}

#[test]
fn an_object_that_is_empty_though_it_was_listed_with_a_size_is_not_taken_for_one_without_events() {
    let place = Objects.behind();
    let empty = |reply: &mut mimecast_sandbox::Reply| reply.set_body([]);
    // somebody between here and the store answers once with nothing
    place.next(Endpoint::Object, empty);
    Objects.overcomes(&place);
    // and now for everything, run after run: that says nothing of any object
    Objects.refill(&place);
    let before = place.files("mta");
    place.always(Endpoint::Object, empty);
    for code in [75, 75, 78] {
        Objects
            .run(&place)
            .ends_with(code)
            .says("could not be collected");
    }
    assert_eq!(place.files("mta"), before);
    place.clear();
    Objects.overcomes(&place);
}

/// As many as an archive can have without the structures of zip64.
#[test]
fn sixty_thousand_members_that_hold_nothing_make_no_file() {
    let place = Siem.behind();
    let names: Vec<String> = (0..60_000).map(|number| format!("{number}.siem")).collect();
    let members: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    place.serve(Batch::raw(zip_of(&members)).with_lines([b""; 0]));
    let outcome = Collector::Siem.run(&place);
    outcome.stays_silent();
    place.assert_siem_complete();
}
