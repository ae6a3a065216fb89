//! Mimecast logs into files that a SIEM agent reads: nothing lost, nothing twice, never partial.

pub mod durable;
pub mod spool;
