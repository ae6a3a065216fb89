//! Frames of a RELP receiver: `number command length[ data]` and a line feed.

use std::io;

/// The longest frame of a receiver, in bytes.
const FRAME_LIMIT: usize = 64 << 10;

/// A frame of the receiver.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) number: u32,
    pub(super) command: String,
    pub(super) data: String,
}

/// Reads a frame from the beginning of some bytes. Returns it with its size, or `None` if it is not complete.
pub(super) fn parse(bytes: &[u8]) -> io::Result<Option<(Frame, usize)>> {
    let odd = || {
        io::Error::new(
            io::ErrorKind::InvalidData,
            "the receiver does not speak RELP",
        )
    };
    if bytes.len() > FRAME_LIMIT {
        return Err(odd());
    }
    // the length ends with a space, or without data with the line feed
    let head_end = |from: usize, is_end: fn(u8) -> bool| {
        let at = bytes[from..].iter().position(|byte| is_end(*byte))?;
        Some(from + at)
    };
    let is_space = |byte| byte == b' ';
    let is_end = |byte| byte == b' ' || byte == b'\n';
    let text = |from: usize, to: usize| std::str::from_utf8(&bytes[from..to]).map_err(|_| odd());
    let Some(first) = head_end(0, is_space) else {
        return Ok(None);
    };
    let number = text(0, first)?.parse().map_err(|_| odd())?;
    let Some(second) = head_end(first + 1, is_space) else {
        return Ok(None);
    };
    let command = text(first + 1, second)?.to_owned();
    let Some(third) = head_end(second + 1, is_end) else {
        return Ok(None);
    };
    let length: usize = text(second + 1, third)?.parse().map_err(|_| odd())?;
    let begin = third + usize::from(bytes[third] == b' ');
    let end = begin.checked_add(length).ok_or_else(odd)?;
    match bytes.get(end) {
        None => Ok(None),
        Some(b'\n') => {
            let data = String::from_utf8_lossy(&bytes[begin..end]).into_owned();
            Ok(Some((
                Frame {
                    number,
                    command,
                    data,
                },
                end + 1,
            )))
        }
        Some(_) => Err(odd()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_when_it_is_complete() {
        let whole = b"12 rsp 6 200 OK\n";
        for size in 0..whole.len() {
            assert_eq!(parse(&whole[..size]).unwrap(), None, "{size}");
        }
        let (frame, size) = parse(b"12 rsp 6 200 OK\n0 serverclose 0\n")
            .unwrap()
            .unwrap();
        assert_eq!(
            (frame.number, &*frame.command, &*frame.data),
            (12, "rsp", "200 OK")
        );
        let (frame, rest) = parse(&b"12 rsp 6 200 OK\n0 serverclose 0\n"[size..])
            .unwrap()
            .unwrap();
        assert_eq!(
            (frame.number, &*frame.command, rest),
            (0, "serverclose", 16)
        );
        for odd in [
            "HTTP/1.1 400 Bad\n",
            "1 rsp x\n",
            "1 rsp 2 200\n",
            "-1 rsp 0\n",
        ] {
            assert!(parse(odd.as_bytes()).is_err(), "{odd}");
        }
        let most = format!("1 rsp {} x", usize::MAX);
        assert!(parse(most.as_bytes()).is_err());
    }
}
