//! Syslog over TCP and TLS: RFC 6587, <https://www.rfc-editor.org/rfc/rfc6587>, and RFC 5425,
//! <https://www.rfc-editor.org/rfc/rfc5425>.
//!
//! These protocols confirm nothing. The kernel does, a little: a receiver that closes a connection with unread
//! bytes makes it a reset. So each batch ends with a half-close, and an orderly close of the receiver shows that it
//! has read everything. A second connection stays idle. If the receiver was killed after reading and before
//! handling, this connection is closed, too.

use std::io;
use std::time::Duration;

use super::message::Composer;
use super::wire::{Dialer, Read, Wire};
use crate::config::destination::{Confirm, Framing, Syslog};
use crate::delivery::batch::{Limits, Part};
use crate::delivery::sender::{ANSWER_LIMIT, Sender};
use crate::delivery::verdict::Verdict;

/// The time for which the connection of the first event must stay open. A receiver that expects another framing
/// closes it at once.
const FRAMING_LIMIT: Duration = Duration::from_millis(250);
/// The lines of the first batch and of the largest, and the bytes of the largest.
const FIRST_LINES: usize = 1_000;
const MOST_LINES: usize = 20_000;
const MOST_BYTES: usize = 8 << 20;
/// The time for which the idle connection must outlive the other one.
const SETTLING: Duration = Duration::from_millis(10);
/// The number of early closes in a row that are a wrong framing.
const EARLY_CLOSES: u32 = 3;

/// A sender over a stream of bytes.
pub struct Stream {
    dialer: Dialer,
    composer: Composer,
    framing: Framing,
    confirm: Confirm,
    /// The idle connection, or the only one if the receiver does not confirm.
    idle: Option<Wire>,
    /// True once a connection has stayed open after an event.
    is_framing_accepted: bool,
    early_closes: u32,
    /// The lines of the next batch. They grow with each confirmation, so that a backlog is fast and an ordinary run
    /// has little in doubt.
    lines: usize,
}

impl Stream {
    pub const fn new(dialer: Dialer, composer: Composer, settings: &Syslog) -> Self {
        Self {
            dialer,
            composer,
            framing: settings.framing,
            confirm: settings.confirm,
            idle: None,
            is_framing_accepted: false,
            early_closes: 0,
            lines: FIRST_LINES,
        }
    }

    /// Returns the bytes of all messages in their frames.
    fn frames(&mut self, part: Part<'_>) -> Vec<u8> {
        let mut frames = Vec::with_capacity(part.bytes() + 100 * part.len());
        let mut message = Vec::new();
        for (text, line) in part.iter() {
            self.composer.compose(part, text, line, &mut message);
            match self.framing {
                Framing::Counted => {
                    frames.extend_from_slice(message.len().to_string().as_bytes());
                    frames.push(b' ');
                    frames.extend_from_slice(&message);
                }
                Framing::Newline => {
                    frames.extend_from_slice(&message);
                    frames.push(b'\n');
                }
            }
        }
        frames
    }

    fn send_confirmed(&mut self, frames: &[u8]) -> Result<Verdict, Verdict> {
        let mut idle = match self.take_idle() {
            Some(idle) => idle,
            None => self.dialer.connect()?,
        };
        let mut wire = self.dialer.connect()?;
        wire.write_all(frames).map_err(|error| unclear(&error))?;
        if !self.is_framing_accepted {
            self.check_framing(&mut wire)?;
        }
        let ended = wire.close_write().and_then(|()| end_of(&mut wire));
        match ended {
            Ok(true) => {}
            Ok(false) => {
                let limit = ANSWER_LIMIT.as_secs();
                let why = format!("the receiver did not close the connection within {limit} s");
                return Err(Verdict::Unknown(why));
            }
            Err(error) => return Err(unclear(&error)),
        }
        // a killed process closes its connections one after another
        let is_quiet = idle.set_tick(SETTLING).is_ok()
            && matches!(idle.read(&mut [0; 256], SETTLING), Ok(Read::Quiet));
        if !is_quiet {
            let why = "the receiver stopped before it had certainly handled the events";
            return Err(Verdict::Unknown(why.to_owned()));
        }
        self.idle = Some(idle);
        Ok(Verdict::Delivered)
    }

    /// Waits a moment after the first event.
    fn check_framing(&mut self, wire: &mut Wire) -> Result<(), Verdict> {
        let read = wire.read(&mut [0; 256], FRAMING_LIMIT);
        if matches!(read, Ok(Read::Quiet | Read::Bytes(_))) {
            self.is_framing_accepted = true;
            self.early_closes = 0;
            return Ok(());
        }
        self.early_closes += 1;
        let why = "the receiver closed the connection after the first event";
        if self.early_closes < EARLY_CLOSES {
            return Err(Verdict::Unknown(why.to_owned()));
        }
        let other = match self.framing {
            Framing::Counted => "newline",
            Framing::Newline => "octet-count",
        };
        let what = format!(
            "{why}, {} times: it expects another framing",
            self.early_closes
        );
        let remedy =
            format!("set framing = \"{other}\" in [[destination]], or correct the receiver");
        Err(Verdict::misconfigured(what, remedy))
    }

    /// Returns the kept connection, if the receiver has not closed it.
    fn take_idle(&mut self) -> Option<Wire> {
        let mut idle = self.idle.take()?;
        idle.is_open().then_some(idle)
    }

    fn send_unconfirmed(&mut self, frames: &[u8]) -> Result<Verdict, Verdict> {
        let mut wire = match self.take_idle() {
            Some(wire) => wire,
            None => self.dialer.connect()?,
        };
        wire.write_all(frames).map_err(|error| unclear(&error))?;
        self.idle = Some(wire);
        Ok(Verdict::Delivered)
    }
}

impl Sender for Stream {
    fn limits(&self) -> Limits {
        let is_first = self.confirm == Confirm::Close && !self.is_framing_accepted;
        Limits {
            lines: if is_first { 1 } else { self.lines },
            bytes: MOST_BYTES,
        }
    }

    fn most_lines(&self) -> usize {
        MOST_LINES
    }

    fn send(&mut self, part: Part<'_>) -> Verdict {
        let frames = self.frames(part);
        let sent = match self.confirm {
            Confirm::Close => self.send_confirmed(&frames),
            Confirm::None => self.send_unconfirmed(&frames),
        };
        self.lines = match &sent {
            Ok(Verdict::Delivered) if part.len() > 1 => (2 * self.lines).min(MOST_LINES),
            Ok(_) => self.lines,
            Err(_) => FIRST_LINES,
        };
        sent.unwrap_or_else(|verdict| verdict)
    }

    fn remarks(&mut self) -> Vec<String> {
        self.composer.remark().into_iter().collect()
    }
}

fn unclear(error: &io::Error) -> Verdict {
    Verdict::Unknown(format!("the connection broke: {error}"))
}

/// Waits for the receiver's close. Returns false if it does not come in time.
fn end_of(wire: &mut Wire) -> io::Result<bool> {
    let mut buffer = [0; 256];
    loop {
        match wire.read(&mut buffer, ANSWER_LIMIT)? {
            Read::Closed => return Ok(true),
            Read::Quiet => return Ok(false),
            Read::Bytes(_) => {} // the answer of a chatty receiver
        }
    }
}
