//! Cutting a TCP stream into syslog messages (RFC 6587), with what receivers do to a stream of the other kind.

/// How a receiver finds the end of a message in a TCP or TLS stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// A line feed ends a message, as for syslog-ng's `network()`. A counted stream stays together: the numbers are
    /// part of the text.
    Newline,
    /// A count precedes each message, as for syslog-ng's `syslog()` and RFC 5425. A message without one closes the
    /// connection.
    Counted,
    /// A message that begins with a digit is counted, any other ends at a line feed. This is what rsyslog does.
    #[default]
    Auto,
}

/// No sender needs more digits; RFC 6587 sets no limit.
const LONGEST_COUNT: u64 = 99_999_999;

/// Cuts a stream into messages.
pub(super) struct Splitter {
    framing: Framing,
    state: State,
    message: Vec<u8>,
}

#[derive(Clone, Copy)]
enum State {
    Start,
    Count(u64),
    /// So many bytes are missing.
    Counted(u64),
    Line,
}

impl Splitter {
    pub(super) const fn new(framing: Framing) -> Self {
        Self {
            framing,
            state: State::Start,
            message: Vec::new(),
        }
    }

    /// Takes the next byte. Returns the message that it completes, or why the receiver gives up.
    pub(super) fn push(&mut self, byte: u8) -> Result<Option<Vec<u8>>, String> {
        match self.state {
            State::Start => return self.begin(byte),
            State::Count(count) => self.state = counted(count, byte)?,
            State::Counted(missing) => {
                self.message.push(byte);
                self.state = State::Counted(missing - 1);
                if missing == 1 {
                    return Ok(Some(self.take()));
                }
            }
            State::Line if byte == b'\n' => return Ok(Some(self.take())),
            State::Line => self.message.push(byte),
        }
        Ok(None)
    }

    fn begin(&mut self, byte: u8) -> Result<Option<Vec<u8>>, String> {
        let is_digit = byte.is_ascii_digit();
        match self.framing {
            Framing::Counted if !is_digit => {
                return Err(format!(
                    "a message begins with {:?} and not with its length",
                    char::from(byte)
                ));
            }
            Framing::Counted | Framing::Auto if is_digit => {
                self.state = counted(0, byte)?;
            }
            // Receivers discard an empty line.
            _ if byte == b'\n' => {}
            _ => {
                self.message.push(byte);
                self.state = State::Line;
            }
        }
        Ok(None)
    }

    /// The rest at the orderly end of a stream. Like rsyslog, it takes a line without a line feed as a message and
    /// discards an incomplete counted message.
    pub(super) fn finish(&mut self) -> Option<Vec<u8>> {
        let is_line = matches!(self.state, State::Line);
        let rest = self.take();
        is_line.then_some(rest)
    }

    fn take(&mut self) -> Vec<u8> {
        self.state = State::Start;
        std::mem::take(&mut self.message)
    }
}

/// The state after one more byte of a count.
fn counted(count: u64, byte: u8) -> Result<State, String> {
    match byte {
        b'0' if count == 0 => Err("a message length begins with 0".to_owned()),
        b'0'..=b'9' if count <= LONGEST_COUNT / 10 => {
            Ok(State::Count(count * 10 + u64::from(byte - b'0')))
        }
        b'0'..=b'9' => Err("a message length has too many digits".to_owned()),
        b' ' => Ok(State::Counted(count)),
        _ => Err(format!(
            "{:?} and not a space follows the message length {count}",
            char::from(byte)
        )),
    }
}
