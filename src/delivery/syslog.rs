//! Syslog: RFC 5424 or RFC 3164 over UDP, TCP, TLS and RELP.

mod message;
mod relp;
mod stream;
mod udp;
mod wire;

use super::sender::Sender;
use super::tls;
use crate::clock::Clock;
use crate::config::Destination;
use crate::config::destination::{Protocol, Syslog};
use crate::failure::Failure;
use message::Composer;
use wire::Dialer;

/// The lines of a batch. After each batch, the receiver confirms.
const BATCH_LINES: usize = 5_000;
/// The bytes of a batch.
const BATCH_BYTES: usize = 1 << 20;

/// Prepares a sender. It connects when it sends.
///
/// # Errors
/// The certificates cannot be used.
pub fn open<'a>(
    destination: &Destination,
    settings: &'a Syslog,
    (host, clock): (&str, &Clock),
) -> Result<Box<dyn Sender + 'a>, Failure> {
    let composer = Composer::new(settings, host, clock.clone());
    if settings.protocol == Protocol::Udp {
        return Ok(Box::new(udp::Udp::new(settings, composer, clock.clone())));
    }
    let tls = match settings.protocol.has_tls() {
        true => Some(tls::client_config(destination)?),
        false => None,
    };
    let dialer = Dialer {
        host: settings.host.clone(),
        port: settings.port,
        tls,
        connect_timeout: destination.network.connect_timeout,
        idle_timeout: destination.network.idle_timeout,
        clock: clock.clone(),
    };
    Ok(match settings.protocol {
        Protocol::Relp | Protocol::RelpTls => Box::new(relp::Relp::new(dialer, composer)),
        _ => Box::new(stream::Stream::new(dialer, composer, settings)),
    })
}
