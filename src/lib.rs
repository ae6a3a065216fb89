//! Mimecast logs into files that a SIEM agent reads: nothing lost, nothing twice, never partial.
//!
//! Three programs share this library: `authentication_setup` connects an account once,
//! `siem_collection` and `audit_collection` run every 30 minutes. One run of a collector:
//!
//! ```text
//! config ─▶ call (sign ─▶ send ─▶ answer ─▶ retry) ─▶ decode ─▶ batch
//!        ─▶ stage (write, sync) ─▶ commit (position + moves, one replacement) ─▶ publish (rename)
//!        ─▶ prune ─▶ report ─▶ exit code
//! ```
//!
//! A module imports only from the lines below its own:
//!
//! | modules | are about |
//! |---|---|
//! | `commands` | what each program does |
//! | `run` | the frame of a process: arguments, log, output |
//! | `siem`, `windowed` | what to fetch next, and what an answer holds |
//! | `collect` | the engine: locks, then batch after batch of each stream |
//! | `report`, `failure` | what happened, and who has to act |
//! | `api` | everything that speaks Mimecast: signing, answers, retries; never the disk |
//! | `spool` | what is kept on disk and the order in which it changes; never Mimecast |
//! | `credentials`, `config` | what the operator decided, typed and checked |
//! | `archive`, `json`, `scan` | foreign bytes to members, under limits |
//! | `durable`, `permissions`, `clock`, `logs` | the disk, the time, the catalog of logs |
//!
//! The promises, in this order: nothing is lost, nothing is published twice, no published file is
//! ever partial or changed, no input stops collection for longer than its own batch, one writer per
//! stream, no secret escapes, and the operator knows. `ARCHITECTURE.md` says how each is kept.

mod api;
mod archive;
mod clock;
mod collect;
mod commands;
mod config;
mod credentials;
mod durable;
mod failure;
#[cfg(fuzzing)]
pub mod fuzzing;
mod json;
mod logs;
mod permissions;
mod report;
mod run;
mod siem;
mod spool;
mod windowed;

pub use commands::collect::{audit as audit_collection, siem as siem_collection};
pub use commands::setup::run as authentication_setup;
