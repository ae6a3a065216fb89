//! Pickles as Python 2 writes them, and pickles that must be refused.

use proptest::prelude::*;

use super::*;

/// The entries of a dict as texts.
fn entries(bytes: &[u8]) -> Result<Vec<(String, String)>, String> {
    let dict = read(bytes).map_err(|refused| refused.0)?;
    let entries = dict.into_iter();
    let entries = entries.map(|(name, text)| (name, text.shown().into_owned()));
    Ok(entries.collect())
}

fn one(name: &str, text: &str) -> Result<Vec<(String, String)>, String> {
    Ok(vec![(name.to_owned(), text.to_owned())])
}

#[test]
fn a_dict_of_texts_is_read_in_each_protocol_of_python_2() {
    let expected: Result<Vec<_>, String> = Ok([("a", "/x"), ("b", "C0")]
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .to_vec());
    for bytes in [
        &b"(dp0\nS'a'\np1\nS'/x'\np2\nsS'b'\np3\nVC0\np4\ns."[..],
        b"}q\x00(U\x01aq\x01U\x02/xq\x02U\x01bq\x03X\x02\x00\x00\x00C0q\x04u.",
        b"\x80\x02}q\x00(U\x01aq\x01U\x02/xq\x02U\x01bq\x03X\x02\x00\x00\x00C0q\x04u.",
        // each instruction that these do not have
        b"(S'a'\nT\x02\x00\x00\x00/xS\"b\"\nVC0\nd.",
        b"}r\x00\x01\x00\x00U\x01bU\x02C0sU\x01aU\x02/xs.",
    ] {
        assert_eq!(entries(bytes), expected, "{}", bytes.escape_ascii());
    }
}

#[test]
fn a_text_may_be_used_twice_and_a_dict_may_be_empty() {
    assert_eq!(entries(b"(dS'a'\np1\ng1\ns."), one("a", "a"));
    assert_eq!(entries(b"}U\x01aq\x01h\x01s."), one("a", "a"));
    assert_eq!(
        entries(b"}U\x01ar\x01\x01\x00\x00j\x01\x01\x00\x00s."),
        one("a", "a")
    );
    assert_eq!(entries(b"(dp0\n."), Ok(Vec::new()));
}

