//! Mimecast logs into files that a SIEM agent reads: nothing lost, nothing twice, never partial.

pub mod api;
pub mod archive;
pub mod audit;
pub mod clock;
pub mod config;
pub mod credentials;
mod document;
pub mod durable;
mod fetch;
pub mod report;
pub mod run;
pub mod setup;
pub mod siem;
pub mod spool;
