//! Destinations: each event arrives, in order, whatever the far end does, and collection does not notice.

mod far_ends; // one place and one far end, for each protocol
mod outbox; // what waits, and what happens to it
mod syslog;
mod troubles; // what the far end can do
mod web; // HTTP collectors

pub(crate) use far_ends::{FarEnd, Place};