#[test]
fn escapes_are_read_as_python_writes_them() {
    for (line, expected) in [
        (r"S'a\\b'", r"a\b"),
        (r#"S"it's""#, "it's"),
        (r#"S'it\'s "x"'"#, r#"it's "x""#),
        (r"S'\t\r\n\x7f\xc3\xa4'", "\t\r\n\u{7f}ä"),
        (r"Va\u005cb\u000ac", "a\\b\nc"),
        (r"V\u65e5\U0001f600", "日😀"),
        (r"V\ud83d\ude00", "😀"),
    ] {
        let bytes = format!("(dS'a'\n{line}\ns.");
        assert_eq!(entries(bytes.as_bytes()), one("a", expected), "{line}");
    }
    assert_eq!(entries(b"(dS'a'\nV\xe4\ns."), one("a", "ä")); // Latin-1
}

#[test]
fn bytes_that_are_not_utf_8_are_kept_and_are_no_text() {
    for bytes in [&b"(dS'a'\nS'\\xe4'\ns."[..], b"}U\x01aU\x01\xe4s."] {
        let dict = read(bytes).unwrap_or_else(|refused| panic!("{refused:?}"));
        assert_eq!(dict["a"].as_str(), None);
        assert_eq!(dict["a"].shown(), "\u{fffd}");
    }
}

#[test]
fn an_instruction_that_can_run_code_is_refused_where_it_stands() {
    for (name, bytes) in [
        ("GLOBAL, REDUCE", &b"cos\nsystem\n(S'true'\ntR."[..]),
        ("GLOBAL in a dict", b"(dS'a'\ncos\nsystem\ns."),
        ("REDUCE", b"R."),
        ("BUILD", b"(dS'a'\nS'b'\nsb."),
        ("INST", b"(S'true'\nios\nsystem\n."),
        ("OBJ", b"(dS'a'\nS'b'\nso."),
        ("NEWOBJ", b"\x80\x02}\x81."),
        ("EXT1", b"\x80\x02\x82\x01."),
        ("EXT2", b"\x80\x02\x83\x01\x00."),
        ("EXT4", b"\x80\x02\x84\x01\x00\x00\x00."),
        ("PERSID", b"P1\n."),
        ("BINPERSID", b"(dQ."),
        ("NEWOBJ_EX", b"\x92."),
        ("STACK_GLOBAL", b"U\x02osU\x06system\x93."),
    ] {
        let why = entries(bytes).expect_err(name);
        assert!(why.contains("can run code"), "{name}: {why}");
    }
}

#[test]
fn everything_else_that_is_not_a_dict_of_texts_is_refused() {
    let deep = [&[b'('; 1_000_000][..], b"."].concat();
    let dicts = [&[b'}'; 1_000_000][..], b"."].concat();
    let mut bomb = b"}U\x01aU\xff".to_vec();
    bomb.extend([b'x'; 255]);
    bomb.extend(b"q\x01");
    bomb.extend(b"h\x01".repeat(30_000));
    let memo: Vec<u8> = (0_u32..1_000)
        .flat_map(|number| [&b"r"[..], &number.to_le_bytes()].concat())
        .collect();
    let memo = [b"}", &memo[..], b"."].concat();
    for (bytes, why) in [
        (&b""[..], "cut short"),
        (b"(dp0\nS'a'\np1\nS'b'\np2\ns", "cut short"),
        (b"(dS'a", "cut short"),
        (b"}U\xffabc.", "cut short"),
        (b"}T\xff\xff\xff\xffabc.", "cut short"),
        (b"}X\xff\xff\xff\x7fabc.", "cut short"),
        (b"(d.\n", "bytes after its end"),
        (b"(d.(d.", "bytes after its end"),
        (b"\x80\x03}.", "protocol 3"),
        (b"\x80\x04\x95\x00", "protocol 4"),
        (b"}\x80\x02.", "protocol 2"),
        (b".", "not hold one dict"),
        (b"S'a'\n.", "not hold one dict"),
        (b"}}.", "not hold one dict"),
        (b"(}.", "not hold one dict"),
        (b"I1\n.", "do not write"),
        (b"(dS'a'\nI1\ns.", "do not write"),
        (b"(dS'a'\n(lp1\ns.", "do not write"),
        (b"N.", "do not write"),
        (b"}U\x01a}s.", "not a text with a name"),
        (b"}}U\x01as.", "not a text with a name"),
        (b"}(U\x01au.", "not a text with a name"),
        (b"}((u.", "belongs to no dict"),
        (b"}U\x01\xe4U\x01as.", "not ASCII"),
        (b"}U\x01aU\x01bsU\x01aU\x01bs.", "twice"),
        (b"U\x01as.", "incomplete"),
        (b"s.", "incomplete"),
        (b"U\x01aU\x01bs.", "belongs to no dict"),
        (b"(u.", "belongs to no dict"),
        (b"d.", "no beginning"),
        (b"g1\n.", "does not hold"),
        (b"}q\x00h\x00.", "refers to itself"),
        (b"q\x00.", "not there"),
        (b"(q\x00.", "not there"),
        (b"}q\x00q\x00.", "too often"),
        (b"}p-1\n.", "not a number"),
        (b"}p\n.", "not a number"),
        (b"}p+1\n.", "not a number"),
        (b"}p9999999999\n.", "not a number"),
        (b"S'\n.", "not between quotes"),
        (b"Sa\n.", "not between quotes"),
        (b"S'a\"\n.", "not between quotes"),
        (b"S'a'b'\n.", "should be escaped"),
        (b"S'\xe4'\n.", "should be escaped"),
        (b"S'\\a'\n.", "unknown escape"),
        (b"S'\\'\n.", "inside an escape"),
        (b"S'\\x4'\n.", "inside an escape"),
        (b"S'\\xzz'\n.", "hexadecimal"),
        (b"Va\\b\n.", "unknown escape"),
        (b"V\\u12\n.", "inside an escape"),
        (b"V\\ud83d\n.", "half a letter"),
        (b"V\\UFFFFFFFF\n.", "does not exist"),
        (b"X\x01\x00\x00\x00\xe4.", "not UTF-8"),
        (&deep, "too many values"),
        (&dicts, "too many values"),
        (&bomb, "too many values"),
        (&memo, "too often"),
    ] {
        let shown = bytes[..bytes.len().min(40)].escape_ascii();
        let found = entries(bytes).expect_err("refused");
        assert!(found.contains(why), "{shown}: {found}, not {why}");
    }
}

/// Returns the text as Python 2 writes a `str` in protocol 0.
fn repr(bytes: &[u8]) -> String {
    let letters = bytes.iter().map(|byte| match byte {
        b'\\' => r"\\".to_owned(),
        b'\'' => r"\'".to_owned(),
        b' '..=b'~' => char::from(*byte).to_string(),
        byte => format!("\\x{byte:02x}"),
    });
    format!("'{}'", letters.collect::<String>())
}

/// Instructions, each complete.
const STEPS: &[&[u8]] = &[
    b"(",
    b"}",
    b"d",
    b"s",
    b"u",
    b"S'a'\n",
    b"Va\n",
    b"U\x01b",
    b"p1\n",
    b"q\x02",
    b"g1\n",
    b"h\x02",
    b"\x80\x02",
    b".",
    b"T\x01\x00\x00\x00c",
];

proptest! {
    #[test]
    fn every_dict_is_read_back(
        wanted in prop::collection::btree_map("[a-z_]{1,20}", ".{0,40}", 0..10),
        protocol in 0..3,
    ) {
        let mut bytes: Vec<u8> = [&b"("[..], b"}(", b"\x80\x02}("][protocol as usize].to_vec();
        for (name, text) in &wanted {
            if protocol == 0 {
                bytes.extend(format!("S{}\nS{}\n", repr(name.as_bytes()), repr(text.as_bytes())).bytes());
            } else {
                bytes.extend([b'U', name.len() as u8]);
                bytes.extend(name.bytes());
                bytes.push(b'X');
                bytes.extend((text.len() as u32).to_le_bytes());
                bytes.extend(text.bytes());
            }
        }
        bytes.extend(if protocol == 0 { b"d." } else { b"u." });
        let wanted: Vec<_> = wanted.into_iter().collect();
        prop_assert_eq!(entries(&bytes), Ok(wanted));
        // nothing shorter is a pickle
        for end in 0..bytes.len() {
            prop_assert!(read(&bytes[..end]).is_err());
        }
    }

    #[test]
    fn no_bytes_are_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes);
    }

    #[test]
    fn no_instructions_are_too_odd(
        steps in prop::collection::vec(prop::sample::select(STEPS), 0..40),
    ) {
        let _ = read(&steps.concat());
    }
}
