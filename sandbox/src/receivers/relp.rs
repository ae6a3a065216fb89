//! A RELP server: every frame is acknowledged by its number. <http://www.rsyslog.com/doc/relp.html>

use std::io;
use std::time::Duration;

use super::channel::Channel;
use super::hub::Connection;
use super::relp_frame::{self, Frame, LAST_TXNR};
use super::syslog_state::{Fault, Shared};

/// How long a peer is silent before late acknowledgements are sent.
const QUIET: Duration = Duration::from_millis(50);
const OFFERS: &str =
    "200 OK\nrelp_version=0\nrelp_software=receiver,0,https://example.com\ncommands=syslog";

/// Serves one connection to its end.
pub(super) fn serve(connection: Connection, shared: &Shared) {
    let Ok(channel) = Channel::open(connection.stream, shared.tls.as_ref()) else {
        return;
    };
    let mut session = Session {
        channel,
        number: connection.number,
        fault: None,
        bytes: Vec::new(),
        is_open: false,
        next_txnr: 1,
        waiting: Vec::new(),
        frames: 0,
        acks: 0,
        shared,
    };
    match session.converse() {
        Ok(Ending::Orderly) => session.channel.close_after_the_peer(),
        Ok(Ending::Sudden) => {}
        Ok(Ending::Death) => shared.die(),
        // The peer has gone.
        Err(_) => {}
    }
}

/// How a session ends.
enum Ending {
    Orderly,
    /// Without a word.
    Sudden,
    /// The receiver dies.
    Death,
}

/// A session, or a step of it: `Some` ends it.
type Step = io::Result<Option<Ending>>;

struct Session<'a> {
    channel: Channel,
    number: usize,
    /// Known when the first byte is there.
    fault: Option<Fault>,
    bytes: Vec<u8>,
    is_open: bool,
    next_txnr: u32,
    /// Acknowledgements that are not sent yet.
    waiting: Vec<(u32, &'static str)>,
    /// Frames with a message so far.
    frames: usize,
    acks: usize,
    shared: &'a Shared,
}

