//! RELP: each message has a number, and the receiver confirms each number.
//!
//! Standard: <https://www.rsyslog.com/doc/relp.html>. A frame is `number command length[ data]` and a line feed.
//! `0 serverclose 0` announces the end of the connection.

mod frame;

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use super::message::Composer;
use super::wire::{Dialer, Read, Wire};
use super::{BATCH_BYTES, BATCH_LINES};
use crate::delivery::batch::{Limits, Part};
use crate::delivery::sender::{ANSWER_LIMIT, Sender};
use crate::delivery::verdict::{Again, Fate, Verdict};
use frame::{Frame, parse};

/// The most messages that wait for their confirmation.
const WINDOW: usize = 128;
/// The bytes that are collected before they are sent.
const FLUSH_BYTES: usize = 64 << 10;
/// The highest number of a frame. The next one is 1.
const LAST_NUMBER: u32 = 999_999_999;
/// The time for which a closing receiver is listened to.
const FAREWELL_LIMIT: Duration = Duration::from_millis(500);
const OFFERS: &str = concat!(
    "relp_version=0\nrelp_software=mimecast-collector,",
    env!("CARGO_PKG_VERSION"),
    "\ncommands=syslog"
);

/// A sender that waits for the confirmation of each message.
pub struct Relp {
    dialer: Dialer,
    composer: Composer,
    session: Option<Session>,
}

/// An open connection.
struct Session {
    wire: Wire,
    /// The number of the next frame.
    next: u32,
    arrived: Vec<u8>,
}

/// Messages on the way.
struct Round {
    fates: Vec<Option<Fate>>,
    /// The line of each number that is not confirmed.
    open: BTreeMap<u32, usize>,
}

impl Relp {
    pub const fn new(dialer: Dialer, composer: Composer) -> Self {
        Self {
            dialer,
            composer,
            session: None,
        }
    }

    fn connect(&self) -> Result<Session, Verdict> {
        let mut session = Session {
            wire: self.dialer.connect()?,
            next: 1,
            arrived: Vec::new(),
        };
        let broken = |error: io::Error| Verdict::Broken(format!("the connection broke: {error}"));
        let mut frame = Vec::new();
        let number = session.add_frame("open", OFFERS.as_bytes(), &mut frame);
        session.wire.write_all(&frame).map_err(broken)?;
        let answer = session.frame(ANSWER_LIMIT).map_err(broken)?;
        match answer {
            Some(Frame {
                number: of,
                command,
                data,
            }) if of == number && command == "rsp" => match data.starts_with("200") {
                true => Ok(session),
                false => {
                    let first = data.lines().next().unwrap_or_default();
                    let what = format!("the receiver refuses RELP: {}", shown(first));
                    Err(Verdict::misconfigured(what, "correct the receiver"))
                }
            },
            Some(_) => Err(Verdict::NotUnderstood(
                "the receiver does not answer with RELP".to_owned(),
            )),
            None => {
                let limit = ANSWER_LIMIT.as_secs();
                let why =
                    format!("the receiver did not answer within {limit} s: does it expect RELP?");
                Err(Verdict::Broken(why))
            }
        }
    }

    /// Sends all messages. The fates say how far this came.
    fn send_all(
        &mut self,
        session: &mut Session,
        part: Part<'_>,
        round: &mut Round,
    ) -> io::Result<()> {
        let (mut frames, mut message) = (Vec::new(), Vec::new());
        for (place, (text, line)) in part.iter().enumerate() {
            self.composer.compose(part, text, line, &mut message);
            let number = session.add_frame("syslog", &message, &mut frames);
            round.open.insert(number, place);
            if frames.len() >= FLUSH_BYTES || round.open.len() >= WINDOW {
                session.wire.write_all(&std::mem::take(&mut frames))?;
            }
            while round.open.len() >= WINDOW {
                session.receive(round)?;
            }
        }
        session.wire.write_all(&frames)?;
        while !round.open.is_empty() {
            session.receive(round)?;
        }
        Ok(())
    }
}

