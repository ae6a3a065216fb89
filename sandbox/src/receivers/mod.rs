//! Far ends for events that leave the collector: a syslog receiver and an HTTP collector, each on a loopback port.
//!
//! They share no code with the product. They are strict: they refuse or garble what the real products refuse or
//! garble, and keep what they accepted, so that a test can compare it with the published lines.
//!
//! ```
//! use std::io::Write as _;
//! use std::net::TcpStream;
//!
//! use mimecast_sandbox::receivers::{Syslog, Transport};
//!
//! let receiver = Syslog::start(Transport::Tcp);
//! let mut sender = TcpStream::connect(receiver.address())?;
//! sender.write_all(b"<134>1 - host.example.com mimecast - audit - first\n")?;
//! drop(sender);
//! assert_eq!(
//!     receiver.wait_for(1),
//!     ["<134>1 - host.example.com mimecast - audit - first"]
//! );
//! # Ok::<(), std::io::Error>(())
//! ```

mod bulk;
mod certificates;
mod channel;
mod framing;
mod hec;
mod http;
mod http_body;
mod http_faults;
mod http_serve;
mod http_state;
mod hub;
mod lines;
mod relp;
mod relp_frame;
mod syslog;
mod syslog_faults;
mod syslog_state;
mod syslog_stream;

#[cfg(test)]
mod by_hand;
#[cfg(test)]
mod selftest_bulk;
#[cfg(test)]
mod selftest_hec;
#[cfg(test)]
mod selftest_http;
#[cfg(test)]
mod selftest_relp;
#[cfg(test)]
mod selftest_syslog;

pub use framing::Framing;
pub use http::{Http, Product};
pub use http_state::Stored;
pub use syslog::{Builder, Syslog, Transport};
