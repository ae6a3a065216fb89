//! Syslog over UDP: RFC 5426. One datagram for each message, without any confirmation.

use std::net::UdpSocket;
use std::time::Duration;

use super::message::Composer;
use super::{BATCH_BYTES, BATCH_LINES};
use crate::clock::Clock;
use crate::config::destination::Syslog;
use crate::delivery::batch::{Limits, Part};
use crate::delivery::sender::Sender;
use crate::delivery::verdict::{Fate, Verdict};

/// The longest datagram over IPv4, in bytes.
const DATAGRAM_BYTES: usize = 65_507;

/// The time after which the host of the receiver has told that nobody listens.
const SETTLING: Duration = Duration::from_millis(5);

/// A sender of datagrams.
pub struct Udp<'a> {
    settings: &'a Syslog,
    composer: Composer,
    clock: Clock,
    socket: Option<UdpSocket>,
}

impl<'a> Udp<'a> {
    pub const fn new(settings: &'a Syslog, composer: Composer, clock: Clock) -> Self {
        Self {
            settings,
            composer,
            clock,
            socket: None,
        }
    }

    fn connect(&self) -> std::io::Result<UdpSocket> {
        let host = self.settings.host.trim_matches(['[', ']']);
        let any = match host.contains(':') {
            true => "[::]:0",
            false => "0.0.0.0:0",
        };
        let socket = UdpSocket::bind(any)?;
        socket.connect((host, self.settings.port))?;
        Ok(socket)
    }
}

impl Sender for Udp<'_> {
    fn limits(&self) -> Limits {
        Limits {
            lines: BATCH_LINES,
            bytes: BATCH_BYTES,
        }
    }

    fn send(&mut self, part: Part<'_>) -> Verdict {
        let broken = |error| Verdict::Broken(format!("cannot send a datagram: {error}"));
        let socket = match self.socket.take().map_or_else(|| self.connect(), Ok) {
            Ok(socket) => socket,
            Err(error) => return broken(error),
        };
        let (mut fates, mut message) = (Vec::with_capacity(part.len()), Vec::new());
        for (text, line) in part.iter() {
            self.composer.compose(part, text, line, &mut message);
            if message.len() > DATAGRAM_BYTES {
                let why = format!("it is longer than a datagram of {DATAGRAM_BYTES} bytes");
                fates.push(Fate::Refused(why));
                continue;
            }
            // an error is that of an earlier datagram: nobody listens
            if let Err(error) = socket.send(&message) {
                return broken(error);
            }
            fates.push(Fate::Delivered);
        }
        if self.clock.sleep(SETTLING).is_err() {
            return Verdict::Broken("the run ends".to_owned());
        }
        if let Ok(Some(error)) = socket.take_error() {
            return broken(error);
        }
        self.socket = Some(socket);
        Verdict::Each(fates)
    }

    fn remarks(&mut self) -> Vec<String> {
        self.composer.remark().into_iter().collect()
    }
}