impl Session {
    /// Appends a frame, and returns its number.
    fn add_frame(&mut self, command: &str, data: &[u8], frames: &mut Vec<u8>) -> u32 {
        let number = self.next;
        self.next = if number == LAST_NUMBER { 1 } else { number + 1 };
        frames.extend_from_slice(format!("{number} {command} {}", data.len()).as_bytes());
        if !data.is_empty() {
            frames.push(b' ');
            frames.extend_from_slice(data);
        }
        frames.push(b'\n');
        number
    }

    /// Waits for a confirmation.
    fn receive(&mut self, round: &mut Round) -> io::Result<()> {
        let Some(frame) = self.frame(ANSWER_LIMIT)? else {
            let text = format!("no confirmation within {} s", ANSWER_LIMIT.as_secs());
            return Err(io::Error::new(io::ErrorKind::TimedOut, text));
        };
        if frame.command == "serverclose" {
            return Err(io::Error::other("the receiver ends the connection"));
        }
        let place = round.open.remove(&frame.number);
        let (Some(place), "rsp") = (place, &*frame.command) else {
            return Err(io::Error::other("the receiver confirmed what was not sent"));
        };
        let first = frame.data.lines().next().unwrap_or_default();
        round.fates[place] = Some(match first.starts_with("200") {
            true => Fate::Delivered,
            false => Fate::Refused(shown(first)),
        });
        Ok(())
    }

    /// Returns the next frame of the receiver, or `None` if none comes in time.
    fn frame(&mut self, limit: Duration) -> io::Result<Option<Frame>> {
        let mut buffer = [0; 4096];
        loop {
            if let Some((frame, size)) = parse(&self.arrived)? {
                self.arrived.drain(..size);
                return Ok(Some(frame));
            }
            match self.wire.read(&mut buffer, limit)? {
                Read::Bytes(count) => self.arrived.extend_from_slice(&buffer[..count]),
                Read::Quiet => return Ok(None),
                Read::Closed => return Err(io::Error::other("the receiver closed the connection")),
            }
        }
    }
}

/// Returns the beginning of a text of the receiver, without control characters.
fn shown(text: &str) -> String {
    let letters = text.chars().filter(|letter| !letter.is_control());
    letters.take(200).collect()
}

impl Sender for Relp {
    fn limits(&self) -> Limits {
        Limits {
            lines: BATCH_LINES,
            bytes: BATCH_BYTES,
        }
    }

    fn send(&mut self, part: Part<'_>) -> Verdict {
        let mut session = match self.session.take() {
            Some(session) => session,
            None => match self.connect() {
                Ok(session) => session,
                Err(verdict) => return verdict,
            },
        };
        let mut round = Round {
            fates: vec![None; part.len()],
            open: BTreeMap::new(),
        };
        let done = self.send_all(&mut session, part, &mut round);
        let why = match done {
            Ok(()) => {
                self.session = Some(session);
                String::new()
            }
            Err(error) => error.to_string(),
        };
        let sent: Vec<usize> = round.open.into_values().collect();
        let fates = round.fates.into_iter().enumerate().map(|(place, fate)| {
            fate.unwrap_or_else(|| match sent.contains(&place) {
                true => Fate::Again(Again::Unknown(why.clone())),
                false => Fate::Again(Again::Later(why.clone())),
            })
        });
        Verdict::Each(fates.collect())
    }

    fn remarks(&mut self) -> Vec<String> {
        self.composer.remark().into_iter().collect()
    }
}

impl Drop for Relp {
    /// Ends the session in order, so that the receiver reports no broken connection.
    fn drop(&mut self) {
        let Some(mut session) = self.session.take() else {
            return;
        };
        let mut frame = Vec::new();
        session.add_frame("close", b"", &mut frame);
        if session.wire.write_all(&frame).is_ok() {
            // everything is confirmed: the answer changes nothing
            let _ = session.frame(FAREWELL_LIMIT);
        }
    }
}
