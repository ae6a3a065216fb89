//! Mimecast logs into files that a SIEM agent reads: nothing lost, nothing twice, never partial.

pub mod archive;
pub mod clock;
pub mod config;
pub mod credentials;
pub mod durable;
pub mod spool;
