//! Access lists as text (SDDL): `D:PAI(A;;FA;;;SY)(A;;0x1200a9;;;BU)`.
//!
//! Each pair of parentheses is an entry: type, flags, rights, two identifiers of object types, the account.
//! Some types also have a condition. An account is a SID, or a short name for a well-known SID. Every entry
//! that allows anything counts. An entry that denies does not offset it, so that the verdict can only be too
//! strict. Source: <https://learn.microsoft.com/en-us/windows/win32/secauthz/ace-strings>.

/// The groups of all or most users: short name, SID, and the name in messages.
const GROUPS: [(&str, &str, &str); 18] = [
    ("WD", "S-1-1-0", "Everyone"),
    ("AN", "S-1-5-7", "Anonymous"),
    ("NU", "S-1-5-2", "Network"),
    ("IU", "S-1-5-4", "Interactive"),
    ("AU", "S-1-5-11", "Authenticated Users"),
    ("BU", "S-1-5-32-545", "Users"),
    ("BG", "S-1-5-32-546", "Guests"),
    ("RU", "S-1-5-32-554", "Pre-Windows 2000 Compatible Access"),
    ("AC", "S-1-15-2-1", "All Application Packages"),
    ("", "S-1-2-0", "Local"),
    ("", "S-1-5-3", "Batch"),
    ("SU", "S-1-5-6", "Service"),
    ("", "S-1-5-13", "Terminal Server Users"),
    ("", "S-1-5-14", "Remote Interactive Logon"),
    ("", "S-1-5-113", "Local accounts"),
    ("", "S-1-15-2-2", "All Restricted Application Packages"),
    ("DU", "-513", "Domain Users"),
    ("DG", "-514", "Domain Guests"),
];
/// The SID of a domain begins with this, and ends with the number of the account.
const DOMAIN: &str = "S-1-5-21-";

/// Returns the first group that a list allows anything.
///
/// # Errors
/// A message if the text is not an access list.
pub(super) fn others(sddl: &str) -> Result<Option<String>, String> {
    let unknown = || format!("{sddl:?} is not an access list");
    let list = sddl.strip_prefix("D:").ok_or_else(unknown)?;
    let start = list.find('(').unwrap_or(list.len());
    let (flags, mut rest) = list.split_at(start);
    if flags.contains("NO_ACCESS_CONTROL") {
        return Ok(Some("Everyone, because there is no access list".to_owned()));
    }
    if !flags.bytes().all(|flag| flag.is_ascii_uppercase()) {
        return Err(unknown());
    }
    while let Some(open) = rest.strip_prefix('(') {
        let (entry, after) = split_entry(open).ok_or_else(unknown)?;
        let fields: Vec<&str> = entry.splitn(7, ';').collect();
        let [kind, flags, _rights, _, _, account, ..] = fields[..] else {
            return Err(unknown());
        };
        if is_for_the_file(kind, flags)
            && let Some(name) = group_name(account)
        {
            return Ok(Some(name.to_owned()));
        }
        rest = after;
    }
    // other parts, such as that of auditing, may follow
    if rest.is_empty() || rest.starts_with("S:") {
        Ok(None)
    } else {
        Err(unknown())
    }
}

/// Splits the text at the parenthesis that closes an entry. A condition has parentheses of its own.
fn split_entry(text: &str) -> Option<(&str, &str)> {
    let mut depth = 1_u32;
    let end = text.find(|letter| {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        depth == 0
    })?;
    Some((&text[..end], &text[end + 1..]))
}

/// True if an entry allows anything on the file itself, and not only on what inherits from it.
fn is_for_the_file(kind: &str, flags: &str) -> bool {
    let is_inherit_only = flags.as_bytes().chunks(2).any(|flag| flag == b"IO");
    matches!(kind, "A" | "OA" | "XA" | "ZA") && !is_inherit_only
}

fn group_name(account: &str) -> Option<&'static str> {
    let is_it = |short: &str, sid: &str| {
        account == short
            || account == sid
            || (sid.starts_with('-') && account.starts_with(DOMAIN) && account.ends_with(sid))
    };
    let mut groups = GROUPS.into_iter();
    groups.find_map(|(short, sid, name)| is_it(short, sid).then_some(name))
}