impl Session<'_> {
    fn converse(&mut self) -> io::Result<Ending> {
        let mut buffer = vec![0; 1 << 16];
        loop {
            let count = if self.waiting.is_empty() {
                Some(self.channel.read(&mut buffer)?)
            } else {
                self.channel.read_within(QUIET, &mut buffer)?
            };
            let step = match count {
                None => self.acknowledge()?,
                Some(0) => Some(self.end()?),
                Some(count) => self.take(&buffer[..count])?,
            };
            if let Some(ending) = step {
                return Ok(ending);
            }
        }
    }

    /// The peer will send nothing more.
    fn end(&mut self) -> io::Result<Ending> {
        if let Some(Fault::DiesAfterReading(_)) = self.fault {
            return Ok(Ending::Death);
        }
        Ok(self.acknowledge()?.unwrap_or(Ending::Orderly))
    }

    fn take(&mut self, bytes: &[u8]) -> Step {
        let shared = self.shared;
        if *self.fault.get_or_insert_with(|| shared.next_fault()) == Fault::Stalls {
            shared.stall(self.number);
            return Ok(Some(Ending::Sudden));
        }
        self.bytes.extend_from_slice(bytes);
        loop {
            let step = match relp_frame::take(&mut self.bytes) {
                Ok(None) => return Ok(None),
                Ok(Some(frame)) => self.answer(frame),
                Err(reason) => Ok(Err(format!("no RELP frame: {reason}"))),
            };
            match step? {
                Ok(None) => {}
                Ok(Some(ending)) => return Ok(Some(ending)),
                Err(complaint) => {
                    shared.complain(complaint);
                    return Ok(Some(Ending::Sudden));
                }
            }
        }
    }

    /// Answers one frame; the inner error is a violation of the protocol.
    fn answer(&mut self, frame: Frame) -> io::Result<Result<Option<Ending>, String>> {
        let Frame {
            txnr,
            command,
            data,
        } = frame;
        if txnr != self.next_txnr {
            let next = self.next_txnr;
            return Ok(Err(format!("RELP transaction {txnr} where {next} is due")));
        }
        self.next_txnr = if txnr == LAST_TXNR { 1 } else { txnr + 1 };
        match (command.as_str(), self.is_open) {
            ("open", false) => self.open(txnr, &data),
            ("syslog", true) => self.message(txnr, data).map(Ok),
            ("close", true) if data.is_empty() => self.close(txnr).map(Ok),
            ("close", true) => Ok(Err("RELP close with data".to_owned())),
            ("open", true) => Ok(Err("RELP open in an open session".to_owned())),
            (command, false) => Ok(Err(format!("RELP {command} before open"))),
            (command, true) => Ok(Err(format!(
                "RELP command {command:?}, which was not offered"
            ))),
        }
    }

    fn open(&mut self, txnr: u32, data: &[u8]) -> io::Result<Result<Option<Ending>, String>> {
        if self.fault == Some(Fault::RefusesOpen) {
            self.send(txnr, "rsp", "500 no common version")?;
            self.send(0, "serverclose", "")?;
            return Ok(Ok(Some(Ending::Orderly)));
        }
        if let Err(reason) = check_offers(data) {
            self.send(txnr, "rsp", "500 offers not accepted")?;
            return Ok(Err(reason));
        }
        self.is_open = true;
        self.send(txnr, "rsp", OFFERS)?;
        Ok(Ok(None))
    }

    fn message(&mut self, txnr: u32, data: Vec<u8>) -> Step {
        self.frames += 1;
        if let Some(Fault::DiesAfterReading(count)) = self.fault {
            return Ok((self.frames >= count).then_some(Ending::Death));
        }
        let (is_refused, late) = {
            let state = self.shared.state();
            let text = String::from_utf8_lossy(&data);
            let mut refused = state.refused_texts.iter();
            (
                refused.any(|refused| text.contains(refused)),
                state.acks_late,
            )
        };
        if is_refused {
            self.waiting.push((txnr, "500 refused"));
        } else if self.shared.handle(self.number, data) {
            self.waiting.push((txnr, "200 OK"));
        } else {
            return Ok(Some(Ending::Sudden));
        }
        if self.waiting.len() >= late {
            return self.acknowledge();
        }
        Ok(None)
    }

    /// Sends the acknowledgements that wait.
    fn acknowledge(&mut self) -> Step {
        for (txnr, text) in std::mem::take(&mut self.waiting) {
            if self.is_lost() {
                return Ok(Some(Ending::Sudden));
            }
            self.send(txnr, "rsp", text)?;
            self.acks += 1;
        }
        match self.fault {
            _ if self.acks > 0 && self.is_lost() => Ok(Some(Ending::Sudden)),
            Some(Fault::ServercloseAfter(count)) if self.acks >= count => {
                self.send(0, "serverclose", "")?;
                Ok(Some(Ending::Orderly))
            }
            _ => Ok(None),
        }
    }

    const fn is_lost(&self) -> bool {
        match self.fault {
            Some(Fault::LosesConnectionAfterAcks(count) | Fault::ResetsAfter(count)) => {
                self.acks >= count
            }
            _ => false,
        }
    }

    fn close(&mut self, txnr: u32) -> Step {
        if let Some(ending) = self.acknowledge()? {
            return Ok(Some(ending));
        }
        self.send(txnr, "rsp", "")?;
        self.send(0, "serverclose", "")?;
        Ok(Some(Ending::Orderly))
    }

    fn send(&mut self, txnr: u32, command: &str, data: &str) -> io::Result<()> {
        let frame = relp_frame::write(txnr, command, data);
        self.channel.write(frame.as_bytes())
    }
}

/// Checks what a client offers: a version that exists, and the command that it will use.
fn check_offers(data: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(data).map_err(|_| "RELP offers are not text".to_owned())?;
    let mut version = None;
    let mut commands = None;
    for line in text.lines() {
        match line.split_once('=') {
            Some(("relp_version", value)) => version = Some(value),
            Some(("commands", value)) => commands = Some(value),
            Some((name, _)) if !name.is_empty() => {}
            _ => return Err(format!("RELP offer {line:?}")),
        }
    }
    if !matches!(version, Some("0" | "1")) {
        return Err(format!("RELP version {version:?}"));
    }
    if !commands.is_some_and(|commands| commands.split(',').any(|command| command == "syslog")) {
        return Err(format!("RELP commands {commands:?}"));
    }
    Ok(())
}
