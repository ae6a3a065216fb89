//! Syslog over UDP: RFC 5426. One datagram for each message, without any confirmation.

use std::net::UdpSocket;

use super::message::Composer;
use super::{BATCH_BYTES, BATCH_LINES};
use crate::config::destination::Syslog;
use crate::delivery::batch::{Limits, Part};
use crate::delivery::sender::Sender;
use crate::delivery::verdict::{Again, Fate, Verdict};

/// The longest datagram over IPv4, in bytes.
const DATAGRAM_BYTES: usize = 65_507;

/// A sender of datagrams.
pub struct Udp<'a> {
    settings: &'a Syslog,
    composer: Composer,
    socket: Option<UdpSocket>,
}

impl<'a> Udp<'a> {
    pub const fn new(settings: &'a Syslog, composer: Composer) -> Self {
        Self {
            settings,
            composer,
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
            match socket.send(&message) {
                Ok(_) => fates.push(Fate::Delivered),
                Err(error) if fates.is_empty() => return broken(error),
                Err(error) => {
                    let again = || Fate::Again(Again::Later(error.to_string()));
                    fates.resize_with(part.len(), again);
                    return Verdict::Each(fates);
                }
            }
        }
        self.socket = Some(socket);
        Verdict::Each(fates)
    }

    fn remarks(&mut self) -> Vec<String> {
        self.composer.remark().into_iter().collect()
    }
}