/// Returns a path without the prefix of its long form, which some programs refuse.
pub(super) fn short(path: &str) -> &str {
    let drive = path.strip_prefix(r"\\?\");
    drive
        .filter(|path| path.as_bytes().get(1) == Some(&b':'))
        .unwrap_or(path)
}

/// Returns the list in the output of `icacls /save`. The output has a line with the name and a line
/// with the list, in UTF-16.
pub(super) fn of_saved(bytes: &[u8]) -> Option<String> {
    let units = bytes
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let text = String::from_utf16(&units.collect::<Vec<_>>()).ok()?;
    let mut lines = text.lines();
    lines.find(|line| line.starts_with("D:")).map(str::to_owned)
}

/// Returns the SID in the output of `whoami /user`, which is `"domain\name","S-1-5-…"`.
pub(super) fn sid_of(said: &str) -> Option<&str> {
    let start = said.rfind("\"S-1-")? + 1;
    let (sid, _) = said[start..].split_once('"')?;
    let digits = |byte: u8| matches!(byte, b'0'..=b'9' | b'-');
    sid[1..].bytes().all(digits).then_some(sid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn owner_system_and_administrators_are_nobody_else() {
        for sddl in [
            "D:PAI(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;S-1-5-21-1004336348-1177238915-682003330-1001)",
            "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;OW)",
            "D:AI(A;ID;FA;;;S-1-5-18)(A;ID;FA;;;S-1-5-32-544)(A;ID;FA;;;LA)",
            "D:P",
            "D:",
            // entries that only apply below, that deny, or that audit
            "D:AI(A;OICIIO;GA;;;WD)(A;;FA;;;SY)",
            "D:(D;;FA;;;WD)(A;;FA;;;SY)",
            "D:(A;;FA;;;SY)S:(AU;SAFA;FA;;;WD)",
            // a single account that the operator chose to admit, even if its number ends with that
            // of a group
            "D:P(A;;FA;;;S-1-5-21-1-2-3-1513)(A;;FR;;;S-1-5-80-3847866527)",
        ] {
            assert_eq!(others(sddl), Ok(None), "{sddl}");
        }
    }

    #[test]
    fn a_crowd_is_found_by_name_or_number_whatever_it_may_do() {
        for (sddl, name) in [
            ("D:AI(A;;FA;;;SY)(A;;0x1200a9;;;WD)", "Everyone"),
            ("D:(A;ID;FR;;;S-1-1-0)", "Everyone"),
            ("D:AI(A;ID;FA;;;BA)(A;ID;0x1200a9;;;BU)", "Users"),
            ("D:AI(A;ID;0x1200a9;;;S-1-5-32-545)", "Users"),
            ("D:PAI(A;;FR;;;AU)", "Authenticated Users"),
            ("D:PAI(A;;FR;;;S-1-5-11)", "Authenticated Users"),
            ("D:(A;;FR;;;DU)", "Domain Users"),
            ("D:(A;;FR;;;S-1-5-21-1-2-3-513)", "Domain Users"),
            ("D:(A;;FW;;;IU)", "Interactive"),
            ("D:(D;;FA;;;WD)(A;;FR;;;WD)", "Everyone"),
            (
                "D:(XA;;FR;;;AU;(@User.Title==\"VP\"))(A;;FA;;;SY)",
                "Authenticated Users",
            ),
            (
                "D:NO_ACCESS_CONTROL",
                "Everyone, because there is no access list",
            ),
        ] {
            assert_eq!(others(sddl), Ok(Some(name.to_owned())), "{sddl}");
        }
    }

    #[test]
    fn what_is_not_understood_is_no_permission() {
        for text in [
            "",
            "O:BA",
            "D:(A;;FA;;;SY",
            "D:(A;;FA)",
            "D:(A;;FA;;;SY)x",
            "D:error",
        ] {
            assert!(others(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_words_of_the_tools_are_understood() {
        let saved = "credentials.toml\r\nD:PAI(A;;FA;;;SY)\r\n";
        for mark in ["", "\u{feff}"] {
            let text = format!("{mark}{saved}");
            let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            assert_eq!(of_saved(&bytes).as_deref(), Some("D:PAI(A;;FA;;;SY)"));
        }
        assert_eq!(of_saved(b""), None);
        let said = "\"host\\j\u{fffd}rgen\",\"S-1-5-21-1-2-3-1001\"\r\n";
        assert_eq!(sid_of(said), Some("S-1-5-21-1-2-3-1001"));
        assert_eq!(sid_of("host\\user"), None);
        assert_eq!(sid_of("\"host\\user\",\"S-1-5-x\""), None);
    }

    #[test]
    fn only_a_long_path_on_a_drive_is_made_short() {
        for (path, expected) in [
            (r"\\?\C:\a b\c.toml", r"C:\a b\c.toml"),
            (r"C:\a\c.toml", r"C:\a\c.toml"),
            (r"\\?\UNC\host\share\c.toml", r"\\?\UNC\host\share\c.toml"),
            (r"\\host\share\c.toml", r"\\host\share\c.toml"),
            (r"\\?\", r"\\?\"),
        ] {
            assert_eq!(short(path), expected);
        }
    }

    proptest! {
        #[test]
        fn no_text_causes_a_panic(text in ".*", list in "D:[PAI]{0,3}(\\([AXD;OICIFRWDSYBU()]{0,20}\\)){0,3}") {
            let _ = (others(&text), others(&list), sid_of(&text), of_saved(text.as_bytes()));
        }
    }
}
