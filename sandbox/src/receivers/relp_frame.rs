//! Frames of RELP, as the protocol text defines them: <http://www.rsyslog.com/doc/relp.html>.

/// The transaction number after this is 1.
pub(super) const LAST_TXNR: u32 = 999_999_999;
/// Default of librelp for the largest data that a server reads.
const LARGEST_DATA: usize = 128 * 1024;
const LONGEST_NUMBER: usize = 9;
const LONGEST_COMMAND: usize = 32;

/// One frame of a client.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) txnr: u32,
    pub(super) command: String,
    pub(super) data: Vec<u8>,
}

/// Takes the first frame out of `bytes`. `None` if it is not complete yet; a reason if it can never be one.
pub(super) fn take(bytes: &mut Vec<u8>) -> Result<Option<Frame>, String> {
    let mut rest = &bytes[..];
    let Some(txnr) = word(&mut rest, LONGEST_NUMBER, b" ", "transaction number")? else {
        return Ok(None);
    };
    let txnr = number(txnr, "transaction number")?;
    if txnr == 0 {
        return Err("transaction number 0 is for the server alone".to_owned());
    }
    let Some(command) = word(&mut rest, LONGEST_COMMAND, b" ", "command")? else {
        return Ok(None);
    };
    if !command.iter().all(u8::is_ascii_alphabetic) {
        return Err(format!("command {:?}", String::from_utf8_lossy(command)));
    }
    let command = String::from_utf8_lossy(command).into_owned();
    let Some(length) = word(&mut rest, LONGEST_NUMBER, b" \n", "data length")? else {
        return Ok(None);
    };
    let length = number(length, "data length")? as usize;
    if length > LARGEST_DATA {
        return Err(format!("a frame with {length} bytes of data"));
    }
    let mut data = Vec::new();
    let separator = bytes[bytes.len() - rest.len() - 1];
    match (length, separator) {
        (0, b'\n') => {}
        (0, _) => return Err("a space after data length 0".to_owned()),
        (_, b'\n') => return Err(format!("no data after data length {length}")),
        _ if rest.len() <= length => return Ok(None),
        _ => {
            data.extend_from_slice(&rest[..length]);
            if rest[length] != b'\n' {
                return Err(format!(
                    "{:?} and not a line feed follows {length} bytes of data",
                    char::from(rest[length])
                ));
            }
            rest = &rest[length + 1..];
        }
    }
    let used = bytes.len() - rest.len();
    bytes.drain(..used);
    Ok(Some(Frame {
        txnr,
        command,
        data,
    }))
}

/// The bytes before the next separator, which it skips too.
fn word<'a>(
    rest: &mut &'a [u8],
    longest: usize,
    separators: &[u8],
    what: &str,
) -> Result<Option<&'a [u8]>, String> {
    let bytes: &'a [u8] = rest;
    let start = &bytes[..bytes.len().min(longest + 1)];
    match start.iter().position(|byte| separators.contains(byte)) {
        Some(0) => Err(format!("an empty {what}")),
        Some(end) => {
            *rest = &bytes[end + 1..];
            Ok(Some(&bytes[..end]))
        }
        None if start.len() > longest => {
            let start = String::from_utf8_lossy(start);
            Err(format!("a {what} that begins with {start:?}"))
        }
        None => Ok(None),
    }
}

fn number(digits: &[u8], what: &str) -> Result<u32, String> {
    let text = String::from_utf8_lossy(digits);
    let is_number =
        digits.iter().all(u8::is_ascii_digit) && (digits.len() == 1 || digits[0] != b'0');
    let parsed = is_number.then(|| text.parse().ok()).flatten();
    parsed.ok_or_else(|| format!("{what} {text:?}"))
}

/// A frame of the server.
pub(super) fn write(txnr: u32, command: &str, data: &str) -> String {
    let separator = if data.is_empty() { "" } else { " " };
    format!("{txnr} {command} {}{separator}{data}\n", data.len())
}
